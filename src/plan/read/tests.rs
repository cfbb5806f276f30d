use proptest::prelude::*;

use super::*;
use crate::plan::{ColumnPlan, CsvOptions, Literal, Phrase, SecretRef, TablePlan, Unlisted, ValueMap, samples::SAMPLE};

fn from(column: &str) -> ColumnPlan {
    ColumnPlan { from: Some(column.into()), ..ColumnPlan::default() }
}

fn expr(sql: &str) -> ColumnPlan {
    ColumnPlan { expr: Some(sql.into()), ..ColumnPlan::default() }
}

fn values(entries: &[(&str, &str)], unlisted: Unlisted) -> Option<ValueMap> {
    let entries = entries.iter().map(|(from, to)| ((*from).to_owned(), Literal((*to).to_owned()))).collect();
    Some(ValueMap { entries, unlisted })
}

/// A sound plan, with more behind its head.
fn plan_with(more: &str) -> String {
    format!("[source]\nurl = 'csv:in'\n[destination]\nurl = 'csv:out'\n[[table]]\nfrom = 't'\n{more}")
}

fn column(written: &str) -> Parsed {
    parse(&plan_with(&format!("[table.columns]\nc = {written}\n")))
}

fn read_column(written: &str) -> ColumnPlan {
    let parsed = column(written);
    assert_eq!(parsed.problems, [], "{written}");
    parsed.plan.unwrap().tables.remove(0).columns.remove(0).1
}

/// The problems as `line:column message`.
fn told(parsed: &Parsed) -> Vec<String> {
    let told = |problem: &Problem| format!("{}:{} {}", problem.line, problem.column, problem.message);
    parsed.problems.iter().map(told).collect()
}

/// The only problem of a column's plan, with its column in line 8.
fn complaint(written: &str) -> String {
    let mut told = told(&column(written));
    assert_eq!(told.len(), 1, "{written}: {told:?}");
    told.remove(0)
}

#[test]
fn the_design_s_plan_reads_as_it_says() {
    let parsed = parse(SAMPLE);
    assert_eq!(parsed.problems, []);
    let plan = parsed.plan.unwrap();
    assert_eq!(plan.name, "Postgres to CredVault");
    assert_eq!(plan.kind, Kind::OneTime);
    assert_eq!(plan.source.url, "postgres://migration_user@source-db.example.com/old_database");
    assert_eq!(plan.source.password, Some(SecretRef::Env("OLD_DB_PASSWORD".into())));
    assert_eq!(plan.destination, SidePlan { url: "sqlite:credvault.db".into(), ..SidePlan::default() });
    assert_eq!(plan.run, RunOptions::default());
    assert_eq!(plan.restore, RestoreOptions::default());
    let column = |name: &str, plan: ColumnPlan| (name.to_owned(), plan);
    let table = TablePlan {
        from: "customers".into(),
        to: "customers".into(),
        mode: Mode::Insert,
        key: vec!["id".into()],
        skip: vec!["internal_notes".into()],
        filter: None,
        columns: vec![
            column("id", from("customer_id")),
            column("user_email", expr("upper(email)")),
            column("created_at", expr("parse_date(created_date, 'MM/DD/YYYY')")),
            column(
                "tier_code",
                ColumnPlan {
                    ty: Some(crate::model::ColumnType::INTEGER),
                    values: values(&[("gold", "1"), ("silver", "2")], Unlisted::Fault),
                    ..from("customer_tier")
                },
            ),
            column(
                "name",
                ColumnPlan {
                    default: Some(Literal("unknown".into())),
                    check: Some("length(name) > 0".into()),
                    ..expr("trim(name)")
                },
            ),
            column("full_age", expr("date_part('year', run_date()) - birth_year")),
            column("internal_tag", ColumnPlan { skip: true, ..ColumnPlan::default() }),
        ],
        tests: Vec::new(),
    };
    assert_eq!(plan.tables, [table]);
}

