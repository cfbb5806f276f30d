//! From a system's words to a formula.
//!
//! One idea: literals have no type of their own in half of the systems, so a literal takes the kind of the column that
//! it is compared with, and one that cannot be read so makes the whole no formula.

use std::thread;

use datafusion::sql::sqlparser::{
    ast::{
        Array, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
        UnaryOperator, Value,
    },
    parser::Parser,
    tokenizer::Token,
};

use super::{Tongue, is_date, is_number, is_text, is_timestamp};
use crate::model::{Column, ColumnType, Comparison, Expression, Formula, Kind};

/// The parser's frames are many kilobytes each.
const STACK_BYTES: usize = 64 << 20;

const LONGEST: usize = 10_000;

const MOST_LEVELS: usize = 60;

/// An expression of a table with these columns. `mentioned` are those that the catalog knows to be in it; where it
/// does not say, they are looked for in the text.
pub(in crate::endpoint) fn expression(
    tongue: &dyn Tongue,
    text: &str,
    columns: &[Column],
    mentioned: Option<Vec<String>>,
) -> Expression {
    let formula = on_deep_stack(|| read(tongue, text, columns));
    let mentioned = mentioned.unwrap_or_else(|| {
        let names = crate::plan::mentions(text);
        let is_named = |column: &&Column| names.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
        columns.iter().filter(is_named).map(|column| column.name.clone()).collect()
    });
    let folds = formula.as_ref().is_some_and(|formula| folds(formula, columns));
    Expression { text: text.to_owned(), holds: true, columns: mentioned, formula, folds }
}

/// A column's default.
pub(in crate::endpoint) fn default(tongue: &dyn Tongue, text: &str, column: &Column) -> Option<Formula> {
    let read = || {
        let parsed = parse(tongue, text)?;
        Reader { tongue, columns: &[] }.read(&parsed)
    };
    match (on_deep_stack(read)?, Kind::of(&column.ty)) {
        (Formula::Null, _) => Some(Formula::Null),
        (Formula::Now, _) if column.ty == (ColumnType::Timestamp { zone: true }) => Some(Formula::Instant),
        (Formula::Now, Some(Kind::Timestamp)) => Some(Formula::Now),
        (Formula::Today | Formula::Now, Some(Kind::Date)) => Some(Formula::Today),
        (literal, Some(kind)) => of_kind(literal, kind),
        // The text of other types is a matter of their own systems.
        (Formula::Text(text), None)
            if matches!(column.ty, ColumnType::Json | ColumnType::Uuid) || column.labels.contains(&text) =>
        {
            Some(Formula::Text(text))
        }
        _ => None,
    }
}

fn on_deep_stack(work: impl FnOnce() -> Option<Formula> + Send) -> Option<Formula> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).ok()?;
        thread.join().ok().flatten()
    })
}

fn parse(tongue: &dyn Tongue, text: &str) -> Option<Expr> {
    if text.len() > LONGEST {
        return None;
    }
    let parser = Parser::new(tongue.grammar()).with_recursion_limit(MOST_LEVELS);
    let mut parser = parser.try_with_sql(text).ok()?;
    let parsed = parser.parse_expr().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(parsed)
}

fn read(tongue: &dyn Tongue, text: &str, columns: &[Column]) -> Option<Formula> {
    let parsed = parse(tongue, text)?;
    Reader { tongue, columns }.read(&parsed)
}

/// Whether the text of a column that knows no case is compared.
fn folds(formula: &Formula, columns: &[Column]) -> bool {
    let folding = |name: &str| columns.iter().any(|column| column.name == name && column.folds_case);
    let compares_text = |part: &Formula| match part {
        Formula::Compare(left, _, _) => is_text(left),
        Formula::In(value, _) => is_text(value),
        _ => false,
    };
    formula.has(&|part| compares_text(part) && part.columns().iter().any(|(name, _)| folding(name)))
}

/// A literal as one of this kind.
fn of_kind(literal: Formula, kind: Kind) -> Option<Formula> {
    Some(match (literal, kind) {
        (Formula::Text(text), Kind::Number) if is_number(&text) => Formula::Number(text),
        (Formula::Text(text), Kind::Date) if is_date(&text) => Formula::Date(text),
        (Formula::Text(text), Kind::Timestamp) if is_timestamp(&text) => Formula::Timestamp(text),
        (Formula::Text(text), Kind::Timestamp) if is_date(&text) => Formula::Timestamp(format!("{text} 00:00:00")),
        (Formula::Text(text), Kind::Boolean) => match text.to_ascii_lowercase().as_str() {
            "t" | "true" | "1" => Formula::Boolean(true),
            "f" | "false" | "0" => Formula::Boolean(false),
            _ => return None,
        },
        (Formula::Number(text), Kind::Boolean) if matches!(text.as_str(), "0" | "1") => Formula::Boolean(text == "1"),
        (Formula::Number(text), Kind::Text) => Formula::Text(text),
        (Formula::Boolean(value), Kind::Number) => Formula::Number(u8::from(value).to_string()),
        (literal, kind) if literal.kind() == Some(kind) => literal,
        _ => return None,
    })
}

