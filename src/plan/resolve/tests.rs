use super::*;
use crate::{
    model::{
        Check, Comparison, Count, Expression, ForeignKey, Formula, Generation, Index, IndexPart, Kind, Mode, Problem,
    },
    plan::{Class, Origin, parse, samples::SAMPLE},
};

fn ty(name: &str) -> ColumnType {
    name.parse().unwrap()
}

/// Columns as `name type`, with `!` behind the type of one that is not NULL.
fn table(name: &str, columns: &[&str]) -> Table {
    let column = |text: &&str| {
        let (name, name_of_type) = text.split_once(' ').unwrap();
        let nullable = !name_of_type.ends_with('!');
        Column { nullable, ..Column::new(name, ty(name_of_type.trim_end_matches('!'))) }
    };
    Table { name: name.into(), columns: columns.iter().map(column).collect(), ..Table::default() }
}

fn plan(text: &str) -> TablePlan {
    let head = "[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n[[table]]\n";
    let parsed = parse(&format!("{head}{text}"));
    assert_eq!(parsed.problems, [], "{text}");
    parsed.plan.unwrap().tables.remove(0)
}

/// The type of an expression: what it is a call of, `text` else.
fn typed(sql: &str) -> Result<ColumnType, String> {
    match sql.split('(').next() {
        Some("wrong") => Err("no such function".into()),
        Some("length") => Ok(ColumnType::BIGINT),
        Some("double") => Ok(ColumnType::DOUBLE),
        _ => Ok(ColumnType::TEXT),
    }
}

fn created(text: &str, from: &Table) -> Mapping {
    resolve(&plan(text), from, None, &typed)
}

fn onto(text: &str, from: &Table, to: &Table) -> Mapping {
    resolve(&plan(text), from, Some(to), &typed)
}

/// `target<origin` of each column.
fn ways(mapping: &Mapping) -> Vec<String> {
    let origin = |origin: &Origin| match origin {
        Origin::Column(name) => name.clone(),
        Origin::Expr(sql) => format!("={sql}"),
        Origin::Default => "-".into(),
    };
    mapping.columns.iter().map(|column| format!("{}<{}", column.target.name, origin(&column.origin))).collect()
}

fn errors(mapping: &Mapping) -> Vec<&str> {
    mapping.problems.iter().filter(|problem| problem.error).map(|problem| problem.message.as_str()).collect()
}

fn warnings(mapping: &Mapping) -> Vec<&str> {
    mapping.problems.iter().filter(|problem| !problem.error).map(|problem| problem.message.as_str()).collect()
}

fn only(messages: Vec<&str>, part: &str) {
    assert!(messages.len() == 1 && messages[0].contains(part), "expected '{part}': {messages:#?}");
}

fn customers() -> Table {
    Table {
        key: vec!["customer_id".into()],
        rows: Count::Exact(7),
        ..table(
            "customers",
            &[
                "customer_id integer!",
                "email text",
                "created_date text",
                "customer_tier text",
                "name text",
                "birth_year integer",
                "internal_notes text",
            ],
        )
    }
}

#[test]
fn the_sample_creates_its_table() {
    let plan = parse(SAMPLE).plan.unwrap().tables.remove(0);
    let mut from = customers();
    from.columns[0].identity = true;
    let mapping = resolve(&plan, &from, None, &typed);
    assert_eq!(mapping.problems, []);
    assert_eq!(
        ways(&mapping),
        [
            "id<customer_id",
            "email<email",
            "created_date<created_date",
            "tier_code<customer_tier",
            "name<=trim(name)",
            "birth_year<birth_year",
            "user_email<=upper(email)",
            "created_at<=parse_date(created_date, 'MM/DD/YYYY')",
            "full_age<=date_part('year', run_date()) - birth_year",
        ]
    );
    let names: Vec<_> = mapping.columns.iter().map(|column| column.target.clone()).collect();
    assert_eq!(mapping.to.columns, names);
    assert_eq!((mapping.to.name.as_str(), mapping.to.key.as_slice()), ("customers", ["id".to_owned()].as_slice()));
    assert_eq!(mapping.to.rows, Count::Unknown);
    let id = &mapping.to.columns[0];
    assert!(id.identity && !id.nullable, "{id:?}");
    let tier = &mapping.columns[3];
    assert_eq!((&tier.target.ty, tier.class), (&ColumnType::INTEGER, Class::Checked));
    let name = &mapping.columns[4];
    assert_eq!(name.default.as_ref().unwrap().0, "unknown");
    assert_eq!(name.check.as_deref(), Some("length(name) > 0"));
    assert!(!mapping.exists && mapping.unfilled.is_empty() && mapping.unused.is_empty());
}

