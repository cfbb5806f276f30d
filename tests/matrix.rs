//! Every type of every system into every other, value by value.
//!
//! One idea: the tables are filled and read by the systems' own texts and never by our reader, and of each value there
//! are three ends: it is there as it left, its row is a fault that names it, or the plan has accepted what it lost.
//! Anything else fails, and so does a fault that nobody expected, a type that is not listed, and a row that is nowhere.
//!
//! `cargo test --test main matrix -- --nocapture` prints the matrix.

mod ends;
mod files;
mod form;
mod judge;
mod mysql;
mod postgres;
mod sqlite;

use crate::support::binary::Desk;

use ends::{End, Letter};
use form::Form;
use judge::{Judge, Sheet};

/// A value as the source's SQL says it, and the destinations in which its row is a fault.
#[derive(Clone, Copy, Debug)]
struct Value {
    sql: &'static str,
    faults: &'static str,
}

/// One column: its type, what its values mean, and what the plan says of it.
#[derive(Clone, Copy, Debug)]
struct Fixture {
    ty: &'static str,
    form: Form,
    /// As TOML, where the plan says more than nothing.
    plan: Option<&'static str>,
    /// The plan accepts that values lose.
    lossy: bool,
    values: &'static [Value],
}

const fn column(ty: &'static str, form: Form, values: &'static [Value]) -> Fixture {
    Fixture { ty, form, plan: None, lossy: false, values }
}

/// A column that the plan converts.
const fn planned(ty: &'static str, form: Form, plan: &'static str, values: &'static [Value]) -> Fixture {
    Fixture { ty, form, plan: Some(plan), lossy: false, values }
}

/// A column that the plan converts although that loses.
const fn lossy(ty: &'static str, form: Form, plan: &'static str, values: &'static [Value]) -> Fixture {
    Fixture { ty, form, plan: Some(plan), lossy: true, values }
}

/// It arrives everywhere.
const fn v(sql: &'static str) -> Value {
    Value { sql, faults: "" }
}

/// It is a fault on the way to these: `p`ostgres, `m`ysql, `s`qlite, `c`sv.
const fn f(faults: &'static str, sql: &'static str) -> Value {
    Value { sql, faults }
}

fn table(index: usize) -> String {
    format!("t{index:03}")
}

/// Fills a source, moves all of it to each destination and judges every value.
fn matrix(from: Letter, fixtures: &[Fixture]) {
    let desk = Desk::new();
    let Some(source) = End::new(from, desk.folder(), "from") else { return };
    source.fill(fixtures);
    let unknown = source.unknown_types(fixtures);
    let mut sheet = Sheet::new(from, fixtures);
    let mut unproven = Vec::new();
    for to in Letter::ALL {
        let Some(destination) = End::new(to, desk.folder(), "to") else { return };
        destination.make_types();
        let told = migrate(&desk, &source, &destination, fixtures, to);
        unproven.extend(validate(&desk, fixtures, to));
        let judge = Judge { fixtures, source: &source, destination: &destination, told: &told, same: from == to };
        sheet.take(to, judge.judge(to));
    }
    sheet.print();
    assert!(unproven.is_empty(), "a validation takes for different what is not:\n{}", unproven.join("\n"));
    assert!(unknown.is_empty(), "types that the matrix does not know: {unknown:?}");
    sheet.assert_sound();
}

fn migrate(desk: &Desk, from: &End, to: &End, fixtures: &[Fixture], letter: Letter) -> crate::support::binary::Told {
    let plan = format!("{letter:?}.toml");
    desk.run_to(0, &["new", &plan, "--source", &from.url(), "--destination", &to.url()]);
    let mut text = std::fs::read_to_string(desk.path(&plan)).unwrap();
    for (index, fixture) in fixtures.iter().enumerate() {
        let Some(says) = fixture.plan else { continue };
        let place = format!("to = \"{}\"\n", table(index));
        assert!(text.contains(&place), "{text}");
        // What the draft says of the table's columns goes: the fixture says it.
        let (before, behind) = text.split_once(&place).unwrap();
        let next = behind.find("\n[[table]]").map_or("", |next| &behind[next..]);
        text = format!("{before}{place}[table.columns]\nv = {says}\n{next}");
    }
    desk.write(&plan, &text);
    let told = desk.run(&["run", &plan, "--on-error", "flag", "--no-validate"]);
    assert!(matches!(told.code, Some(0 | 3)), "{told:#?}");
    told
}

/// Whether all that a validation has against the table is that values cannot be read back as its columns' types: SQLite
/// holds days that no calendar has, and a reader of its dates refuses them.
fn is_unreadable(table: &serde_json::Value) -> bool {
    let findings = table["findings"].as_array().unwrap();
    let checksum = findings.iter().find(|finding| finding["name"] == "Checksum").unwrap();
    let details = checksum["details"].as_array().unwrap();
    let refused = |detail: &serde_json::Value| {
        detail.as_str().is_some_and(|detail| detail.starts_with("cannot be read: '2011-02-31"))
    };
    table["outcome"] == "inconclusive" && !details.is_empty() && details.iter().all(refused)
}

/// What a validation has against the tables that were moved.
fn validate(desk: &Desk, fixtures: &[Fixture], letter: Letter) -> Vec<String> {
    let told = desk.run(&["validate", &format!("{letter:?}.toml")]);
    let validation = &told.values.last().unwrap()["validation"];
    let tables = validation["tables"].as_array().unwrap_or_else(|| panic!("{told:#?}"));
    assert_eq!(tables.len(), fixtures.len(), "{told:#?}");
    let against = tables.iter().filter(|table| table["outcome"] != "passed" && !is_unreadable(table)).map(|found| {
        let index = (0..fixtures.len()).find(|index| found["to"] == table(*index)).unwrap();
        let findings = found["findings"].as_array().unwrap();
        let findings: Vec<String> =
            findings.iter().filter(|finding| finding["outcome"] != "passed").map(ToString::to_string).collect();
        format!("  {} into {letter:?}: {} {}", fixtures[index].ty, findings.join(" "), found["differences"])
    });
    against.collect()
}

#[test]
fn from_postgres() {
    matrix(Letter::P, postgres::FIXTURES);
}

#[test]
fn from_mysql() {
    matrix(Letter::M, mysql::FIXTURES);
}

#[test]
fn from_sqlite() {
    matrix(Letter::S, sqlite::FIXTURES);
}

#[test]
fn from_csv() {
    matrix(Letter::C, files::FIXTURES);
}
