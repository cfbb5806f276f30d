use std::collections::BTreeMap;

use rusqlite::{Connection, types::ValueRef};
use sha2::{Digest, Sha256};

use super::*;
use crate::model::Cause;

fn opened(shop: &Shop) -> Connection {
    Connection::open_with_flags(&shop.source, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn texts(shop: &Shop, sql: &str) -> Vec<String> {
    let connection = opened(shop);
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn number(shop: &Shop, sql: &str) -> u64 {
    opened(shop).query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64
}

/// SHA-256 over every value of every row, its storage class included.
fn digest(shop: &Shop) -> String {
    let connection = opened(shop);
    let mut hash = Sha256::new();
    for table in &shop.tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {} ORDER BY 1", table.name)).unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            (0..width).for_each(|at| feed(&mut hash, row.get_ref(at).unwrap()));
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn feed(hash: &mut Sha256, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => hash.update(b"n"),
        ValueRef::Integer(value) => hash.update([b"i".as_slice(), &value.to_be_bytes()].concat()),
        ValueRef::Real(value) => hash.update([b"r".as_slice(), &value.to_be_bytes()].concat()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            hash.update([b"t".as_slice(), &(bytes.len() as u64).to_be_bytes(), bytes].concat());
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_rows_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, seed| make_shop(&folder.path().join(name), seed).unwrap();
    let (one, same, other) = (made("one", 7), made("same", 7), made("other", 8));
    assert_eq!(digest(&one), digest(&same));
    assert_eq!(one.bad_rows, same.bad_rows);
    assert_ne!(digest(&one), digest(&other));
    assert_ne!(one.bad_rows, other.bad_rows);
}

#[test]
fn the_figures_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let shop = make_shop(folder.path(), 42).unwrap();
    for table in &shop.tables {
        assert_eq!(number(&shop, &format!("SELECT count(*) FROM {}", table.name)), table.rows, "{}", table.name);
    }
    assert_eq!(shop.rows(), 42_800);
    assert_eq!((shop.bad_in("customers"), shop.bad_in("products"), shop.bad_in("orders")), (10, 0, 2));
    assert_eq!(shop.bad_rows[0].value, "ABC123");
    assert!(texts(&shop, "SELECT name FROM sqlite_master WHERE type = 'table'").len() == 3);
    assert_eq!(number(&shop, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_eq!(number(&shop, "SELECT count(*) FROM pragma_foreign_key_list('orders')"), 2);
}

#[test]
fn each_bad_row_stands_where_it_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let shop = make_shop(folder.path(), 42).unwrap();
    for bad in &shop.bad_rows {
        let sql = format!("SELECT {} FROM {} ORDER BY rowid LIMIT 1 OFFSET {}", bad.column, bad.table, bad.row - 1);
        assert_eq!(texts(&shop, &sql), [bad.value], "{bad:?}");
    }
}

/// What the plan cannot take, found without the list: by reading every row as the plan's columns would.
#[test]
fn no_other_row_is_bad() {
    let folder = tempfile::tempdir().unwrap();
    let shop = make_shop(folder.path(), 42).unwrap();
    let mut found = BTreeMap::new();
    let connection = opened(&shop);
    let sql = "SELECT entry_no, customer_id, created_date, customer_tier, trim(name) FROM customers ORDER BY entry_no";
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let text = |at: usize| row.get::<_, String>(at).unwrap();
        let entry_no = row.get::<_, i64>(0).unwrap() as u64;
        assert!(!text(4).is_empty());
        if text(1).parse::<i32>().is_err() {
            found.insert(("customers", entry_no), Cause::Conversion);
        }
        if chrono::NaiveDate::parse_from_str(&text(2), "%m/%d/%Y").is_err() {
            found.insert(("customers", entry_no), Cause::Expression);
        }
        if !["gold", "silver", "bronze"].contains(&text(3).as_str()) {
            found.insert(("customers", entry_no), Cause::Unlisted);
        }
    }
    for row in texts(&shop, "SELECT CAST(order_id AS TEXT) FROM orders WHERE typeof(quantity) <> 'integer'") {
        found.insert(("orders", row.parse().unwrap()), Cause::Unreadable);
    }
    let said: BTreeMap<_, _> = shop.bad_rows.iter().map(|bad| ((bad.table, bad.row), bad.cause)).collect();
    assert_eq!((found, said.len()), (said.clone(), shop.bad_rows.len()));
    let amounts = "SELECT count(*) FROM orders WHERE typeof(total) NOT IN ('integer', 'real')";
    assert_eq!(number(&shop, amounts), 0);
}

#[test]
fn no_order_belongs_to_a_bad_customer() {
    let folder = tempfile::tempdir().unwrap();
    let shop = make_shop(folder.path(), 3).unwrap();
    for bad in shop.bad_rows.iter().filter(|bad| bad.table == "customers") {
        let orders = format!(
            "SELECT count(*) FROM orders WHERE customer_id = (SELECT customer_id FROM customers WHERE entry_no = {})",
            bad.row
        );
        assert_eq!(number(&shop, &orders), 0, "{bad:?}");
    }
}

#[test]
fn a_shop_that_is_there_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let shop = make_shop(folder.path(), 1).unwrap();
    let before = digest(&shop);
    let error = make_shop(folder.path(), 2).unwrap_err();
    assert!(error.to_string().ends_with("is already there; remove it or choose another folder"), "{error}");
    assert_eq!(digest(&shop), before);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [SOURCE_FILE]);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = make_shop(&file.join("shop"), 1).unwrap_err().to_string();
    assert!(error.starts_with("cannot write to ") && error.contains("choose a folder"), "{error}");
}

#[test]
fn the_plan_speaks_of_the_shops_files_and_of_as_many_bad_rows() {
    let plan: toml::Table = demo_plan().parse().unwrap();
    assert_eq!(plan["source"]["url"].as_str().unwrap(), format!("sqlite:{SOURCE_FILE}"));
    assert_eq!(plan["destination"]["url"].as_str().unwrap(), format!("sqlite:{DESTINATION_FILE}"));
    let folder = tempfile::tempdir().unwrap();
    let shop = make_shop(folder.path(), 42).unwrap();
    assert!(demo_plan().contains(&format!("# {} rows of the source are bad on purpose", shop.bad_rows.len())));
}
