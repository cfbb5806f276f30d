//! What a plan's parts look like when they are written.

use toml_edit::{Array, InlineTable, Item, Value, value};

use crate::{
    model::OnError,
    plan::{ColumnPlan, Literal, SecretRef, Unlisted, ValueMap},
};

/// A rename is a bare name; anything else an inline table of what differs from the default, always in the same order.
pub(super) fn column_item(plan: &ColumnPlan) -> Item {
    let bare = ColumnPlan { from: None, ..plan.clone() } == ColumnPlan::default();
    match &plan.from {
        Some(from) if bare => value(from),
        _ => value(column_table(plan)),
    }
}

fn column_table(plan: &ColumnPlan) -> InlineTable {
    let ColumnPlan { from, expr, ty, values, default, check, skip, accept_loss, private, note, by, on } = plan;
    let mut table = InlineTable::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            table.insert(key, value);
        }
    };
    put("from", from.as_ref().map(Value::from));
    put("expr", expr.as_ref().map(Value::from));
    put("type", ty.as_ref().map(|ty| Value::from(ty.to_string())));
    put("values", values.as_ref().map(|values| Value::from(values_table(values))));
    put("unlisted", values.as_ref().and_then(unlisted_word).map(Value::from));
    put("default", default.as_ref().map(literal));
    put("check", check.as_ref().map(Value::from));
    put("skip", skip.then(|| Value::from(true)));
    put("accept_loss", accept_loss.then(|| Value::from(true)));
    put("private", private.then(|| Value::from(true)));
    put("note", note.as_ref().map(Value::from));
    put("by", by.as_ref().map(Value::from));
    put("on", on.as_ref().map(Value::from));
    table
}

fn values_table(values: &ValueMap) -> InlineTable {
    values.entries.iter().map(|(from, to)| (from.clone(), literal(to))).collect()
}

fn unlisted_word(values: &ValueMap) -> Option<&'static str> {
    match values.unlisted {
        Unlisted::Fault => None,
        Unlisted::Default => Some("default"),
        Unlisted::Keep => Some("keep"),
    }
}

/// A whole number or a truth value is written bare if that reads back to the same text; all else is quoted.
fn literal(literal: &Literal) -> Value {
    let Literal(text) = literal;
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == *text);
    match (number, text.as_str()) {
        (Some(number), _) => Value::from(number),
        (None, "true") => Value::from(true),
        (None, "false") => Value::from(false),
        (None, _) => Value::from(text),
    }
}

pub(super) fn names(names: &[String]) -> Option<Item> {
    (!names.is_empty()).then(|| value(names.iter().collect::<Array>()))
}

pub(super) fn on_error_word(on_error: OnError) -> &'static str {
    match on_error {
        OnError::Ask => "ask",
        OnError::Skip => "skip",
        OnError::Stop => "stop",
        OnError::Flag => "flag",
    }
}

pub(in crate::plan) fn secret_value(secret: &SecretRef) -> Value {
    let (key, text) = match secret {
        SecretRef::Ask => return Value::from("ask"),
        SecretRef::Env(name) => ("env", name),
        SecretRef::File(path) => ("file", path),
        SecretRef::Command(command) => ("command", command),
    };
    Value::from(InlineTable::from_iter([(key, text)]))
}
