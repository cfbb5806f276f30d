use proptest::{collection, option, prelude::*};

use super::*;
use crate::{
    model::ColumnType,
    plan::{Literal, Plan, Unlisted, ValueMap, parse, samples::SAMPLE},
};

/// Every notation that the reader takes, with comments everywhere.
const MIXED: &str = "# head\n\
    [source] # the old one\nurl = 'csv:in' # here\n  password = 'ask'\n\n\
    # between\n[destination]\nurl   =   'csv:out'\n[destination.csv]\nnull = 'NULL'\n\n\
    # first\n[[table]] # one\nfrom = 'a'   # from a\nskip = [ 'x',  # why\n  'y' ]\ncolumns.id = \"old_id\" # kept\ncolumns.'odd name'.expr = '1'\n\n\
    # second\n[[table]]\nfrom = 'b'\nto = 'B'\n# about columns\n[table.columns] # these\n# about c\nc = 'd'\ne = { from = 'f', # inner\n  note = 'g' }\n\n[table.columns.h]\nexpr = 'i'\n\n\
    # third\n[[table]]\nfrom = 'c'\n# last\ncolumns = { p = 'q', r = { expr = 's' } }\n# the end\n";

fn meaning(text: &str) -> Plan {
    let parsed = parse(text);
    assert_eq!(parsed.problems, [], "{text}");
    parsed.plan.unwrap()
}

fn set(table: &str, column: &str, plan: ColumnPlan) -> Edit {
    Edit::SetColumn { table: table.into(), column: column.into(), plan: Box::new(plan) }
}

fn rename(from: &str) -> ColumnPlan {
    ColumnPlan { from: Some(from.into()), ..ColumnPlan::default() }
}

/// The lines that only one of two texts has: `-old`, `+new`.
fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let room = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(room).take_while(|(a, b)| a == b).count();
    let gone = old[start..old.len() - end].iter().map(|line| format!("-{line}"));
    gone.chain(new[start..new.len() - end].iter().map(|line| format!("+{line}"))).collect()
}

fn changed(text: &str, edit: &Edit) -> Vec<String> {
    difference(text, &apply(text, edit).unwrap())
}

#[test]
fn an_edit_changes_its_line_and_nothing_else() {
    let expr = ColumnPlan {
        expr: Some("lower(email)".into()),
        ty: Some("varchar(80)".parse().unwrap()),
        values: Some(ValueMap {
            entries: [("a b", "1"), ("c", "007"), ("d", "true")].map(|(k, v)| (k.into(), Literal(v.into()))).into(),
            unlisted: Unlisted::Keep,
        }),
        default: Some(Literal("x".into())),
        check: Some("length(user_email) > 0".into()),
        accept_loss: true,
        note: Some("why".into()),
        ..ColumnPlan::default()
    };
    let cases = [
        (
            set("customers", "id", rename("number")),
            vec![
                "-id = \"customer_id\"                     # a rename",
                "+id = \"number\"                     # a rename",
            ],
        ),
        (
            set("customers", "user_email", expr),
            vec![
                "-user_email = { expr = \"upper(email)\" } # any SQL expression over the source columns",
                "+user_email = { expr = \"lower(email)\", type = \"varchar(80)\", values = { \"a b\" = 1, c = \"007\", d = true }, \
                 unlisted = \"keep\", default = \"x\", check = \"length(user_email) > 0\", accept_loss = true, note = \"why\" } \
                 # any SQL expression over the source columns",
            ],
        ),
        (set("customers", "odd name", rename("x")), vec!["+\"odd name\" = \"x\""]),
        (
            Edit::RemoveColumn { table: "customers".into(), column: "internal_tag".into() },
            vec!["-internal_tag = { skip = true }         # a destination column left unfilled on purpose"],
        ),
        (
            Edit::SetSkip { table: "customers".into(), columns: vec!["a".into(), "b".into()] },
            vec![
                "-skip = [\"internal_notes\"]              # source columns left behind on purpose",
                "+skip = [\"a\", \"b\"]              # source columns left behind on purpose",
            ],
        ),
        (Edit::SetKey { table: "customers".into(), columns: vec![] }, vec!["-key = [\"id\"]"]),
        (Edit::SetFilter { table: "customers".into(), filter: Some("a = 'b'".into()) }, vec!["+where = \"a = 'b'\""]),
        (
            Edit::SetRun { on_error: Some(OnError::Stop), parallel: None },
            vec![
                "-on_error = \"ask\"                       # ask | skip | stop | flag; the prompt starts on stop",
                "+on_error = \"stop\"                       # ask | skip | stop | flag; the prompt starts on stop",
            ],
        ),
        (Edit::SetRun { on_error: None, parallel: Some(9) }, vec!["-parallel = 4", "+parallel = 9"]),
        (Edit::SetName { name: "x".into() }, vec!["-name = \"Postgres to CredVault\"", "+name = \"x\""]),
        (
            Edit::SetSide { side: Side::Source, url: "csv:in".into(), password: None },
            vec![
                "-url = \"postgres://migration_user@source-db.example.com/old_database\"",
                "-password = { env = \"OLD_DB_PASSWORD\" } # env, file, command, keyring, or asked for",
                "+url = \"csv:in\"",
            ],
        ),
        (
            Edit::SetSide { side: Side::Destination, url: "csv:out".into(), password: Some(SecretRef::Ask) },
            vec!["-url = \"sqlite:credvault.db\"", "+url = \"csv:out\"", "+password = \"ask\""],
        ),
        (
            Edit::AddTable { from: "orders".into(), to: "Orders".into() },
            vec!["+[[table]]", "+from = \"orders\"", "+to = \"Orders\"", "+"],
        ),
    ];
    for (edit, expected) in cases {
        assert_eq!(changed(SAMPLE, &edit), expected, "{edit:?}");
    }
}