#[test]
fn the_sample_maps_onto_a_table_that_is_there() {
    let plan = parse(SAMPLE).plan.unwrap().tables.remove(0);
    let mut to = table(
        "customers",
        &[
            "id bigint!",
            "user_email text",
            "created_at date",
            "tier_code integer",
            "name varchar(40)!",
            "full_age bigint",
            "internal_tag text",
            "extra text",
        ],
    );
    to.key = vec!["id".into()];
    let mapping = resolve(&plan, &customers(), Some(&to), &typed);
    assert_eq!(mapping.problems, []);
    let classes: Vec<Class> = mapping.columns.iter().map(|column| column.class).collect();
    use Class::{Checked, Exact, Widening};
    assert_eq!(classes, [Widening, Exact, Checked, Checked, Checked, Checked]);
    assert_eq!(mapping.unfilled, ["internal_tag", "extra"]);
    assert!(mapping.exists);
    assert_eq!(mapping.to, to);
}

#[test]
fn columns_of_the_same_name_map_and_case_may_differ_if_it_is_clear() {
    let from = table("t", &["Id integer", "name text", "NAME text", "Both text", "both text", "x text"]);
    let to = table("t", &["id integer", "NAME text", "BOTH text", "X text"]);
    let mapping = onto("from = 't'\n", &from, &to);
    assert_eq!(ways(&mapping), ["id<Id", "NAME<NAME", "X<x"]);
    assert_eq!(mapping.unfilled, ["BOTH"]);
    assert_eq!(mapping.unused, ["name", "Both", "both"]);
    assert_eq!(warnings(&mapping).len(), 3);
}

#[test]
fn a_source_column_that_is_skipped_feeds_nothing_by_its_name() {
    let (from, to) = (table("t", &["a text", "b text"]), table("t", &["a text", "b text"]));
    let mapping = onto("from = 't'\nskip = ['b']\n", &from, &to);
    assert_eq!((ways(&mapping), mapping.unfilled.as_slice()), (vec!["a<a".to_owned()], ["b".to_owned()].as_slice()));
    assert_eq!(mapping.problems, []);
    let mapping = onto("from = 't'\nskip = ['b']\ncolumns.b.default = 1\n", &from, &to);
    assert_eq!(ways(&mapping), ["a<a", "b<-"]);
    let mapping = created("from = 't'\nskip = ['b']\n", &from);
    assert_eq!(ways(&mapping), ["a<a"]);
}

#[test]
fn a_column_both_skipped_and_taken_is_pointed_out() {
    let from = table("t", &["a text", "b text"]);
    let mapping = created("from = 't'\nskip = ['b']\ncolumns.x = 'b'\n", &from);
    assert_eq!(ways(&mapping), ["a<a", "x<b"]);
    only(warnings(&mapping), "skip lists 'b', but column 'x' takes it");
}

#[test]
fn a_created_table_has_what_the_plan_makes_of_the_source() {
    let from = table("t", &["a text", "b text!", "c text", "Name text"]);
    for (columns, expected) in [
        ("x = 'b'", vec!["a<a", "x<b", "c<c", "Name<Name"]),
        ("x = 'b'\ny = 'b'", vec!["a<a", "x<b", "y<b", "c<c", "Name<Name"]),
        ("x = 'b'\nb = 'b'", vec!["a<a", "x<b", "b<b", "c<c", "Name<Name"]),
        ("x.expr = 'a || b'", vec!["a<a", "b<b", "c<c", "Name<Name", "x<=a || b"]),
        ("b.expr = 'a || b'", vec!["a<a", "b<=a || b", "c<c", "Name<Name"]),
        ("name.expr = 'trim(Name)'", vec!["a<a", "b<b", "c<c", "name<=trim(Name)"]),
        ("c.skip = true", vec!["a<a", "b<b", "Name<Name"]),
        ("gone.skip = true", vec!["a<a", "b<b", "c<c", "Name<Name"]),
        ("c.default = 'x'", vec!["a<a", "b<b", "c<c", "Name<Name"]),
        ("z = { default = 1, type = 'integer' }", vec!["a<a", "b<b", "c<c", "Name<Name", "z<-"]),
        ("a = 'b'\nb = 'a'", vec!["b<a", "a<b", "c<c", "Name<Name"]),
    ] {
        let mapping = created(&format!("from = 't'\n[table.columns]\n{columns}\n"), &from);
        assert_eq!(ways(&mapping), expected, "{columns}");
        assert_eq!(errors(&mapping), [] as [&str; 0], "{columns}");
    }
}