struct Reader<'r> {
    tongue: &'r dyn Tongue,
    columns: &'r [Column],
}

impl Reader<'_> {
    fn read(&self, parsed: &Expr) -> Option<Formula> {
        match parsed {
            Expr::Nested(inner) => self.read(inner),
            Expr::Identifier(name) => self.column(&name.value).or_else(|| word(&name.value, name.quote_style)),
            Expr::Value(value) => self.value(&value.value),
            Expr::Prefixed { value, .. } => self.read(value),
            Expr::TypedString(typed) => {
                let text = typed.value.value.clone().into_string()?;
                cast(Formula::Text(text), &typed.data_type)
            }
            Expr::Cast { expr, data_type, .. } => cast(self.read(expr)?, data_type),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => negative(self.read(expr)?),
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => self.read(expr),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Some(not(self.condition(expr)?)),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(expr) => Some(Formula::IsNull(Box::new(self.read(expr)?))),
            Expr::IsNotNull(expr) => Some(not(Formula::IsNull(Box::new(self.read(expr)?)))),
            Expr::InList { expr, list, negated } => self.list(expr, list, *negated),
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => self.list(left, elements(right)?, false),
            Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => self.list(left, elements(right)?, true),
            Expr::Between { expr, negated, low, high } => self.between(expr, *negated, low, high),
            Expr::Function(function) => self.call(function),
            _ => None,
        }
    }

    fn column(&self, name: &str) -> Option<Formula> {
        let exact = self.columns.iter().find(|column| column.name == name);
        let column = exact.or_else(|| self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)))?;
        Some(Formula::Column { name: column.name.clone(), kind: Kind::of(&column.ty)? })
    }

    fn value(&self, value: &Value) -> Option<Formula> {
        Some(match value {
            Value::Number(digits, _) if is_number(digits) => Formula::Number(digits.clone()),
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Formula::Text(text.clone()),
            Value::DoubleQuotedString(text) => self.column(text).unwrap_or_else(|| Formula::Text(text.clone())),
            Value::Boolean(value) => Formula::Boolean(*value),
            // One bit: `b'1'`.
            Value::SingleQuotedByteStringLiteral(bit) if matches!(bit.as_str(), "0" | "1") => {
                Formula::Boolean(bit == "1")
            }
            Value::Null => Formula::Null,
            _ => return None,
        })
    }

    /// What is true, false or unknown.
    fn condition(&self, parsed: &Expr) -> Option<Formula> {
        self.read(parsed).filter(|formula| formula.kind() == Some(Kind::Boolean))
    }

    fn binary(&self, left: &Expr, operator: &BinaryOperator, right: &Expr) -> Option<Formula> {
        let comparison = match operator {
            BinaryOperator::And => return Some(joined(self.condition(left)?, self.condition(right)?, true)),
            BinaryOperator::Or => return Some(joined(self.condition(left)?, self.condition(right)?, false)),
            BinaryOperator::Plus => return self.arithmetic(left, '+', right),
            BinaryOperator::Minus => return self.arithmetic(left, '-', right),
            BinaryOperator::Multiply => return self.arithmetic(left, '*', right),
            BinaryOperator::Eq => Comparison::Equal,
            BinaryOperator::NotEq => Comparison::Unequal,
            BinaryOperator::Lt => Comparison::Less,
            BinaryOperator::LtEq => Comparison::AtMost,
            BinaryOperator::Gt => Comparison::Greater,
            BinaryOperator::GtEq => Comparison::AtLeast,
            _ => return None,
        };
        compare(self.read(left)?, comparison, self.read(right)?)
    }

    fn arithmetic(&self, left: &Expr, sign: char, right: &Expr) -> Option<Formula> {
        let number = |parsed| self.read(parsed).filter(|formula| formula.kind() == Some(Kind::Number));
        Some(Formula::Arithmetic(Box::new(number(left)?), sign, Box::new(number(right)?)))
    }

    fn list(&self, value: &Expr, list: &[Expr], negated: bool) -> Option<Formula> {
        let value = self.read(value)?;
        let kind = value.kind()?;
        let list = list.iter().map(|item| of_kind(self.read(item)?, kind)).collect::<Option<Vec<_>>>()?;
        let found = Formula::In(Box::new(value), list);
        Some(if negated { not(found) } else { found })
    }

    fn between(&self, value: &Expr, negated: bool, low: &Expr, high: &Expr) -> Option<Formula> {
        let value = self.read(value)?;
        let least = compare(value.clone(), Comparison::AtLeast, self.read(low)?)?;
        let both = joined(least, compare(value, Comparison::AtMost, self.read(high)?)?, true);
        Some(if negated { not(both) } else { both })
    }

    fn call(&self, function: &Function) -> Option<Formula> {
        let plain = function.filter.is_none() && function.over.is_none() && function.within_group.is_empty();
        let arguments = match &function.args {
            FunctionArguments::None => Vec::new(),
            FunctionArguments::List(list) => {
                let argument = |argument: &FunctionArg| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.read(expr),
                    _ => None,
                };
                list.args.iter().map(argument).collect::<Option<Vec<_>>>()?
            }
            FunctionArguments::Subquery(_) => return None,
        };
        let name = function.name.to_string().to_ascii_lowercase();
        self.tongue.call(&name, &arguments).filter(|_| plain)
    }
}