#[test]
fn every_setting_is_read() {
    let parsed = parse(
        r#"
        plan.kind = "scheduled"
        [source]
        url = "csv:in"
        password = "ask"
        label = "production"
        [source.csv]
        delimiter = "\t"
        quote = "'"
        header = false
        encoding = "windows-1252"
        null = '\N'
        [destination]
        url = "mariadb://root@127.0.0.1:3306/d"
        password = { command = "pass show db" }
        [when]
        not_before = "2026-06-12 22:00"
        window = "22:00-05:00"
        days = "mon-fri"
        [run]
        on_error = "flag"
        parallel = 64
        chunk_rows = 10_000_000
        rows_per_second = 1_000_000_000
        fault_budget = 0
        fault_percent = 100
        lock_wait = 86400
        validate = false
        marks = "ops.marks"
        [[table]]
        from = "app.orders"
        mode = "upsert"
        where = "deleted = false"
        columns.a.from = "b"
        columns.c = "d"
        "#,
    );
    assert_eq!(parsed.problems, []);
    let plan = parsed.plan.unwrap();
    assert_eq!(plan.kind, Kind::Scheduled);
    assert_eq!(plan.source.password, Some(SecretRef::Ask));
    assert_eq!(plan.source.label.as_deref(), Some("production"));
    let csv =
        CsvOptions { delimiter: '\t', quote: '\'', header: false, encoding: "windows-1252".into(), null: "\\N".into() };
    assert_eq!(plan.source.csv, csv);
    assert_eq!(plan.destination.password, Some(SecretRef::Command("pass show db".into())));
    assert_eq!(plan.when.to_string(), "not before 2026-06-12 22:00, mon,tue,wed,thu,fri, 22:00-05:00");
    let run = RunOptions {
        on_error: OnError::Flag,
        parallel: 64,
        chunk_rows: Some(10_000_000),
        rows_per_second: Some(1_000_000_000),
        fault_budget: 0,
        fault_percent: 100,
        lock_wait: 86_400,
        validate: false,
        marks: Some("ops.marks".into()),
    };
    assert_eq!(plan.run, run);
    let table = &plan.tables[0];
    assert_eq!((table.from.as_str(), table.to.as_str()), ("app.orders", "app.orders"));
    assert_eq!(table.filter.as_deref(), Some("deleted = false"));
    assert_eq!(table.mode, Mode::Upsert);
    assert_eq!(table.columns, [("a".into(), from("b")), ("c".into(), from("d"))]);
}

#[test]
fn what_is_kept_before_a_run_is_up_to_the_plan() {
    let plan = |more: &str| parse(&plan_with(more));
    let read = plan("[restore]\npoints = false\nkeep_days = 90\nmax_gb = 1\ndrill = true\n");
    let options = read.plan.unwrap().restore;
    assert_eq!(options, RestoreOptions { points: false, keep_days: 90, max_gb: 1, recipient: None, drill: true });
    for wrong in ["points = 1", "drill = 1", "keep_days = 0", "max_gb = -1", "keepdays = 3"] {
        assert!(plan(&format!("[restore]\n{wrong}\n")).plan.is_none(), "{wrong}");
    }
}

#[test]
fn columns_keep_the_order_of_the_text() {
    let parsed = parse(&plan_with("[table.columns]\nz = 'a'\nb = 'c'\nm = 'd'\n[table.columns.a]\nexpr = '1'\n"));
    let names: Vec<String> = parsed.plan.unwrap().tables.remove(0).columns.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["z", "b", "m", "a"]);
}

#[test]
fn scalars_become_the_text_that_converts() {
    for (written, text) in [
        ("7", "7"),
        ("-0", "0"),
        ("+1_000", "1000"),
        ("0xff", "255"),
        ("1.50", "1.50"),
        ("+2e3", "2e3"),
        ("inf", "inf"),
        ("true", "true"),
        ("'x y'", "x y"),
        ("''", ""),
        ("2024-02-29", "2024-02-29"),
        ("-9223372036854775808", "-9223372036854775808"),
    ] {
        let plan = read_column(&format!("{{ default = {written} }}"));
        assert_eq!(plan.default, Some(Literal(text.into())), "{written}");
    }
    let plan = read_column("{ values = { a = 1, b = 2.0, c = false, '' = 'e' }, unlisted = 'default', default = 9 }");
    assert_eq!(plan.values, values(&[("a", "1"), ("b", "2.0"), ("c", "false"), ("", "e")], Unlisted::Default));
}