#[test]
fn every_notation_can_be_edited() {
    for (edit, expected) in [
        (set("a", "id", rename("n")), vec!["-columns.id = \"old_id\" # kept", "+columns.id = \"n\" # kept"]),
        (set("a", "new", rename("n")), vec!["+columns.new = \"n\""]),
        (set("B", "c", rename("n")), vec!["-c = 'd'", "+c = \"n\""]),
        (set("B", "new", rename("n")), vec!["+new = \"n\""]),
        (
            set("c", "p", rename("n")),
            vec!["-columns = { p = 'q', r = { expr = 's' } }", "+columns = { p = \"n\", r = { expr = 's' } }"],
        ),
        (
            Edit::RemoveColumn { table: "c".into(), column: "r".into() },
            vec!["-columns = { p = 'q', r = { expr = 's' } }", "+columns = { p = 'q'}"],
        ),
        (
            Edit::RemoveTable { to: "B".into() },
            MIXED
                .split('\n')
                .skip_while(|line| *line != "# second")
                .take_while(|line| *line != "# third")
                .map(|_| "-")
                .collect(),
        ),
    ] {
        let told = changed(MIXED, &edit);
        meaning(&apply(MIXED, &edit).unwrap());
        if expected.iter().all(|line| *line == "-") {
            assert_eq!(told.len(), expected.len(), "{told:?}");
            assert!(told.iter().all(|line| line.starts_with('-')), "{told:?}");
        } else {
            assert_eq!(told, expected, "{edit:?}");
        }
    }
}

#[test]
fn a_column_with_a_section_of_its_own_becomes_a_line() {
    let text = apply(MIXED, &set("B", "h", rename("n"))).unwrap();
    let plan = meaning(&text);
    assert_eq!(plan.tables[1].columns.iter().find(|(name, _)| name == "h").unwrap().1, rename("n"), "{text}");
    let only = "[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n[[table]]\nfrom='t'\n[table.columns.h]\nexpr='1'\n[[table]]\nfrom='u'\n";
    let text = apply(only, &set("t", "h", rename("n"))).unwrap();
    assert_eq!(meaning(&text).tables[0].columns, [("h".into(), rename("n"))], "{text}");
    let text = apply(only, &set("u", "h", rename("n"))).unwrap();
    assert_eq!(meaning(&text).tables[1].columns, [("h".into(), rename("n"))], "{text}");
}

#[test]
fn a_section_that_is_not_there_is_put_before_the_tables() {
    let text =
        "[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n[destination.csv]\nnull='x'\n\n# t\n[[table]]\nfrom='t'\n";
    assert_eq!(changed(text, &Edit::SetRun { on_error: None, parallel: Some(2) }), ["+[run]", "+parallel = 2", "+"]);
    let text = apply(text, &Edit::SetName { name: "n".into() }).unwrap();
    assert_eq!(meaning(&text).name, "n");
    let text = apply("", &Edit::SetSide { side: Side::Source, url: "csv:a".into(), password: None }).unwrap();
    let text = apply(&text, &Edit::SetSide { side: Side::Destination, url: "csv:b".into(), password: None }).unwrap();
    let text = apply(&text, &Edit::AddTable { from: "t".into(), to: "t".into() }).unwrap();
    let text = apply(&text, &set("t", "c", rename("d"))).unwrap();
    assert_eq!(meaning(&text).tables[0].columns, [("c".into(), rename("d"))]);
    let text = apply(&text, &Edit::RemoveTable { to: "t".into() }).unwrap();
    assert_eq!(text, "[source]\nurl = \"csv:a\"\n\n[destination]\nurl = \"csv:b\"\n");
}