#[test]
fn what_a_source_column_says_of_itself_is_kept_while_its_values_are() {
    let mut from = table("t", &["id bigint!", "price decimal(10,2)!", "sum text", "kind text!"]);
    from.columns[0].identity = true;
    from.columns[1].native = "numeric(10,2)".into();
    from.columns[2].generated = true;
    from.columns[2].generation = Some(Generation::default());
    from.columns[1].default = Some("1.5".into());
    let mapping = created("from = 't'\n[table.columns]\nkind = { type = 'integer', values = { a = 1 } }\n", &from);
    let [id, price, sum, kind] = mapping.to.columns.as_slice() else { panic!("{mapping:?}") };
    assert!(id.identity && !id.nullable);
    assert_eq!((price.native.as_str(), price.nullable), ("numeric(10,2)", false));
    assert!(!sum.generated && sum.generation.is_some() && sum.nullable, "what becomes of it, the destination decides");
    assert_eq!(price.default.as_deref(), Some("1.5"));
    assert_eq!((kind.native.as_str(), kind.nullable, &kind.ty), ("integer", false, &ColumnType::INTEGER));
    let mapping = created("from = 't'\n[table.columns]\nid.type = 'text'\n", &from);
    assert!(!mapping.to.columns[0].identity);
}

#[test]
fn names_that_are_not_there_are_told_with_what_was_meant() {
    let from = table("people", &["customer_id integer", "email text"]);
    let to = table("users", &["user_id integer", "email text"]);
    let mapping = onto("from = 'people'\nskip = ['emial']\n[table.columns]\nuser_id = 'customerid'\n", &from, &to);
    assert_eq!(
        errors(&mapping),
        [
            "source table 'people' has no column 'emial'; did you mean 'email'?",
            "source table 'people' has no column 'customerid'; did you mean 'customer_id'?",
        ]
    );
    let mapping = onto("from = 'people'\nkey = ['userid']\n[table.columns]\nusr_id = 'customer_id'\n", &from, &to);
    assert_eq!(
        errors(&mapping),
        [
            "destination table 'users' has no column 'usr_id'; did you mean 'user_id'?",
            "key column 'userid' of 'people' is not mapped; map it, or take it out of key",
        ]
    );
    let mapping = onto("from = 'people'\nkey = ['emails']\ncolumns.gone.skip = true\n", &from, &to);
    only(errors(&mapping), "key column 'emails' of 'people' is not mapped; did you mean 'email'?");
    let mapping = created("from = 'people'\n[table.columns]\nx = 'mail'\n", &from);
    only(errors(&mapping), "source table 'people' has no column 'mail'; did you mean 'email'?");
}

#[test]
fn a_required_column_must_get_a_value() {
    let from = table("t", &["a text"]);
    let mut to = table("t", &["a text", "need text!", "made text!", "auto bigint!", "has text!"]);
    to.columns[2].generated = true;
    to.columns[3].identity = true;
    to.columns[4].default = Some("'x'".into());
    only(errors(&onto("from = 't'\n", &from, &to)), "required column 'need' of 't' gets no value");
    only(errors(&onto("from = 't'\ncolumns.need.skip = true\n", &from, &to)), "required column 'need'");
    only(errors(&onto("from = 't'\ncolumns.need = 'b'\n", &from, &to)), "has no column 'b'");
    only(errors(&onto("from = 't'\ncolumns.need.check = 'x'\n", &from, &to)), "nothing feeds column 'need'");
    let mapping = onto("from = 't'\ncolumns.need.default = 'x'\n", &from, &to);
    assert_eq!((errors(&mapping).len(), ways(&mapping)), (0, vec!["a<a".to_owned(), "need<-".to_owned()]));
    assert_eq!(mapping.unfilled, ["made", "auto", "has"]);
}