/// Ten mistakes and more, of every kind, and each is told at its place in one go.
#[test]
fn all_mistakes_of_a_document_are_told_at_once() {
    let text = r#"[plan]
naem = "x"
kind = "onetime"

[source]
url = "postgres://user:hunter2@db/old"
passwort = "ask"

[destination]
password = "hunter2"

[run]
on_error = "ignore"
parallel = 65
chunk_rows = "many"
fault_percent = 0

[[table]]
from = "customers"
key = "id"
skip = ["a", 2, "a"]

[table.columns]
id = { from = "customer_id", expr = "1" }
"ünïcode" = "a"; "größe" = 3
tier = { type = "integr" }
gone = { skip = true, default = 1, note = "fine" }
map = { values = { a = [1] }, unlisted = "kep" }

[[table]]
to = "orders"

[[table]]
from = "clients"
to = "customers"

[tabel]
"#;
    // The semicolon breaks the syntax of one line; without it that line holds one mistake more.
    let sound = text.replace("; \"größe\"", "\n\"größe\"");
    let told_of = |text: &str| told(&parse(text));
    let expected = [
        "2:1 unknown key 'naem' in [plan]; did you mean 'name'?",
        "3:8 'kind' is 'onetime'; allowed are one-time, continuous, scheduled; did you mean 'one-time'?",
        "6:7 a password may not stand in the URL; take it out and write password = { env = \"NAME\" }",
        "7:1 unknown key 'passwort' in [source]; did you mean 'password'?",
        "9:1 [destination] has no url; add url = \"postgres://user@host/database\"",
        "10:12 a password may not stand in the plan; write password = { env = \"NAME\" }, { file = \"PATH\" }, \
         { command = \"...\" } or \"ask\"",
        "13:12 'on_error' is 'ignore'; allowed are ask, skip, stop, flag",
        "14:12 'parallel' is 65; expected a whole number from 1 to 64",
        "15:14 'chunk_rows' is text; expected a whole number from 1 to 10000000",
        "16:17 'fault_percent' is 0; expected a whole number from 1 to 100",
        "20:7 'key' is text; expected a list of column names: [\"a\", \"b\"]",
        "21:14 'skip' is a whole number; expected text in quotes",
        "21:17 'skip' names 'a' twice; take one out",
        "24:37 column 'id' has both from and expr; keep one",
        "26:11 column 'größe' is a whole number; expected a source column in quotes, or a table: { expr = \"...\" }",
        "27:17 unknown type 'integr'; known are boolean, tinyint, smallint, integer, bigint, decimal(p,s), numeric, \
         real, double, text, varchar(n), bytes, date, time, timestamp, timestamptz, uuid, json; did you mean 'integer'?",
        "28:17 column 'gone' is skipped but also has default; keep one or the other",
        "29:24 'a' is a list; expected text, a number, true or false",
        "29:42 'unlisted' is 'kep'; allowed are fault, default, keep; did you mean 'keep'?",
        "31:1 [[table]] has no from; add the source table: from = \"...\"",
        "36:6 a second table goes to 'customers'; take one out or change its 'to'",
        "38:2 unknown key 'tabel' in a plan; did you mean 'table'?",
    ];
    assert_eq!(told_of(&sound), expected);
    assert!(parse(&sound).plan.is_none());
    let broken = told_of(text);
    assert!(broken.iter().any(|told| told.starts_with("25:16 not valid TOML")), "{broken:#?}");
    assert!(broken.iter().any(|told| told.starts_with("3:8 'kind'")), "{broken:#?}");
    assert!(broken.iter().any(|told| told.starts_with("35:6 a second")), "the rest is read on: {broken:#?}");
    assert!(!broken.iter().any(|told| told.contains("has no")), "what may only be lost is no fault: {broken:#?}");
    assert!(!format!("{broken:?}{expected:?}").contains("hunter2"));
}

#[test]
fn several_breaks_of_syntax_are_told_at_once() {
    let text = plan_with("key = [\nwhere = = 'x'\n[table.columns]\na = 'b\nc = 'd'\nc = 'e'\n");
    let lines: Vec<usize> = parse(&text).problems.iter().map(|problem| problem.line).collect();
    assert!(lines.len() >= 3, "{:?}", told(&parse(&text)));
    assert!(told(&parse("größe = 1")).iter().any(|told| told.ends_with("put any other name in quotes")));
    assert_eq!(told(&parse("a = 1\na = 2\n")).iter().filter(|told| told.contains("duplicate key")).count(), 1);
}

