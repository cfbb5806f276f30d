//! Value maps and defaults.

use super::*;
use crate::{
    model::Cause,
    plan::{Literal, Unlisted, ValueMap},
};

fn map(entries: &[(&str, &str)], unlisted: Unlisted) -> Option<ValueMap> {
    let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), Literal((*value).to_owned()))).collect();
    Some(ValueMap { entries, unlisted })
}

fn column(ty: &str, values: Option<ValueMap>, default: Option<&str>) -> MappedColumn {
    MappedColumn { values, default: default.map(|text| Literal(text.into())), ..from("made", ty, "v") }
}

fn apply(source: &str, column: MappedColumn, values: &[Option<&str>]) -> Applied {
    let mapping = mapping(&[("v", source)], vec![column]);
    let rows: Vec<&[Option<&str>]> = values.iter().map(std::slice::from_ref).collect();
    compiled(&mapping).apply(&batch(&mapping.from, &rows)).unwrap()
}

#[test]
fn listed_values_are_replaced_and_null_is_never_looked_up() {
    let applied = apply(
        "text",
        column("integer", map(&[("gold", "1"), ("", "0")], Unlisted::Fault), None),
        &[Some("gold"), None, Some(""), Some("Gold")],
    );
    assert_eq!(shown(&applied.batch), [["1"], ["NULL"], ["0"]]);
    assert_eq!((applied.faults[0].row, applied.faults[0].cause), (3, Cause::Unlisted));
    assert_eq!(applied.faults[0].message, "'Gold' is not in the value map");
}

#[test]
fn unlisted_values_take_the_default_or_stay() {
    let values = [Some("gold"), Some("7"), None];
    let default = apply("text", column("integer", map(&[("gold", "1")], Unlisted::Default), Some("9")), &values);
    assert_eq!(shown(&default.batch), [["1"], ["9"], ["9"]]);
    let kept = apply("text", column("integer", map(&[("gold", "1")], Unlisted::Keep), None), &values);
    assert_eq!(shown(&kept.batch), [["1"], ["7"], ["NULL"]]);
}

#[test]
fn a_kept_value_must_convert_but_a_listed_one_need_not() {
    let column = column("integer", map(&[("gold", "1")], Unlisted::Keep), None);
    let applied = apply("text", column, &[Some("gold"), Some("silver")]);
    assert_eq!(shown(&applied.batch), [["1"]]);
    assert_eq!((applied.faults[0].row, applied.faults[0].cause), (1, Cause::Conversion));
}

#[test]
fn keys_are_the_texts_of_values_of_any_type() {
    let booleans = apply(
        "boolean",
        column("text", map(&[("true", "yes"), ("false", "no")], Unlisted::Fault), None),
        &[Some("true"), Some("false")],
    );
    assert_eq!(shown(&booleans.batch), [["yes"], ["no"]]);
    let numbers = apply("integer", column("date", map(&[("1", "2024-01-31")], Unlisted::Fault), None), &[Some("1")]);
    assert_eq!(shown(&numbers.batch), [["2024-01-31"]]);
}

#[test]
fn a_default_replaces_null_and_a_column_of_nothing_is_all_default() {
    let applied = apply("text", column("varchar(7)", None, Some("unknown")), &[None, Some("x")]);
    assert_eq!(shown(&applied.batch), [["unknown"], ["x"]]);
    let nothing = MappedColumn { origin: Origin::Default, ..column("integer", None, Some("5")) };
    assert_eq!(shown(&apply("text", nothing, &[None, Some("x")]).batch), [["5"], ["5"]]);
    let null = MappedColumn { origin: Origin::Default, ..column("integer", None, None) };
    assert_eq!(shown(&apply("text", null, &[Some("x")]).batch), [["NULL"]]);
}

#[test]
fn literals_that_do_not_fit_are_compile_errors() {
    for column in [
        column("integer", map(&[("gold", "one")], Unlisted::Fault), None),
        column("integer", None, Some("none")),
        column("varchar(3)", None, Some("four")),
        column("integer", map(&[("gold", "1")], Unlisted::Default), None),
    ] {
        let errors = Transform::compile(&mapping(&[("v", "text")], vec![column]), INSTANT).unwrap_err();
        assert_eq!(errors[0].column, "made", "{errors:?}");
    }
}