#[test]
fn what_the_destination_computes_is_never_written() {
    let from = table("t", &["a text", "sum text"]);
    let mut to = table("t", &["a text", "sum text"]);
    to.columns[1].generated = true;
    let mapping = onto("from = 't'\n", &from, &to);
    assert_eq!((ways(&mapping), mapping.unfilled.as_slice()), (vec!["a<a".to_owned()], ["sum".to_owned()].as_slice()));
    assert_eq!(mapping.unused, ["sum"]);
    only(errors(&onto("from = 't'\ncolumns.sum = 'a'\n", &from, &to)), "computes 'sum' itself");
    assert_eq!(onto("from = 't'\ncolumns.sum.skip = true\n", &from, &to).problems, []);
}

#[test]
fn a_loss_must_be_accepted() {
    let from = table("t", &["price decimal(10,2)", "at timestamptz"]);
    let to = table("t", &["price double", "at date"]);
    let mapping = onto("from = 't'\n", &from, &to);
    assert_eq!(
        errors(&mapping),
        [
            "'price' can lose digits beyond what a float holds (decimal(10,2) to double); set accept_loss = true on the \
             column, or map it to a type that holds decimal(10,2)",
            "'at' can lose the time of day (timestamptz to date); set accept_loss = true on the column, or map it to a \
             type that holds timestamptz",
        ]
    );
    assert!(mapping.columns.iter().all(|column| column.class == Class::Lossy));
    let mapping = onto("from = 't'\ncolumns.price.accept_loss = true\ncolumns.at.accept_loss = true\n", &from, &to);
    assert_eq!((errors(&mapping).len(), warnings(&mapping).len()), (0, 2));
    only(errors(&created("from = 't'\nskip = ['at']\ncolumns.price.type = 'real'\n", &from)), "can lose digits");
    only(
        errors(&onto(
            "from = 't'\nskip = ['at']\ncolumns.price.expr = 'double(price)'\n",
            &from,
            &table("t", &["price real"]),
        )),
        "double to real",
    );
}

#[test]
fn a_column_that_rewrites_what_it_is_given_loses() {
    let rewriting = |native: &str, name: &str| {
        let mut table = table("t", &[&format!("c {name}")]);
        (table.columns[0].rewrites, table.columns[0].native) = (true, native.into());
        table
    };
    let lost = |from: &Table, to: &Table, plan: &str| {
        errors(&onto(&format!("from='t'\n{plan}"), from, to)).iter().any(|error| error.contains("order of keys"))
    };
    let jsonb = rewriting("jsonb", "json");
    for name in ["json", "text", "double", "numeric"] {
        assert!(lost(&table("t", &[&format!("c {name}")]), &jsonb, ""), "{name}");
    }
    assert!(lost(&rewriting("json", "json"), &jsonb, ""), "each rewrites in its own way");
    assert!(lost(&jsonb, &jsonb, "[table.columns]\nc = { expr = \"c\" }"));
    assert!(!lost(&jsonb, &jsonb, ""));
    assert!(!lost(&table("t", &["c integer"]), &jsonb, ""));
    assert!(!lost(&table("t", &["c json"]), &jsonb, "[table.columns]\nc = { from = \"c\", accept_loss = true }"));
}

#[test]
fn what_cannot_be_converted_needs_an_expression() {
    let (from, to) = (table("t", &["a date"]), table("t", &["a integer"]));
    only(errors(&onto("from = 't'\n", &from, &to)), "'a' cannot be made from date as integer; write an expression");
    assert_eq!(errors(&onto("from = 't'\ncolumns.a.expr = 'length(a)'\n", &from, &to)).len(), 0);
    only(
        errors(&onto("from = 't'\ncolumns.a.expr = 'wrong(a)'\n", &from, &to)),
        "the expression of 'a' is wrong: no such",
    );
    let mapping = created("from = 't'\ncolumns.b.expr = 'wrong(a)'\n", &from);
    only(errors(&mapping), "the expression of 'b' is wrong");
    let mapping = created("from = 't'\ncolumns.b.default = 1\n", &from);
    only(errors(&mapping), "column 'b' has only a default; say its type");
}