#[test]
fn an_empty_text_says_what_is_missing() {
    let told = told(&parse(""));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("0:0 there is no [source]") && told[1].contains("[destination]"), "{told:?}");
}

#[test]
fn a_plan_without_tables_is_a_plan() {
    let parsed = parse("[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n");
    assert_eq!(parsed.problems, []);
    assert_eq!(parsed.plan.unwrap().tables, []);
}

#[test]
fn a_column_s_mistakes_are_told_where_they_are() {
    for (written, expected) in [
        ("''", "8:5 column 'c' names no source column"),
        ("['a']", "8:5 column 'c' is a list; expected a source column"),
        ("{ form = 'a' }", "8:7 unknown key 'form' in column 'c'; did you mean 'from'?"),
        ("{ zzz = 'a' }", "8:7 unknown key 'zzz' in column 'c'; known are from, expr, type"),
        ("{ expr = ' ' }", "8:14 'expr' is empty"),
        ("{ type = 'varchar(x)' }", "8:14 unknown type 'varchar(x)'"),
        ("{ unlisted = 'keep' }", "8:18 column 'c' has unlisted but no values"),
        ("{ values = {} }", "8:5 the values of column 'c' are empty"),
        ("{ values = 'a' }", "8:16 'values' is text; expected a table"),
        ("{ values = { a = 1 }, unlisted = 'default' }", "8:38 column 'c' has unlisted = \"default\" but no default"),
        ("{ skip = 'yes' }", "8:14 'skip' is text; expected true or false"),
        ("{ default = { a = 1 } }", "8:17 'default' is a table; expected text, a number"),
        ("{ default = 99999999999999999999 }", "8:17 'default' is beyond what TOML counts to"),
        ("{ accept_los = true }", "8:7 unknown key 'accept_los' in column 'c'; did you mean 'accept_loss'?"),
    ] {
        let told = told(&column(written));
        assert!(told.iter().any(|told| told.starts_with(expected)), "{written}: {told:?}");
        assert!(column(written).plan.is_none());
    }
    assert!(complaint("{ skip = true, from = 'a', check = 'x' }").contains("also has from, check"));
}

#[test]
fn a_side_s_mistakes_are_told_where_they_are() {
    for (side, expected) in [
        ("url = 'csv:a'\ncsv = { delimiter = ';;' }", "3:21 'delimiter' must be exactly one ASCII character"),
        ("url = 'csv:a'\ncsv = { delimiter = '' }", "3:21 'delimiter' must be"),
        ("url = 'csv:a'\ncsv = { quote = '¦' }", "3:17 'quote' must be"),
        ("url = 'csv:a'\ncsv = { quote = ',' }", "3:17 delimiter and quote are both ','"),
        ("url = 'csv:a'\ncsv = { encoding = 'latin-99' }", "3:20 unknown encoding 'latin-99'"),
        ("url = 'csv:a'\ncsv = { seperator = ';' }", "3:9 unknown key 'seperator' in [source.csv]"),
        ("url = 'csv:a'\npassword = { env = 'A', file = 'B' }", "3:12 'password' must say exactly one thing"),
        ("url = 'csv:a'\npassword = {}", "3:12 'password' must say exactly one thing"),
        ("url = 'csv:a'\npassword = { env = '' }", "3:20 'env' is empty"),
        ("url = 'csv:a'\npassword = 1234", "3:12 'password' is neither"),
        ("url = 'csv:a'\npassword = { keyring = 'x' }", "3:14 unknown key 'keyring' in password; known are env"),
        ("url = 'oracle://h/d'", "2:7 "),
        ("url = 3", "2:7 'url' is a whole number; expected text in quotes"),
        ("url = 'sqlite:a'\ncsv = { header = false }", "3:7 'csv' says nothing here"),
    ] {
        let text = format!("[source]\n{side}\n[destination]\nurl = 'csv:b'\n");
        let told = told(&parse(&text));
        assert_eq!(told.len(), 1, "{side}: {told:?}");
        assert!(told[0].starts_with(expected), "{side}: {told:?}");
        assert!(!told[0].contains("1234"));
    }
}

