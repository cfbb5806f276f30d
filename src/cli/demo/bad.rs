//! The rows that cannot go as they are, and why.

use serde::Serialize;

use crate::model::Cause;

use super::{
    random::Random,
    rows::{CUSTOMERS, Customer, ORDERS, Order, places},
};

/// A row that the demo's plan cannot take as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// The table, called the same on both sides.
    pub table: &'static str,
    /// Its place in the source's reading order, from 1.
    pub row: u64,
    /// The source column.
    pub column: &'static str,
    pub value: &'static str,
    pub cause: Cause,
    /// For a human: what is the matter with it.
    pub why: &'static str,
}

/// In the order in which they turn up. The first is the one that the manual shows.
const BAD_CUSTOMERS: &[(&str, &str)] = &[
    ("customer_id", "ABC123"),
    ("created_date", "02/30/2021"),
    ("customer_tier", "platinum"),
    ("customer_id", "10O77"),
    ("created_date", "13/05/2020"),
    ("customer_id", "unknown"),
    ("created_date", "06/31/2019"),
    ("customer_tier", "platinum"),
    ("created_date", "00/00/0000"),
    ("customer_id", "C-2041"),
];

const BAD_QUANTITIES: &[&str] = &["two", "a dozen"];

pub(super) fn bad_customers(random: &mut Random) -> Vec<BadRow> {
    let places = places(random, BAD_CUSTOMERS.len() as u64, CUSTOMERS);
    let bad = |(row, (column, value)): (u64, &(&'static str, &'static str))| {
        let (cause, why) = reason(column);
        BadRow { table: "customers", row, column, value, cause, why }
    };
    places.into_iter().zip(BAD_CUSTOMERS).map(bad).collect()
}

pub(super) fn bad_orders(random: &mut Random) -> Vec<BadRow> {
    let places = places(random, BAD_QUANTITIES.len() as u64, ORDERS);
    let (cause, why) = reason("quantity");
    let bad =
        |(row, value): (u64, &&'static str)| BadRow { table: "orders", row, column: "quantity", value, cause, why };
    places.into_iter().zip(BAD_QUANTITIES).map(bad).collect()
}

fn reason(column: &str) -> (Cause, &'static str) {
    match column {
        "customer_id" => (Cause::Conversion, "it is no integer"),
        "created_date" => (Cause::Expression, "there is no such day"),
        "customer_tier" => (Cause::Unlisted, "the value map does not list it"),
        _ => (Cause::Unreadable, "the column is declared INTEGER and holds a word"),
    }
}

pub(super) fn spoil_customer(customer: &mut Customer, bad: &BadRow) {
    let spoiled = match bad.column {
        "customer_id" => &mut customer.customer_id,
        "created_date" => &mut customer.created_date,
        _ => &mut customer.customer_tier,
    };
    bad.value.clone_into(spoiled);
}

pub(super) fn spoil_order(order: &mut Order, bad: &BadRow) {
    bad.value.clone_into(&mut order.quantity);
}
