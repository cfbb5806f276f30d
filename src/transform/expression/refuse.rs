//! What an expression may not do: look beyond its row, give another value the next time, or lose a value unnoticed.

use std::ops::ControlFlow;

use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    logical_expr::{BinaryExpr, Expr, Operator, Volatility},
    sql::sqlparser::ast::{self, Spanned, visit_expressions},
};

use crate::transform::ExprError;

/// Functions that silently give NULL where they fail.
pub(super) const LOSING: &[&str] = &["date_bin"];

const ONE_ROW: &str = "an expression sees one row at a time";

/// Subqueries are refused before anything looks for their tables.
pub(super) fn in_syntax(parsed: &ast::Expr) -> Result<(), ExprError> {
    let found = visit_expressions(parsed, |expr| match expr {
        ast::Expr::Subquery(_) | ast::Expr::Exists { .. } | ast::Expr::InSubquery { .. } => {
            ControlFlow::Break(expr.span().start)
        }
        _ => ControlFlow::Continue(()),
    });
    let ControlFlow::Break(start) = found else { return Ok(()) };
    let message = format!("a subquery cannot be used here: {ONE_ROW}");
    Err(ExprError { message, line: to_usize(start.line), column: to_usize(start.column) })
}

fn to_usize(place: u64) -> usize {
    usize::try_from(place).unwrap_or(0)
}

pub(super) fn in_logic(logical: &Expr) -> Result<(), ExprError> {
    let mut refused = None;
    let _ = logical.apply(|expr| {
        refused = refusal(expr);
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    refused.map_or(Ok(()), |message| Err(ExprError::new(message)))
}

fn refusal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::AggregateFunction(call) => {
            Some(format!("{}() sums up many rows and cannot be used here: {ONE_ROW}", call.func.name()))
        }
        Expr::WindowFunction(call) => {
            Some(format!("{}() looks at other rows and cannot be used here: {ONE_ROW}", call.fun.name()))
        }
        Expr::ScalarFunction(call) if call.func.signature().volatility == Volatility::Volatile => Some(format!(
            "{}() gives another value each time and cannot be used here: a resumed run must make the same rows again",
            call.func.name()
        )),
        Expr::ScalarFunction(call) if LOSING.contains(&call.func.name()) => {
            Some(format!("{}() makes NULL of what it cannot do and cannot be used here", call.func.name()))
        }
        Expr::BinaryExpr(BinaryExpr { op: Operator::BitwiseShiftLeft, .. }) => {
            Some("<< drops bits unnoticed and cannot be used here; multiply instead".into())
        }
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => {
            Some(format!("a subquery cannot be used here: {ONE_ROW}"))
        }
        Expr::Unnest(_) | Expr::GroupingSet(_) => Some(format!("{expr} cannot be used here: {ONE_ROW}")),
        Expr::Placeholder(placeholder) => {
            Some(format!("{} stands for a value that nothing gives; write the value", placeholder.id))
        }
        Expr::ScalarVariable(..) | Expr::OuterReferenceColumn(..) => Some(format!("{expr} is not known here")),
        _ => None,
    }
}