/// `CURRENT_DATE` and its like come as names from some grammars; a quoted name that is no column is text in SQLite.
fn word(name: &str, quote: Option<char>) -> Option<Formula> {
    match (name.to_ascii_lowercase().as_str(), quote) {
        ("current_timestamp", None) => Some(Formula::Now),
        ("current_date", None) => Some(Formula::Today),
        _ => None,
    }
}

/// `ARRAY[...]`, whatever it is cast to.
fn elements(parsed: &Expr) -> Option<&[Expr]> {
    match parsed {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => elements(inner),
        Expr::Array(Array { elem, .. }) => Some(elem),
        _ => None,
    }
}

fn negative(formula: Formula) -> Option<Formula> {
    match formula {
        Formula::Number(digits) if !digits.starts_with('-') => Some(Formula::Number(format!("-{digits}"))),
        _ => None,
    }
}

fn not(formula: Formula) -> Formula {
    Formula::Not(Box::new(formula))
}

fn joined(left: Formula, right: Formula, and: bool) -> Formula {
    let mut parts = match left {
        Formula::And(parts) if and => parts,
        Formula::Or(parts) if !and => parts,
        other => vec![other],
    };
    parts.push(right);
    if and { Formula::And(parts) } else { Formula::Or(parts) }
}

/// A comparison of two of a kind; text only for whether it is the same, since its order is a matter of collation.
fn compare(left: Formula, comparison: Comparison, right: Formula) -> Option<Formula> {
    let (kind, other) = (left.kind()?, right.kind()?);
    let (left, right) = match (is_literal(&left), is_literal(&right)) {
        (false, true) => (left, of_kind(right, kind)?),
        (true, false) => (of_kind(left, other)?, right),
        _ if kind == other => (left, right),
        _ => return None,
    };
    let of_text = is_text(&left) || is_text(&right);
    let steady = !matches!((&left, &right), (Formula::Now | Formula::Today, _) | (_, Formula::Now | Formula::Today));
    (steady && !(of_text && comparison.orders())).then(|| Formula::Compare(Box::new(left), comparison, Box::new(right)))
}

fn is_literal(formula: &Formula) -> bool {
    matches!(
        formula,
        Formula::Number(_) | Formula::Text(_) | Formula::Boolean(_) | Formula::Date(_) | Formula::Timestamp(_)
    )
}

/// A cast that changes no value: of a literal, or of a column to a type that holds it whole.
fn cast(formula: Formula, ty: &DataType) -> Option<Formula> {
    let ty = ty.to_string().to_ascii_lowercase();
    let name = ty.split('(').next().unwrap_or_default().trim();
    let kind = match name {
        "text" | "varchar" | "character varying" | "char" | "character" | "bpchar" | "name" => Kind::Text,
        "int" | "integer" | "bigint" | "smallint" | "int2" | "int4" | "int8" | "numeric" | "decimal" | "real"
        | "double precision" | "float8" | "float4" => Kind::Number,
        "boolean" | "bool" => Kind::Boolean,
        "date" => Kind::Date,
        "timestamp" | "timestamp without time zone" | "datetime" => Kind::Timestamp,
        // A literal of a type that only its own system has: the column's type says what it is.
        _ if matches!(formula, Formula::Text(_) | Formula::Null) && !name.starts_with("timestamp") => {
            return Some(formula);
        }
        _ => return None,
    };
    match formula {
        Formula::Null => Some(Formula::Null),
        Formula::Now if matches!(kind, Kind::Timestamp) => Some(Formula::Now),
        Formula::Now | Formula::Today if kind == Kind::Date => Some(Formula::Today),
        literal if is_literal(&literal) && !ty.contains('(') => of_kind(literal, kind),
        column @ Formula::Column { .. } => {
            let holds_all = matches!(name, "text" | "character varying" | "varchar" | "numeric" | "double precision");
            (column.kind() == Some(kind) && holds_all && !ty.contains('(')).then_some(column)
        }
        _ => None,
    }
}
