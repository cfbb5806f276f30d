//! What is told of a table's rows, on every system: counted against what was put there.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::support::{
    binary::{Desk, told},
    ends::End,
    sides::SqliteFile,
};

const SYSTEMS: [&str; 4] = ["postgres", "mysql", "sqlite", "csv"];

/// 600 orders of 50 customers, one of which is gone, and what is odd about them.
struct Shop {
    desk: Desk,
    end: End,
}

/// number, customer_id, amount, code, placed, note
fn order(number: u64) -> [Option<String>; 6] {
    let customer = if number.is_multiple_of(100) { 999 } else { number % 50 + 1 };
    [
        Some(number.to_string()),
        (!number.is_multiple_of(60)).then(|| customer.to_string()),
        Some(format!("{}.{:02}", number % 40, number % 4 * 25)),
        Some(format!("{:03}-{}", number % 7, ["AB", "CD"][(number % 2) as usize])),
        Some(format!("{:02}/{:02}/2024", number % 12 + 1, number % 28 + 1)),
        match number % 10 {
            0 => Some(String::new()),
            1 => Some(" padded".to_owned()),
            2 => Some("é".to_owned()),
            _ => None,
        },
    ]
}

impl Shop {
    fn new(system: &str) -> Option<Self> {
        let desk = Desk::new();
        let end = End::new(system, desk.folder())?;
        let shop = Self { desk, end };
        match &shop.end {
            End::Csv(folder) => shop.write_files(folder.clone()),
            _ => shop.fill(),
        }
        Some(shop)
    }

    fn fill(&self) {
        let ints = if matches!(self.end, End::Postgres(_) | End::Sqlite(_)) { "bigint" } else { "bigint unsigned" };
        self.end.execute(&[
            "CREATE TABLE customers (id integer PRIMARY KEY, name varchar(40))",
            &format!(
                "CREATE TABLE orders (number {ints} PRIMARY KEY, customer_id integer, amount decimal(10,2), code varchar(20), \
                 placed varchar(10), note varchar(40))"
            ),
        ]);
        let quoted = |value: &Option<String>| value.as_ref().map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let customers: Vec<String> = (1..=50).map(|id| format!("({id}, 'customer {id}')")).collect();
        let orders: Vec<String> =
            (1..=600).map(|n| format!("({})", order(n).each_ref().map(quoted).join(", "))).collect();
        self.end.execute(&[
            &format!("INSERT INTO customers VALUES {}", customers.join(", ")),
            &format!("INSERT INTO orders VALUES {}", orders.join(", ")),
        ]);
    }

    fn write_files(&self, folder: PathBuf) {
        let customers: String = (1..=50).map(|id| format!("{id},customer {id}\n")).collect();
        fs::write(folder.join("customers.csv"), format!("id,name\n{customers}")).unwrap();
        // NULL is an empty field without quotes.
        let field = |value: &Option<String>| value.as_ref().map_or(String::new(), |text| format!("\"{text}\""));
        let orders: String = (1..=600).map(|n| format!("{}\n", order(n).each_ref().map(field).join(","))).collect();
        fs::write(folder.join("orders.csv"), format!("number,customer_id,amount,code,placed,note\n{orders}")).unwrap();
    }

    #[track_caller]
    fn profile(&self, more: &[&str]) -> Json {
        let url = self.end.url();
        let arguments: Vec<&str> = ["profile", "orders", "--url", &url].iter().chain(more).copied().collect();
        self.desk.run_to(0, &arguments).values.last().unwrap()["profiles"][0].clone()
    }
}

fn column<'p>(profile: &'p Json, name: &str) -> &'p Json {
    let columns = profile["columns"].as_array().unwrap();
    columns.iter().find(|column| column["column"] == name).unwrap_or_else(|| panic!("no {name}: {profile:#}"))
}

fn bars(column: &Json) -> u64 {
    column["histogram"]["bars"].as_array().unwrap().iter().map(|bar| bar["rows"].as_u64().unwrap()).sum()
}