#[test]
fn tables_in_a_list_can_be_edited_too() {
    let text = "table = [{ from = 'a' }, { from = 'b', columns = { c = 'd' } }]\n[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n";
    let text = apply(text, &Edit::AddTable { from: "x".into(), to: "y".into() }).unwrap();
    let text = apply(&text, &set("b", "c", rename("e"))).unwrap();
    let text = apply(&text, &Edit::RemoveTable { to: "a".into() }).unwrap();
    let plan = meaning(&text);
    let names: Vec<&str> = plan.tables.iter().map(|table| table.to.as_str()).collect();
    assert_eq!(names, ["b", "y"]);
    assert_eq!(plan.tables[0].columns, [("c".into(), rename("e"))]);
}

#[test]
fn line_ends_stay_what_they_are() {
    let windows = SAMPLE.replace('\n', "\r\n");
    let text = apply(&windows, &set("customers", "id", rename("n"))).unwrap();
    assert!(!text.replace("\r\n", "").contains('\n'));
    assert_eq!(difference(&windows, &text).len(), 2);
    let mixed = SAMPLE.replacen('\n', "\r\n", 9);
    assert_eq!(difference(&mixed, &apply(&mixed, &set("customers", "id", rename("n"))).unwrap()).len(), 2);
    let last = "[source]\r\nurl = 'csv:a'\n[run]\nparallel = 3";
    let text = apply(last, &Edit::SetRun { on_error: None, parallel: Some(5) }).unwrap();
    assert_eq!(text, "[source]\r\nurl = 'csv:a'\n[run]\nparallel = 5\r\n");
}

#[test]
fn a_drafted_table_comes_with_its_comments() {
    use crate::model::{Advice, Column, ColumnType, Sight, Sighting, Table};
    let column = |name: &str| Column::new(name, ColumnType::TEXT);
    let from = Table { name: "t".into(), columns: vec![column("a"), column("b c")], ..Table::default() };
    let advice = |column: &str, sight, ty| Advice {
        sighting: Sighting { column: column.into(), sight, values: 1, rows: 2 },
        ty,
    };
    let seen = vec![
        advice("a", Sight::Only(ColumnType::BIGINT), ColumnType::BIGINT),
        advice("b c", Sight::Beside, ColumnType::TEXT),
    ];
    let add = Edit::AddDraft(Box::new(Drafted { from, to: None, advice: seen }));
    for text in ["", "# ours\n[run]\nparallel = 3", "# ours\r\n[[table]]\r\nfrom = 'x' # kept\r\n# last\r\n"] {
        let after = apply(text, &add).unwrap();
        assert!(after.starts_with(text), "{after}");
        let plain = after.replace("\r\n", "\n");
        assert!(
            plain.contains("\n[[table]]\nfrom = \"t\"\nto = \"t\"\n\n[table.columns]\na = { type = \"bigint\" }  # so"),
            "{after}"
        );
        assert!(plain.contains("\n# \"b c\" = { type = \"text\" }  # 1 of the 2 rows"), "{after}");
        assert_eq!(after.matches("\r\n").count(), if text.contains('\r') { after.matches('\n').count() } else { 0 });
        assert!(apply(&after, &add).unwrap_err().to_string().contains("already has a table"));
        let again = apply(&after, &Edit::AddTable { from: "u".into(), to: "u".into() }).unwrap();
        assert!(again.find("\"u\"") > again.find("bigint"), "{again}");
    }
    let inline = apply("table = [{ from = 'x' }]\n", &add).unwrap();
    assert!(inline.contains("{ from = \"t\", to = \"t\", columns = { a = { type = \"bigint\" } } }"), "{inline}");
}

