//! The migration that the product was asked for: a rename, four expressions and a value map.

use super::*;
use crate::{
    model::{Cause, ColumnType},
    plan::{Literal, Unlisted, ValueMap},
};

const SOURCE: &[(&str, &str)] = &[
    ("customer_id", "integer"),
    ("name", "varchar(40)"),
    ("email", "text"),
    ("created_date", "text"),
    ("birth_year", "integer"),
    ("customer_tier", "text"),
];

fn tiers() -> ValueMap {
    let entries = [("gold", "1"), ("silver", "2")].map(|(key, code)| (key.to_owned(), Literal(code.into())));
    ValueMap { entries: entries.into(), unlisted: Unlisted::Fault }
}

fn customers() -> Mapping {
    let tier = MappedColumn { values: Some(tiers()), ..from("tier_code", "integer", "customer_tier") };
    let name = MappedColumn {
        default: Some(Literal("unknown".into())),
        check: Some("length(name) > 0".into()),
        ..expr("name", "text", "trim(name)")
    };
    mapping(
        SOURCE,
        vec![
            from("id", "bigint", "customer_id"),
            name,
            expr("user_email", "text", "upper(email)"),
            expr("created_at", "date", "parse_date(created_date, 'MM/DD/YYYY')"),
            tier,
            expr("full_age", "integer", "date_part('year', run_date()) - birth_year"),
        ],
    )
}

fn good<'a>(id: &'a str, name: &'a str) -> Vec<Option<&'a str>> {
    vec![Some(id), Some(name), Some("jane@example.com"), Some("06/12/2024"), Some("1980"), Some("gold")]
}

#[test]
fn a_customer_arrives_as_the_plan_says() {
    let mapping = customers();
    let transform = compiled(&mapping);
    assert_eq!(transform.target_columns(), ["id", "name", "user_email", "created_at", "tier_code", "full_age"]);
    let applied = transform.apply(&batch(&mapping.from, &[&good("1", "  Jane Doe ")])).unwrap();
    assert_eq!(applied.faults, []);
    assert_eq!(shown(&applied.batch), [["1", "Jane Doe", "JANE@EXAMPLE.COM", "2024-06-12", "1", "44"]]);
    assert_eq!(applied.batch.schema(), transform.target_schema());
}

#[test]
fn each_bad_row_is_named_with_its_column_value_and_cause() {
    let mapping = customers();
    let mut rows: Vec<Vec<Option<&str>>> = ["1", "2", "3", "4", "5"].map(|id| good(id, "Jane")).into();
    rows[1][3] = Some("13/40/2024");
    rows[3][5] = Some("bronze");
    rows[4][1] = Some("   ");
    let rows: Vec<&[Option<&str>]> = rows.iter().map(Vec::as_slice).collect();
    let applied = compiled(&mapping).apply(&batch(&mapping.from, &rows)).unwrap();
    assert_eq!(applied.rows, [0, 2]);
    let [date, tier, name] = applied.faults.as_slice() else { panic!("{:?}", applied.faults) };
    assert_eq!((date.row, date.column.as_deref(), date.target.as_str()), (1, Some("created_date"), "created_at"));
    assert_eq!((date.cause, date.expected.as_str()), (Cause::Expression, "Date"));
    assert_eq!(date.value, Some(Cell::text("13/40/2024")));
    assert_eq!(date.message, "'13/40/2024' is not a date of the form MM/DD/YYYY");
    assert_eq!((tier.row, tier.cause, tier.expected.as_str()), (3, Cause::Unlisted, "one of gold, silver"));
    assert_eq!(tier.value, Some(Cell::text("bronze")));
    assert_eq!((name.row, name.cause, name.expected.as_str()), (4, Cause::Check, "length(name) > 0"));
}

#[test]
fn abc123_is_not_an_integer() {
    let mapping = mapping(&[("customer_id", "text")], vec![from("customer_id", "integer", "customer_id")]);
    let applied = compiled(&mapping).apply(&batch(&mapping.from, &[&[Some("7")], &[Some("ABC123")]])).unwrap();
    let fault = RowFault {
        row: 1,
        column: Some("customer_id".into()),
        target: "customer_id".into(),
        value: Some(Cell::text("ABC123")),
        expected: "Integer".into(),
        cause: Cause::Conversion,
        message: "'ABC123' is not an integer".into(),
    };
    assert_eq!(applied.faults, [fault]);
    assert_eq!(shown(&applied.batch), [["7"]]);
}

#[test]
fn expressions_tell_their_type() {
    let source = table("customers", SOURCE);
    for (sql, ty) in [
        ("upper(email)", "text"),
        ("name", "varchar(40)"),
        ("parse_date(created_date, 'MM/DD/YYYY')", "date"),
        ("birth_year > 1980", "boolean"),
        ("cast(birth_year as decimal(10,2))", "decimal(10,2)"),
        ("now()", "timestamptz"),
        ("run_date()", "date"),
        ("split_name(name, 'last')", "text"),
    ] {
        assert_eq!(expression_type(&source, sql).unwrap(), ty.parse::<ColumnType>().unwrap(), "{sql}");
    }
    assert_eq!(column_names("upper(email) || coalesce(name, email)"), ["email", "name"]);
    assert_eq!(column_names("\"Mixed Case\" + b"), ["Mixed Case", "b"]);
    assert_eq!(column_names("upper("), Vec::<String>::new());
}