#[test]
fn every_system_tells_what_was_put_there() {
    for system in SYSTEMS {
        let Some(shop) = Shop::new(system) else { continue };
        let profile = shop.profile(&[]);
        assert_eq!(
            (&profile["looked"], &profile["whole"], &profile["broken_off"]),
            (&600.into(), &true.into(), &false.into()),
            "{system}"
        );
        assert_eq!(profile["total"], json!({ "exact": 600 }), "{system}");
        let number = column(&profile, "number");
        assert_eq!(number["distinct"], json!({ "values": 600, "error_percent": null }), "{system}");
        let customer = column(&profile, "customer_id");
        assert_eq!((&customer["nulls"], &customer["rows"]), (&10.into(), &600.into()), "{system}");
        // 50 customers and the one that is gone, but for those whose orders have none.
        let there: std::collections::BTreeSet<String> = (1..=600).filter_map(|n| order(n)[1].clone()).collect();
        assert_eq!(customer["distinct"]["values"], there.len(), "{system}");
        let amount = column(&profile, "amount");
        if system != "csv" {
            assert_eq!(
                (&amount["least"], &amount["greatest"]),
                (&"0.00".into(), &"39.75".into()),
                "{system}: {amount:#}"
            );
            assert_eq!((&number["least"], &number["greatest"]), (&"1".into(), &"600".into()), "{system}");
            assert_eq!((bars(amount), bars(number)), (600, 600), "{system}");
        }
        let code = column(&profile, "code");
        assert_eq!(code["patterns"], json!([{ "pattern": "999-AA", "rows": 600 }]), "{system}");
        assert_eq!(
            (&code["characters"], &code["distinct"]["values"]),
            (&json!({ "shortest": 6, "longest": 6 }), &14.into())
        );
        let top: Vec<u64> = code["top"].as_array().unwrap().iter().map(|top| top["rows"].as_u64().unwrap()).collect();
        assert!(
            top.len() == 10 && top.is_sorted_by(|one, other| one >= other) && code["top_error"] == 0,
            "{system}: {top:?}"
        );
        let placed = &column(&profile, "placed")["kinds"];
        assert!(
            placed.as_array().unwrap().contains(&json!({ "name": "date", "format": "MM/DD/YYYY", "rows": 600 })),
            "{system}: {placed:#}"
        );
        let note = column(&profile, "note");
        assert_eq!(
            (&note["nulls"], &note["blank_ends"], &note["non_ascii"]),
            (&420.into(), &60.into(), &60.into()),
            "{system}"
        );
        assert_eq!(note["empty"], 60, "{system}: an empty text is not NULL");
        assert_eq!(note["bytes"], json!({ "shortest": 0, "longest": 7 }), "{system}");
    }
}

#[test]
fn rows_that_refer_to_nothing_are_told_whether_declared_or_not() {
    for system in SYSTEMS {
        let Some(shop) = Shop::new(system) else { continue };
        let profile = shop.profile(&[]);
        let gone = (1..=600u64).filter(|n| order(*n)[1].as_deref() == Some("999")).count();
        assert!(gone > 0);
        let suggested = &profile["references"][0];
        let expected =
            json!({ "columns": ["customer_id"], "table": "customers", "referenced": ["id"], "declared": false });
        for key in ["columns", "table", "referenced", "declared"] {
            assert_eq!(suggested[key], expected[key], "{system}: {suggested:#}");
        }
        assert_eq!((&suggested["referring"], &suggested["orphans"]), (&590.into(), &gone.into()), "{system}");
        assert_eq!(
            suggested["examples"][0],
            json!({ "row": 100, "cells": [{ "name": "customer_id", "cell": "999" }] }),
            "{system}"
        );
        assert_eq!(suggested["one_in"], 1);
    }
    let shop = Shop::new("sqlite").unwrap();
    shop.end.execute(&[
        "PRAGMA foreign_keys = OFF;
         CREATE TABLE lines (id INTEGER PRIMARY KEY, number BIGINT REFERENCES orders (number), sold INTEGER REFERENCES gone (id));
         INSERT INTO lines VALUES (1, 1, 1), (2, 7000, 1), (3, NULL, 1), (4, 7000, 1);",
    ]);
    let url = shop.end.url();
    let lines = shop.desk.run_to(0, &["profile", "lines", "--url", &url]).values[0]["profiles"][0].clone();
    let declared = &lines["references"][0];
    assert_eq!(
        (&declared["declared"], &declared["orphans"], &declared["referring"]),
        (&true.into(), &2.into(), &3.into())
    );
    assert!(lines["remarks"][0].as_str().unwrap().contains("there is no table gone"), "{lines:#}");
}