#[test]
fn a_value_map_is_checked_and_what_it_keeps_is_converted() {
    let (from, to) = (table("t", &["a date", "d decimal(5,2)"]), table("t", &["a integer", "d double"]));
    let mapping = onto("from = 't'\ncolumns.a.values = { x = 1 }\ncolumns.d.values = { x = 1 }\n", &from, &to);
    assert_eq!(mapping.problems, []);
    assert!(mapping.columns.iter().all(|column| column.class == Class::Checked));
    let kept = "from = 't'\nskip = ['a']\ncolumns.d = { values = { x = 1 }, unlisted = 'keep' }\n";
    only(errors(&onto(kept, &from, &to)), "'d' can lose digits");
}

#[test]
fn a_type_for_a_column_that_is_there_is_pointed_out() {
    let (from, to) = (table("t", &["a text"]), table("t", &["a bigint"]));
    only(warnings(&onto("from = 't'\ncolumns.a.type = 'integer'\n", &from, &to)), "there already, as bigint");
    assert_eq!(onto("from = 't'\ncolumns.a.type = 'bigint'\n", &from, &to).problems, []);
}

#[test]
fn a_source_column_is_used_by_any_mention() {
    let from = table("t", &["a text", "b text", "c text", "d text", "Odd-One text"]);
    let to = table("t", &["x text"]);
    let text = "from = 't'\nwhere = \"c = 'd'\"\ncolumns.x.expr = 'a || \"Odd-One\"'\n";
    let mapping = onto(text, &from, &to);
    assert_eq!(mapping.unused, ["b", "d"]);
    assert_eq!(mapping.filter.as_deref(), Some("c = 'd'"));
    assert!(warnings(&mapping)[0].starts_with("source column 'b' is not migrated; map it, or list it in skip"));
}

#[test]
fn a_mapping_that_writes_nothing_is_wrong() {
    let from = table("t", &["a text"]);
    only(errors(&onto("from = 't'\n", &from, &table("t", &["b text"]))), "nothing of 't' would be written");
    only(errors(&created("from = 't'\nskip = ['a']\n", &from)), "nothing of 't' would be written");
}

#[test]
fn keys_are_carried_over_as_far_as_their_columns_are() {
    let mut from = table("t", &["a integer!", "b integer", "c text", "d integer"]);
    from.key = vec!["a".into(), "b".into()];
    from.unique = vec![vec!["c".into()], vec!["b".into(), "d".into()]];
    let reference = |columns: &[&str]| ForeignKey {
        name: Some("fk".into()),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        table: "other".into(),
        referenced: vec!["id".into()],
        ..ForeignKey::default()
    };
    from.foreign_keys = vec![reference(&["d"]), reference(&["c"])];
    let mapping = created("from = 't'\nskip = ['c']\n[table.columns]\nx = 'a'\ny = 'd'\n", &from);
    assert_eq!(mapping.to.key, ["x", "b"]);
    assert!(mapping.to.columns[..2].iter().all(|column| !column.nullable), "a key holds no NULL");
    assert!(mapping.columns[..2].iter().all(|column| !column.target.nullable));
    assert_eq!(mapping.to.unique, [["b", "y"]]);
    assert_eq!(mapping.to.foreign_keys, [reference(&["y"])]);
    assert_eq!(mapping.to.left_out.len(), 1, "{:?}", mapping.to.left_out);
    assert!(mapping.to.left_out[0].starts_with("the foreign key t (c) -> other (id) is left out"));

    let mapping = created("from = 't'\nkey = ['c']\n", &from);
    assert_eq!(mapping.to.key, ["c"]);
    assert_eq!(mapping.to.unique, [["a", "b"], ["b", "d"]], "the source's own key is still unique");
    let mapping = created("from = 't'\nskip = ['b']\n", &from);
    assert!(mapping.to.key.is_empty());
    only(warnings(&mapping), "the source's key (a, b) is not carried over whole");
    let mapping = created("from = 't'\ncolumns.b.expr = 'length(b)'\n", &from);
    assert!(mapping.to.key.is_empty() && mapping.to.unique == [["c"]]);
}

