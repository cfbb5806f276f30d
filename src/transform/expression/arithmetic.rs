//! Integer arithmetic that fails where it would wrap.
//!
//! Integer `+`, `-`, `*` and unary minus become calls of [`Checked`] while the expression is still logical, so that the
//! folding of constants is checked as well. What is left (intervals) is checked in the physical expression.

use std::sync::Arc;

use datafusion::{
    arrow::{
        compute::kernels::numeric::{add, mul, neg, sub},
        datatypes::DataType,
    },
    common::{
        DFSchema,
        tree_node::{Transformed, TreeNode},
    },
    error::{DataFusionError, Result},
    logical_expr::{
        BinaryExpr as LogicalBinary, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
        ScalarUDFImpl, Signature, Volatility, expr::ScalarFunction,
    },
    physical_expr::{PhysicalExpr, expressions::BinaryExpr},
    physical_expr_common::datum,
};

pub(super) fn check_logical(expr: Expr, frame: &DFSchema) -> Result<Expr> {
    Ok(expr.transform_up(|expr| checked(expr, frame))?.data)
}

fn checked(expr: Expr, frame: &DFSchema) -> Result<Transformed<Expr>> {
    let operation = match &expr {
        Expr::BinaryExpr(LogicalBinary { op: Operator::Plus, .. }) => Operation::Add,
        Expr::BinaryExpr(LogicalBinary { op: Operator::Minus, .. }) => Operation::Subtract,
        Expr::BinaryExpr(LogicalBinary { op: Operator::Multiply, .. }) => Operation::Multiply,
        Expr::Negative(_) => Operation::Negate,
        _ => return Ok(Transformed::no(expr)),
    };
    let integer = |operand: &Expr| Ok::<_, DataFusionError>(operand.get_type(frame)?.is_integer());
    let args = match expr {
        Expr::BinaryExpr(LogicalBinary { left, right, .. }) if integer(&left)? && integer(&right)? => {
            vec![*left, *right]
        }
        Expr::Negative(operand) if integer(&operand)? => vec![*operand],
        other => return Ok(Transformed::no(other)),
    };
    let function = Arc::new(ScalarUDF::new_from_impl(Checked::new(operation, args.len())));
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(function, args))))
}

pub(super) fn check_physical(physical: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
    let result = physical.transform_up(|node| {
        Ok(match node.downcast_ref::<BinaryExpr>() {
            Some(binary) => {
                Transformed::yes(Arc::new(binary.clone().with_fail_on_overflow(true)) as Arc<dyn PhysicalExpr>)
            }
            None => Transformed::no(node),
        })
    })?;
    Ok(result.data)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operation: Operation,
    signature: Signature,
}

impl Checked {
    fn new(operation: Operation, operands: usize) -> Self {
        Self { operation, signature: Signature::any(operands, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "+",
            Operation::Subtract | Operation::Negate => "-",
            Operation::Multiply => "*",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, operands: &[DataType]) -> Result<DataType> {
        operands.first().cloned().ok_or_else(|| DataFusionError::Plan(format!("{} lacks operands", self.name())))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match (self.operation, call.args.as_slice()) {
            (Operation::Add, [left, right]) => datum::apply(left, right, add),
            (Operation::Subtract, [left, right]) => datum::apply(left, right, sub),
            (Operation::Multiply, [left, right]) => datum::apply(left, right, mul),
            (Operation::Negate, [operand]) => Ok(ColumnarValue::Array(neg(&operand.to_array(call.number_rows)?)?)),
            _ => Err(DataFusionError::Plan(format!("{} lacks operands", self.name()))),
        }
    }
}