#[test]
fn rows_and_keys_that_come_twice_are_counted_and_shown() {
    let desk = Desk::new();
    desk.write("people.csv", "id,name\n1,a\n2,b\n1,c\n2,b\n,d\n,d\n");
    desk.write(
        "plan.toml",
        "[source]\nurl = \"csv:people.csv\"\n[destination]\nurl = \"sqlite:out.db\"\n[[table]]\nfrom = \"people\"\nkey = [\"id\"]\n",
    );
    let profile = desk.run_to(0, &["profile", "people", "--plan", "plan.toml"]).values[0]["profiles"][0].clone();
    let [whole, key] = profile["duplicates"].as_array().unwrap().as_slice() else { panic!("{profile:#}") };
    assert_eq!((&whole["key"], &whole["surplus"], &whole["examples"][0]["row"]), (&json!([]), &2.into(), &4.into()));
    assert_eq!((&key["key"], &key["surplus"], &key["without_key"]), (&json!(["id"]), &2.into(), &2.into()), "{key:#}");
    assert_eq!(key["examples"][0], json!({ "row": 3, "cells": [{ "name": "id", "cell": "1" }] }));
}

#[test]
fn values_that_will_not_convert_are_told_with_their_rows_column_by_column() {
    for system in SYSTEMS {
        let Some(shop) = Shop::new(system) else { continue };
        let text = format!(
            "[source]\nurl = \"{}\"\n[destination]\nurl = \"sqlite:out.db\"\n[[table]]\nfrom = \"orders\"\nwhere = \"code <> '001-CD'\"\n\
             [table.columns]\nnumber = {{ type = \"bigint\" }}\ncode = {{ type = \"integer\" }}\n\
             note = {{ type = \"text(3)\" }}\nplaced = {{ expr = \"parse_date(placed, 'MM/DD/YYYY')\" }}\n",
            shop.end.url()
        );
        shop.desk.write("plan.toml", &text);
        let profile = shop.desk.run_to(0, &["profile", "--plan", "plan.toml"]).values[0]["profiles"][0].clone();
        let left = (1..=600u64).filter(|n| order(*n)[3].as_deref() != Some("001-CD")).count();
        let of = |name: &str| {
            let all = profile["conversions"].as_array().unwrap();
            all.iter()
                .find(|conversion| conversion["column"] == name)
                .unwrap_or_else(|| panic!("{system}: {profile:#}"))
                .clone()
        };
        let code = of("code");
        assert_eq!(
            (&code["tried"], &code["failed"], &code["expected"]),
            (&left.into(), &left.into(), &"Integer".into()),
            "{system}"
        );
        let first = (1..=600u64).find(|n| order(*n)[3].as_deref() != Some("001-CD")).unwrap();
        assert_eq!(
            (&code["examples"][0]["row"], &code["examples"][0]["value"]),
            (&first.into(), &order(first)[3].clone().into())
        );
        assert_eq!((&of("placed")["failed"], &of("number")["failed"]), (&0.into(), &0.into()), "{system}");
        // A row that fails in one column is tried in the others all the same.
        let long = (1..=600u64).filter(|n| order(*n)[3].as_deref() != Some("001-CD"));
        let long = long.filter(|n| order(*n)[5].as_deref().is_some_and(|note| note.len() > 3)).count();
        assert_eq!(of("note")["failed"], long, "{system}");
    }
}