#[test]
fn words_hold_only_while_names_stay() {
    let mut from = table("t", &["a integer!", "b integer", "c text"]);
    let column = |name: &str| Box::new(Formula::Column { name: name.into(), kind: Kind::Number });
    let condition = |columns: &[&str], formula| Expression {
        text: columns.join(" < "),
        holds: true,
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        formula,
        folds: false,
    };
    let formula = Formula::Compare(column("a"), Comparison::Less, column("b"));
    let check = |condition| Check { name: None, condition };
    from.checks = vec![
        check(condition(&["a", "b"], Some(formula))),
        check(condition(&["b"], None)),
        check(condition(&["c"], None)),
    ];
    let part = IndexPart { column: "a".into(), descending: true };
    from.indexes = vec![Index { parts: vec![part], columns: vec!["a".into()], holds: true, ..Index::default() }];
    let mapping = created("from = 't'\nskip = ['c']\n[table.columns]\nx = 'a'\n", &from);
    let [both, own] = mapping.to.checks.as_slice() else { panic!("{:?}", mapping.to.checks) };
    assert!(!both.condition.holds && own.condition.holds);
    assert_eq!(both.condition.formula, Some(Formula::Compare(column("x"), Comparison::Less, column("b"))));
    assert_eq!(mapping.to.indexes[0].parts[0].column, "x");
    assert!(!mapping.to.indexes[0].holds);
    assert!(mapping.to.left_out[0].starts_with("the check of t (c) is left out"), "{:?}", mapping.to.left_out);
}

#[test]
fn a_table_that_is_there_keeps_its_key_unless_the_plan_names_one() {
    let mut from = table("t", &["a integer", "b integer"]);
    from.key = vec!["a".into()];
    let mut to = table("t", &["x integer", "b integer"]);
    let text = "from = 't'\ncolumns.x = 'a'\n";
    assert_eq!(onto(text, &from, &to).to.key, ["x"], "the source's, since it has none");
    to.key = vec!["b".into()];
    assert_eq!(onto(text, &from, &to).to.key, ["b"]);
    assert_eq!(onto("from = 't'\nkey = ['x']\ncolumns.x = 'a'\n", &from, &to).to.key, ["x"]);
}

#[test]
fn foreign_keys_speak_of_the_destination() {
    let key = |columns: &[&str], table: &str, referenced: &[&str]| ForeignKey {
        name: None,
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        table: table.into(),
        referenced: referenced.iter().map(|name| (*name).to_owned()).collect(),
        ..ForeignKey::default()
    };
    let users = table("users", &["id integer!", "code text"]);
    let mut orders = table("orders", &["id integer!", "user integer", "code text", "parent integer", "shop integer"]);
    orders.foreign_keys = vec![
        key(&["user"], "users", &["id"]),
        key(&["parent"], "orders", &["id"]),
        key(&["shop"], "shops", &["id"]),
        key(&["code"], "users", &["code"]),
    ];
    let mut mappings = [
        created("from = 'orders'\nto = 'Bestellungen'\n[table.columns]\nnr = 'id'\nwer = 'user'\n", &orders),
        created("from = 'orders'\nto = 'archive'\nskip = ['user', 'shop', 'code']\n", &orders),
        created("from = 'users'\nto = 'people'\n[table.columns]\nno = 'id'\ncode.expr = 'trim(code)'\n", &users),
    ];
    for mapping in &mut mappings {
        mapping.to.left_out.clear();
    }
    rename_foreign_keys(&mut mappings);
    assert_eq!(
        mappings[0].to.foreign_keys,
        [key(&["wer"], "people", &["no"]), key(&["parent"], "Bestellungen", &["nr"])]
    );
    let told = &mappings[0].to.left_out;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("-> shops (id) is left out: that table is not migrated"), "{told:?}");
    assert!(told[1].contains("-> users (code) is left out: the columns it refers to"), "{told:?}");
    assert_eq!(mappings[1].to.foreign_keys, [key(&["parent"], "archive", &["id"])]);

    let mut there = [onto("from = 'users'\n", &users, &users)];
    there[0].to.foreign_keys = vec![key(&["id"], "elsewhere", &["id"])];
    rename_foreign_keys(&mut there);
    assert_eq!(there[0].to.foreign_keys.len(), 1, "what is there is not touched");
}