#[test]
fn what_cannot_be_done_says_why() {
    let told = |text: &str, edit: Edit| apply(text, &edit).unwrap_err().to_string();
    let add = |to: &str| Edit::AddTable { from: "x".into(), to: to.into() };
    for (error, part) in [
        (told(SAMPLE, set("customer", "a", rename("b"))), "did you mean 'customers'?"),
        (told(SAMPLE, Edit::RemoveTable { to: "zzz".into() }), "add it first"),
        (told(SAMPLE, add("customers")), "already has a table that goes to 'customers'"),
        (
            told(SAMPLE, Edit::RemoveColumn { table: "customers".into(), column: "user_mail".into() }),
            "mean 'user_email'?",
        ),
        (
            told("[[table]]\nfrom='a'", Edit::RemoveColumn { table: "a".into(), column: "b".into() }),
            "by its own name already",
        ),
        (told("a = 1\nb = \n", add("t")), "line 2, column 5"),
        (told("table = 1", add("t")), "double brackets"),
        (told("source = 1", Edit::SetSide { side: Side::Source, url: "csv:a".into(), password: None }), "as a table"),
        (told("[[table]]\nfrom='a'\ncolumns = 1", set("a", "b", rename("c"))), "'columns' is not written as a table"),
    ] {
        assert!(error.contains(part), "{error}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,8}", "[ -~é\n\t'\"\\\\]{1,12}".prop_filter("not blank", |text| !text.trim().is_empty())]
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        "[a-zA-Z0-9 .'\"é\\\\#=\\[\\]-]{1,8}".prop_filter("not blank", |text| !text.trim().is_empty())
    ]
}

fn any_literal() -> impl Strategy<Value = Literal> {
    prop_oneof![any::<i64>().prop_map(|n| n.to_string()), "-?[0-9]{0,3}(\\.[0-9]+)?", any_text(), Just("true".into())]
        .prop_map(Literal)
}

fn any_values() -> impl Strategy<Value = ValueMap> {
    let unlisted = prop_oneof![Just(Unlisted::Fault), Just(Unlisted::Default), Just(Unlisted::Keep)];
    let entries = collection::btree_map(any_name(), any_literal(), 1..4);
    (entries, unlisted).prop_map(|(entries, unlisted)| ValueMap { entries, unlisted })
}

fn any_type() -> impl Strategy<Value = ColumnType> {
    prop_oneof![
        Just("integer"),
        Just("decimal(10,2)"),
        Just("varchar(30)"),
        Just("other(inet)"),
        Just("bigint unsigned")
    ]
    .prop_map(|name| name.parse().unwrap())
}

fn any_column() -> impl Strategy<Value = ColumnPlan> {
    let fed = (option::of(any_name()), any_text(), option::of(any_type()), option::of(any_values()));
    let more = (option::of(any_literal()), option::of(any_text()), any::<bool>(), option::of(any_text()), any_author());
    let fed = (fed, more, any::<bool>()).prop_map(
        |((from, expr, ty, values), (default, check, accept_loss, note, (by, on)), plain)| {
            let expr = (from.is_none() && !plain).then_some(expr);
            let needs = values.as_ref().is_some_and(|values| values.unlisted == Unlisted::Default);
            let default = default.or(needs.then(|| Literal("0".into())));
            ColumnPlan {
                from,
                expr,
                ty,
                values,
                default,
                check,
                skip: false,
                accept_loss,
                private: plain,
                note,
                by,
                on,
            }
        },
    );
    let skipped = option::of(any_text()).prop_map(|note| ColumnPlan { skip: true, note, ..ColumnPlan::default() });
    prop_oneof![9 => fed, 1 => skipped]
}

fn any_author() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    (option::of(any_name()), option::of(Just("2026-06-12".to_owned())))
}

fn any_table() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("B"), Just("c")].prop_map(String::from)
}

fn any_names() -> impl Strategy<Value = Vec<String>> {
    collection::btree_set(any_name(), 0..3).prop_map(|names| names.into_iter().collect())
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let on_error = prop_oneof![Just(OnError::Ask), Just(OnError::Skip), Just(OnError::Stop), Just(OnError::Flag)];
    let secret = prop_oneof![
        any_name().prop_map(SecretRef::Env),
        any_name().prop_map(SecretRef::File),
        any_text().prop_map(SecretRef::Command),
        Just(SecretRef::Ask)
    ];
    let column = prop_oneof![
        any_name(),
        prop_oneof![Just("c"), Just("h"), Just("id"), Just("odd name"), Just("r")].prop_map(String::from)
    ];
    prop_oneof![
        6 => (any_table(), column, any_column()).prop_map(|(table, column, plan)| Edit::SetColumn { table, column, plan: Box::new(plan) }),
        1 => (any_name(), "[a-z]{3,6}").prop_map(|(from, to)| Edit::AddTable { from, to }),
        1 => any_table().prop_map(|to| Edit::RemoveTable { to }),
        1 => (any_table(), any_names()).prop_map(|(table, columns)| Edit::SetSkip { table, columns }),
        1 => (any_table(), any_names()).prop_map(|(table, columns)| Edit::SetKey { table, columns }),
        1 => (any_table(), option::of(any_text())).prop_map(|(table, filter)| Edit::SetFilter { table, filter }),
        1 => (any::<bool>(), option::of(secret)).prop_map(|(source, password)| {
            let side = if source { Side::Source } else { Side::Destination };
            Edit::SetSide { side, url: "csv:elsewhere".into(), password }
        }),
        1 => (option::of(on_error), option::of(1usize..=64)).prop_map(|(on_error, parallel)| Edit::SetRun { on_error, parallel }),
        1 => any_text().prop_map(|name| Edit::SetName { name }),
    ]
}