#[test]
fn a_single_table_in_single_brackets_is_explained() {
    let text = "[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n[table]\nfrom='t'\n";
    assert_eq!(told(&parse(text)), ["5:1 'table' is a table; write each table as [[table]], in double brackets"]);
}

#[test]
fn places_are_known_for_what_is_checked_later() {
    let text = plan_with(
        "to = 'u'\nkey = ['k']\nskip = ['s', 't']\nwhere = \"a \\\"b\"\n[table.columns]\nx = { expr = \"\"\"\nfoo +\n  bar\"\"\" }\n\
         y = { from = 'q', check = 'ü > 1' }\n",
    );
    let parsed = parse(&text);
    assert_eq!(parsed.problems, []);
    let spans = parsed.spans;
    assert_eq!(spans.table("u"), Some((5, 1)));
    assert_eq!(spans.table("t"), None);
    assert_eq!(spans.key("u", "k"), Some((8, 8)));
    assert_eq!(spans.skip("u", "t"), Some((9, 14)));
    assert_eq!(spans.column("u", "y"), Some((15, 1)));
    assert_eq!(spans.column("u", "z"), None);
    let place = |phrase: Phrase, offset| spans.expression("u", &phrase, offset);
    assert_eq!(place(Phrase::Filter, 0), Some((10, 10)));
    assert_eq!(place(Phrase::Filter, 3), Some((10, 14)), "behind the escape");
    assert_eq!(place(Phrase::Filter, 99), Some((10, 15)), "the end");
    assert_eq!(place(Phrase::Expr("x".into()), 0), Some((13, 1)));
    assert_eq!(place(Phrase::Expr("x".into()), 8), Some((14, 3)));
    assert_eq!(spans.expression_line("u", &Phrase::Expr("x".into()), 2, 3), Some((14, 3)));
    assert_eq!(place(Phrase::Check("y".into()), 2), Some((15, 30)));
    assert_eq!(place(Phrase::Expr("y".into()), 0), None);
}

proptest! {
    /// Whatever stands in the file, reading it ends, and a plan comes exactly where no error does.
    #[test]
    fn any_text_is_read(cut in 0..SAMPLE.len(), length in 0usize..40, insert in "[\\[\\]{}=\"'#,.\\n a-c0-9\\\\é]{0,6}") {
        let text = format!("{}{insert}{}", &SAMPLE[..cut], &SAMPLE[(cut + length).min(SAMPLE.len())..]);
        let parsed = parse(&text);
        prop_assert_eq!(parsed.plan.is_none(), parsed.problems.iter().any(|problem| problem.error));
        let lines = text.split('\n').count();
        prop_assert!(parsed.problems.iter().all(|problem| problem.line <= lines));
    }
}

#[test]
fn tests_of_a_mapping_are_read_with_their_lines() {
    let text = SAMPLE.replace(
        "[table.columns]",
        "[[table.test]]\nname = \"capitals\"\ngiven = { email = \"a@b\", birth_year = 1990 }\nexpect = { user_email = \"A@B\" }\n\
         null = [\"name\"]\n[[table.test]]\ngiven = { customer_tier = \"lead\" }\nfault = \"tier_code\"\n[table.columns]",
    );
    let parsed = parse(&text);
    assert_eq!(parsed.problems, []);
    let tests = parsed.plan.unwrap().tables.remove(0).tests;
    let cell = |name: &str, text: &str| (name.to_owned(), Literal(text.into()));
    assert_eq!(tests[0].given, [cell("email", "a@b"), cell("birth_year", "1990")]);
    assert_eq!(
        (tests[0].name.as_deref(), tests[0].null.as_slice()),
        (Some("capitals"), ["name".to_owned()].as_slice())
    );
    assert_eq!((tests[1].fault.as_deref(), tests[1].line - tests[0].line), (Some("tier_code"), 5));
    for (wrong, words) in [
        ("[[table.test]]\nexpect = { id = 1 }\n", "has no row"),
        ("[[table.test]]\ngiven = { id = 1 }\n", "expects nothing"),
        ("test = 5\n", "[[table.test]]"),
    ] {
        let parsed = parse(&SAMPLE.replace("[table.columns]", &format!("{wrong}[table.columns]")));
        assert!(
            parsed.problems.iter().any(|problem| problem.message.contains(words)),
            "{wrong}: {:?}",
            parsed.problems
        );
    }
}