#[test]
fn problems_can_be_placed_in_the_text() {
    let text = "[source]\nurl='csv:a'\n[destination]\nurl='csv:b'\n[[table]]\nfrom = 't'\nkey = ['k']\nskip = ['s']\n\
                [table.columns]\n  x = 'y'\n";
    let parsed = parse(text);
    let plan = parsed.plan.unwrap().tables.remove(0);
    let (from, to) = (table("t", &["a text", "z text"]), table("t", &["a text", "need text!"]));
    let mapping = resolve_placed(&plan, &from, Some(&to), &typed, &parsed.spans);
    let place = |part: &str| {
        let found = mapping.problems.iter().find(|problem| problem.message.contains(part));
        found.map(|Problem { line, column, .. }| (*line, *column)).unwrap()
    };
    assert_eq!(place("has no column 's'"), (8, 9));
    assert_eq!(place("has no column 'y'"), (10, 3));
    assert_eq!(place("has no column 'x'"), (10, 3));
    assert_eq!(place("key column 'k'"), (7, 8));
    assert_eq!(place("required column 'need'"), (5, 1), "not in the text: at its table");
    assert_eq!(place("source column 'z'"), (5, 1));
    let (bare, findings) = examine(&plan, &from, Some(&to), &typed);
    assert_eq!(bare, resolve(&plan, &from, Some(&to), &typed));
    assert!(bare.problems.iter().all(|problem| (problem.line, problem.column) == (0, 0)));
    let about: Vec<_> = findings.iter().filter_map(Finding::column).collect();
    assert_eq!(about, ["x", "x", "need"]);
}

#[test]
fn rows_are_found_again_by_a_key_that_the_destination_keeps_unique() {
    let upsert = |key: &[&str]| TablePlan {
        mode: Mode::Upsert,
        key: key.iter().map(|name| (*name).to_owned()).collect(),
        ..plan("from = 't'")
    };
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut from = table("t", &["id bigint!", "mail text", "name text"]);
    let mut to = from.clone();
    let mapped = |plan: &TablePlan, from: &Table, to: &Table| resolve(plan, from, Some(to), &typed);

    let mapping = mapped(&upsert(&[]), &from, &to);
    assert!(errors(&mapping)[0].contains("needs a key"), "{mapping:?}");
    let mapping = mapped(&upsert(&["id"]), &from, &to);
    assert!(errors(&mapping)[0].contains("needs a unique key on exactly these columns"), "{mapping:?}");

    to.key = named(&["id"]);
    to.unique = vec![named(&["name", "mail"])];
    let mapping = mapped(&upsert(&["mail", "name"]), &from, &to);
    assert_eq!((errors(&mapping), &mapping.finds_by), (vec![], &named(&["mail", "name"])));
    assert!(warnings(&mapping)[0].contains("comes once"), "nothing in the source promises it: {mapping:?}");
    // A row of which a part of the key is NULL would never be found again.
    let nullable =
        |name: &str| mapping.columns.iter().find(|column| column.target.name == name).unwrap().target.nullable;
    assert!(!nullable("mail") && !nullable("name"));

    from.key = named(&["id"]);
    let mapping = mapped(&upsert(&[]), &from, &to);
    assert_eq!((errors(&mapping), warnings(&mapping), &mapping.finds_by), (vec![], vec![], &named(&["id"])));
    // Without an upsert a key of the plan that nothing keeps unique finds nothing; the table's own does.
    let mapping = mapped(&TablePlan { mode: Mode::Insert, ..upsert(&["name"]) }, &from, &to);
    assert_eq!((&mapping.to.key, &mapping.finds_by), (&named(&["name"]), &named(&["id"])));
    let mapping = mapped(&upsert(&["name"]), &from, &to);
    assert_eq!(errors(&mapping).len(), 1, "{mapping:?}");
}