/// What the edit means for the meaning.
fn edited(mut plan: Plan, edit: &Edit) -> Plan {
    fn table<'p>(plan: &'p mut Plan, to: &str) -> &'p mut crate::plan::TablePlan {
        plan.tables.iter_mut().find(|table| table.to == to).unwrap()
    }
    match edit.clone() {
        Edit::SetColumn { table: to, column, plan: new } => {
            let columns = &mut table(&mut plan, &to).columns;
            match columns.iter_mut().find(|(name, _)| *name == column) {
                Some((_, old)) => *old = *new,
                None => columns.push((column, *new)),
            }
        }
        Edit::RemoveColumn { table: to, column } => table(&mut plan, &to).columns.retain(|(name, _)| *name != column),
        Edit::AddTable { from, to } => plan.tables.push(crate::plan::TablePlan { from, to, ..Default::default() }),
        Edit::AddDraft(_) => {}
        Edit::RemoveTable { to } => plan.tables.retain(|table| table.to != to),
        Edit::SetSkip { table: to, columns } => table(&mut plan, &to).skip = columns,
        Edit::SetKey { table: to, columns } => table(&mut plan, &to).key = columns,
        Edit::SetFilter { table: to, filter } => table(&mut plan, &to).filter = filter,
        Edit::SetSide { side, url, password } => {
            let side = if side == Side::Source { &mut plan.source } else { &mut plan.destination };
            (side.url, side.password) = (url, password);
        }
        Edit::SetRun { on_error, parallel } => {
            plan.run.on_error = on_error.unwrap_or(plan.run.on_error);
            plan.run.parallel = parallel.unwrap_or(plan.run.parallel);
        }
        Edit::SetName { name } => plan.name = name,
    }
    plan
}

/// Columns may come in another order when one of several notations is replaced.
fn sorted(mut plan: Plan) -> Plan {
    plan.tables.iter_mut().for_each(|table| table.columns.sort_by(|a, b| a.0.cmp(&b.0)));
    plan
}

/// The text of a table of [`MIXED`]: from its comment to the next one's.
fn block<'t>(text: &'t str, from: &str) -> &'t str {
    let start = text.find(from).unwrap();
    let ends = ["# second\n", "# third\n", "# the end\n", "\n\n[[table]]\n"].into_iter();
    let end = ends.filter_map(|end| text[start + 3..].find(end)).min().unwrap();
    text[start..start + 3 + end].trim_end()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_edit_means_what_it_says_and_leaves_the_rest(edit in any_edit()) {
        let before = meaning(MIXED);
        let text = apply(MIXED, &edit).unwrap();
        let parsed = parse(&text);
        prop_assert_eq!(&parsed.problems, &[], "{}", text);
        prop_assert_eq!(sorted(parsed.plan.unwrap()), sorted(edited(before, &edit)), "{}", text);
        let touched = match &edit {
            Edit::SetColumn { table, .. } | Edit::SetSkip { table, .. } | Edit::SetKey { table, .. } => table.as_str(),
            Edit::SetFilter { table, .. } | Edit::RemoveTable { to: table } => table.as_str(),
            _ => "",
        };
        for (name, comment) in [("a", "# first\n"), ("B", "# second\n"), ("c", "# third\n")] {
            if touched != name {
                prop_assert_eq!(block(&text, comment), block(MIXED, comment), "{}", text);
            }
        }
        prop_assert!(text.starts_with("# head\n") && text.ends_with("# the end\n"), "{}", text);
    }

    /// Edits add up: each acts on the text that the one before left.
    #[test]
    fn edits_follow_each_other(plans in collection::vec((any_table(), any_name(), any_column()), 1..6)) {
        let (mut text, mut plan) = (MIXED.to_owned(), meaning(MIXED));
        for (table, column, new) in plans {
            let edit = Edit::SetColumn { table, column, plan: Box::new(new) };
            text = apply(&text, &edit).unwrap();
            plan = edited(plan, &edit);
        }
        prop_assert_eq!(sorted(meaning(&text)), sorted(plan), "{}", text);
    }
}
