//! Puts the shop's rows into an SQLite file.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::{
    bad::{BadRow, bad_customers, bad_orders, spoil_customer, spoil_order},
    random::Random,
    rows::{CUSTOMERS, ORDERS, PRODUCTS, Product, customer, order, product},
};

/// As the old system had it: keys in text, dates in text, and what a column declares is not always what it holds.
const SCHEMA: &str = "
    CREATE TABLE customers (
        entry_no INTEGER PRIMARY KEY,
        customer_id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        email TEXT,
        created_date TEXT NOT NULL,
        customer_tier TEXT NOT NULL,
        birth_year INTEGER
    );
    CREATE TABLE products (
        product_id INTEGER PRIMARY KEY,
        sku TEXT NOT NULL UNIQUE,
        title TEXT NOT NULL,
        description TEXT,
        price DECIMAL(10,2) NOT NULL
    );
    CREATE TABLE orders (
        order_id INTEGER PRIMARY KEY,
        customer_id TEXT NOT NULL REFERENCES customers (customer_id),
        product_id INTEGER NOT NULL REFERENCES products (product_id),
        quantity INTEGER NOT NULL,
        ordered_at DATETIME NOT NULL,
        status TEXT NOT NULL,
        total DECIMAL(10,2) NOT NULL
    );";

/// Makes the file and returns the bad rows in it.
pub(super) fn write_shop(path: &Path, seed: u64) -> rusqlite::Result<Vec<BadRow>> {
    let mut connection = Connection::open(path)?;
    // Nobody reads this file before it is whole: it needs no journal, and a crash leaves only a draft.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    let mut random = Random::new(seed);
    let mut bad = write_customers(&transaction, &mut random)?;
    let strangers: Vec<u64> = bad.iter().map(|bad| bad.row).collect();
    let products = write_products(&transaction, &mut random)?;
    bad.extend(write_orders(&transaction, &mut random, &products, &strangers)?);
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(bad)
}

fn write_customers(transaction: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<Vec<BadRow>> {
    let bad = bad_customers(random);
    let mut insert = transaction.prepare("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    for entry_no in 1..=CUSTOMERS {
        let mut row = customer(random, entry_no);
        if let Some(bad) = bad.iter().find(|bad| bad.row == entry_no) {
            spoil_customer(&mut row, bad);
        }
        insert.execute(params![
            row.entry_no as i64,
            row.customer_id,
            row.name,
            row.email,
            row.created_date,
            row.customer_tier,
            row.birth_year.map(|year| year as i64),
        ])?;
    }
    Ok(bad)
}

fn write_products(transaction: &Transaction<'_>, random: &mut Random) -> rusqlite::Result<Vec<Product>> {
    let mut insert = transaction.prepare("INSERT INTO products VALUES (?, ?, ?, ?, ?)")?;
    let mut products = Vec::with_capacity(PRODUCTS as usize);
    for product_id in 1..=PRODUCTS {
        let row = product(random, product_id);
        insert.execute(params![row.product_id as i64, row.sku, row.title, row.description, amount(row.cents)])?;
        products.push(row);
    }
    Ok(products)
}

fn write_orders(
    transaction: &Transaction<'_>,
    random: &mut Random,
    products: &[Product],
    strangers: &[u64],
) -> rusqlite::Result<Vec<BadRow>> {
    let bad = bad_orders(random);
    let mut insert = transaction.prepare("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    for order_id in 1..=ORDERS {
        let mut row = order(random, order_id, products, strangers);
        if let Some(bad) = bad.iter().find(|bad| bad.row == order_id) {
            spoil_order(&mut row, bad);
        }
        insert.execute(params![
            row.order_id as i64,
            row.customer_id,
            row.product_id as i64,
            row.quantity,
            row.ordered_at,
            row.status,
            amount(row.cents),
        ])?;
    }
    Ok(bad)
}

/// Cents as the decimal text that the column's affinity turns into a number.
fn amount(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
