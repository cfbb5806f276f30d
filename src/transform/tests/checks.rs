//! NOT NULL, length, checks and the filter.

use super::*;
use crate::model::Cause;

fn causes(applied: &Applied) -> Vec<(usize, Cause)> {
    applied.faults.iter().map(|fault| (fault.row, fault.cause)).collect()
}

#[test]
fn null_is_a_fault_where_the_destination_allows_none() {
    let mut column = from("name", "text", "name");
    column.target.nullable = false;
    let mapping = mapping(&[("name", "text")], vec![column]);
    let applied = compiled(&mapping).apply(&batch(&mapping.from, &[&[Some("a")], &[None]])).unwrap();
    assert_eq!(causes(&applied), [(1, Cause::Null)]);
    assert_eq!(applied.faults[0].value, Some(Cell::Null));
}

#[test]
fn length_counts_characters_of_text_and_bytes_of_bytes() {
    let columns = vec![from("t", "varchar(3)", "t"), from("b", "bytes(3)", "t")];
    let mapping = mapping(&[("t", "text")], columns);
    let rows: &[&[Option<&str>]] = &[&[Some("abc")], &[Some("abcd")], &[Some("éé")], &[Some("")], &[None]];
    let applied = compiled(&mapping).apply(&batch(&mapping.from, rows)).unwrap();
    assert_eq!(causes(&applied), [(1, Cause::Length), (2, Cause::Length)]);
    assert_eq!((applied.faults[0].target.as_str(), applied.faults[1].target.as_str()), ("t", "b"));
    assert_eq!(applied.faults[0].expected, "Text of at most 3 characters");
    assert_eq!(applied.faults[0].message, "4 characters where the destination takes 3");
}

#[test]
fn a_check_sees_the_converted_row_and_null_passes() {
    let low = MappedColumn { check: Some("low <= high".into()), ..from("low", "integer", "a") };
    let mapping = mapping(&[("a", "text"), ("b", "text")], vec![low, from("high", "integer", "b")]);
    let rows: &[&[Option<&str>]] =
        &[&[Some("9"), Some("10")], &[Some("11"), Some("10")], &[None, Some("1")], &[Some("1"), Some("x")]];
    let applied = compiled(&mapping).apply(&batch(&mapping.from, rows)).unwrap();
    assert_eq!(applied.rows, [0, 2]);
    assert_eq!(causes(&applied), [(1, Cause::Check), (3, Cause::Conversion)]);
    assert_eq!((applied.faults[0].target.as_str(), applied.faults[0].column.as_deref()), ("low", Some("a")));
    assert_eq!(applied.faults[0].value, Some(Cell::text("11")));
}

#[test]
fn a_check_that_fails_to_evaluate_is_a_fault() {
    let column = MappedColumn { check: Some("10 / n > 1".into()), ..from("n", "integer", "n") };
    let mapping = mapping(&[("n", "integer")], vec![column]);
    let applied = compiled(&mapping).apply(&batch(&mapping.from, &[&[Some("2")], &[Some("0")], &[Some("9")]])).unwrap();
    assert_eq!(applied.rows, [0]);
    assert_eq!(causes(&applied), [(1, Cause::Expression), (2, Cause::Check)]);
}

#[test]
fn the_first_failing_column_speaks_for_the_row() {
    let mapping = mapping(&[("a", "text")], vec![from("x", "integer", "a"), from("y", "date", "a")]);
    let applied = compiled(&mapping).apply(&batch(&mapping.from, &[&[Some("no")], &[Some("5")]])).unwrap();
    let targets: Vec<&str> = applied.faults.iter().map(|fault| fault.target.as_str()).collect();
    assert_eq!(targets, ["x", "y"]);
}

#[test]
fn the_filter_leaves_behind_what_is_not_true_and_names_what_fails() {
    let mut mapping = mapping(&[("v", "text")], vec![from("v", "text", "v")]);
    mapping.filter = Some("cast(v as bigint) > 5".into());
    let rows: &[&[Option<&str>]] = &[&[Some("9")], &[Some("1")], &[None], &[Some("x")], &[Some("6")]];
    let applied = compiled(&mapping).apply(&batch(&mapping.from, rows)).unwrap();
    assert_eq!((applied.rows, applied.filtered), (vec![0, 4], vec![1, 2]));
    let fault = &applied.faults[0];
    assert_eq!((fault.row, fault.target.as_str(), fault.column.as_deref()), (3, "where", Some("v")));
    assert_eq!(fault.expected, "cast(v as bigint) > 5");
    assert_eq!(shown(&applied.batch), [["9"], ["6"]]);
}

#[test]
fn rows_keep_their_numbers_behind_a_filter() {
    let mut mapping = mapping(&[("v", "text")], vec![from("n", "integer", "v")]);
    mapping.filter = Some("v <> 'skip'".into());
    let rows: &[&[Option<&str>]] = &[&[Some("skip")], &[Some("x")], &[Some("skip")], &[Some("4")], &[Some("y")]];
    let applied = compiled(&mapping).apply(&batch(&mapping.from, rows)).unwrap();
    assert_eq!((&applied.rows, &applied.filtered), (&vec![3], &vec![0, 2]));
    assert_eq!(causes(&applied), [(1, Cause::Conversion), (4, Cause::Conversion)]);
    assert_eq!(applied.faults[1].value, Some(Cell::text("y")));
}

#[test]
fn a_batch_of_other_columns_is_refused_and_an_empty_one_is_not() {
    let mapping = mapping(&[("v", "text")], vec![expr("v", "text", "upper(v)")]);
    let transform = compiled(&mapping);
    assert_eq!(transform.apply(&batch(&mapping.from, &[])).unwrap().batch.num_rows(), 0);
    let missing = transform.apply(&batch(&table("t", &[("w", "text")]), &[&[Some("x")]])).unwrap_err();
    assert!(missing.to_string().contains("no column 'v'"), "{missing}");
    let typed = transform.apply(&batch(&table("t", &[("v", "integer")]), &[&[Some("1")]])).unwrap_err();
    assert!(matches!(typed, TransformError::Type { .. }), "{typed}");
}

#[test]
fn an_unchanged_column_is_not_copied() {
    let mapping = mapping(&[("v", "text")], vec![from("v", "text", "v")]);
    let source = batch(&mapping.from, &[&[Some("a")], &[Some("b")]]);
    let applied = compiled(&mapping).apply(&source).unwrap();
    assert!(std::sync::Arc::ptr_eq(source.column(0), applied.batch.column(0)));
}

#[test]
fn a_mapping_without_columns_still_counts_its_rows() {
    let mapping = mapping(&[("v", "text")], vec![]);
    let applied = compiled(&mapping).apply(&batch(&mapping.from, &[&[Some("a")], &[Some("b")]])).unwrap();
    assert_eq!((applied.rows, applied.batch.num_rows()), (vec![0, 1], 2));
}