#[test]
fn a_sample_says_what_it_is_and_the_rest_is_not_read() {
    for system in SYSTEMS {
        let Some(shop) = Shop::new(system) else { continue };
        let first = shop.profile(&["--sample", "150"]);
        assert_eq!(
            (&first["looked"], &first["whole"], &first["rows"]),
            (&150.into(), &false.into(), &json!({ "first": 150 })),
            "{system}"
        );
        assert_eq!(column(&first, "number")["distinct"]["values"], 150, "{system}");
        let all = shop.profile(&["--sample", "5000"]);
        assert_eq!((&all["looked"], &all["whole"]), (&600.into(), &true.into()), "{system}");
        let tenth = shop.profile(&["--sample", "10%"]);
        assert_eq!((&tenth["looked"], &tenth["rows"]), (&60.into(), &json!({ "every": 10 })), "{system}");
        let code = column(&shop.profile(&["--columns", "code"]), "code").clone();
        assert_eq!(code["rows"], 600);
    }
    let shop = Shop::new("sqlite").unwrap();
    let url = shop.end.url();
    let output = shop.desk.command(&["profile", "orders", "--url", &url, "--sample", "150"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("orders: a sample: the first 150 rows"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(
        shop.desk.run(&["profile", "orders", "--url", &url, "--columns", "nope"]).values[0]["error"]
            .as_str()
            .unwrap()
            .contains("no column 'nope'")
    );
    assert_eq!(shop.desk.run(&["profile", "orders", "--url", &url, "--sample", "0"]).code, Some(2));
    assert_eq!(shop.desk.run(&["profile", "nowhere", "--url", &url]).code, Some(1));
}

#[test]
fn no_value_of_a_private_column_is_told() {
    let shop = Shop::new("sqlite").unwrap();
    let text = format!(
        "[source]\nurl = \"{}\"\n[destination]\nurl = \"sqlite:out.db\"\n[[table]]\nfrom = \"orders\"\n[table.columns]\n\
         code = {{ type = \"integer\", private = true }}\nclient = {{ from = \"customer_id\", private = true }}\n",
        shop.end.url()
    );
    shop.desk.write("plan.toml", &text);
    let profile = shop.desk.run_to(0, &["profile", "orders", "--plan", "plan.toml"]).values[0]["profiles"][0].clone();
    let code = column(&profile, "code");
    assert_eq!((&code["private"], &code["characters"]["longest"]), (&true.into(), &6.into()));
    assert_eq!((&code["top"], &code["patterns"], &code["least"]), (&json!([]), &json!([]), &"(private)".into()));
    let all = profile.to_string();
    assert!(!all.contains("-AB") && !all.contains("\"999\""), "{all}");
    let printed = shop.desk.command(&["profile", "orders", "--plan", "plan.toml"]).output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(
        !printed.contains("-AB") && !printed.contains("999-") && printed.contains("code (text, private)"),
        "{printed}"
    );
}

#[test]
fn what_the_type_cannot_hold_is_counted_apart_and_the_rest_of_its_row_is_told() {
    let shop = Shop::new("sqlite").unwrap();
    shop.end.execute(&[
        "CREATE TABLE odd (id INTEGER PRIMARY KEY, amount INTEGER, name TEXT)",
        "INSERT INTO odd VALUES (1, 5, 'a'), (2, 'many', 'b'), (3, NULL, 'c')",
    ]);
    let url = shop.end.url();
    let profile = shop.desk.run_to(0, &["profile", "odd", "--url", &url]).values[0]["profiles"][0].clone();
    let amount = column(&profile, "amount");
    assert_eq!(
        (&amount["rows"], &amount["nulls"], &amount["unreadable"], &amount["distinct"]["values"]),
        (&3.into(), &1.into(), &1.into(), &1.into())
    );
    assert_eq!(column(&profile, "name")["distinct"]["values"], 3);
}

#[test]
fn a_profile_that_is_broken_off_says_so_and_ends_with_1() {
    let desk = Desk::new();
    let file = SqliteFile::new(desk.path("big.sqlite"));
    file.execute(
        "CREATE TABLE big (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
         INSERT INTO big SELECT i, hex(i), hex(i * 7), hex(i * 11) FROM n;",
    );
    let url = file.url();
    let child = desk.start(&["profile", "big", "--url", &url]);
    let begun = Instant::now();
    // It has to be up before it can be told anything.
    std::thread::sleep(Duration::from_millis(1_000));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = told(&output);
    assert_eq!(told.code, Some(1), "after {:?}: {told:?}", begun.elapsed());
    let profile = &told.values[0]["profiles"][0];
    assert_eq!((&profile["broken_off"], &profile["whole"]), (&true.into(), &false.into()), "{told:?}");
    assert!(profile["looked"].as_u64().unwrap() < 400_000);
}

#[test]
fn what_is_too_much_to_count_is_estimated_and_keys_that_are_unique_stay_so() {
    let desk = Desk::new();
    let file = SqliteFile::new(desk.path("big.sqlite"));
    let look = |rows: u64| {
        file.execute(&format!(
            "DROP TABLE IF EXISTS big; CREATE TABLE big (id INTEGER PRIMARY KEY, a TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO big SELECT i, hex(randomblob(12)) FROM n;"
        ));
        let url = file.url();
        let profile = desk.run_to(0, &["profile", "big", "--url", &url]).values[0]["profiles"][0].clone();
        assert_eq!(profile["looked"], rows);
        let id = column(&profile, "id")["distinct"].clone();
        // Keys are counted further than other values.
        assert_eq!(id["error_percent"].is_null(), rows < 262_144, "{id}");
        let a = column(&profile, "a")["distinct"].clone();
        for distinct in [&id, &a] {
            let error = distinct["error_percent"].as_f64().unwrap_or(0.0) / 100.0;
            let off = (distinct["values"].as_f64().unwrap() - rows as f64).abs();
            assert!(off <= rows as f64 * error * 6.0, "{distinct}");
        }
        assert_eq!(profile["duplicates"][1]["surplus"], 0);
    };
    look(60_000);
    look(300_000);
}
