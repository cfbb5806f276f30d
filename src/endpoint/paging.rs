//! What every source with a key promises of its pages, for the tests of each.

use super::Catalog;
use crate::model::{Cell, Spot, Table};

/// Fails unless pages taken one behind the other, and from the end one before the other, have the rows that one look at all
/// of them has.
pub(super) async fn assert_pages_follow(catalog: &dyn Catalog, table: &Table, limit: u32) {
    let page = async |spot: Spot| catalog.preview(table, &spot, limit).await.unwrap();
    let all = catalog.preview(table, &Spot::Row(0), 1_000).await.unwrap().rows;
    assert!(all.len() > 2 * limit as usize, "there is something to page through");
    let mut forwards: Vec<Vec<Cell>> = Vec::new();
    let mut next = page(Spot::Row(0)).await;
    while let Some((_, last)) = next.ends {
        forwards.extend(next.rows);
        next = page(Spot::After(last)).await;
    }
    assert_eq!(forwards, all, "{}: forwards", table.name);
    let mut backwards: Vec<Vec<Cell>> = Vec::new();
    let mut before = page(Spot::End).await;
    assert_eq!(before.rows.len(), limit as usize, "the last page is full");
    while let Some((first, _)) = before.ends {
        backwards.splice(..0, before.rows);
        before = page(Spot::Before(first)).await;
    }
    assert_eq!(backwards, all, "{}: backwards", table.name);
    let middle = page(Spot::Row(u64::from(limit) + 1)).await;
    assert_eq!(middle.rows, all[limit as usize + 1..2 * limit as usize + 1]);
    let (first, last) = middle.ends.unwrap();
    assert_eq!(page(Spot::Before(first)).await.rows, all[1..=limit as usize]);
    assert_eq!(page(Spot::After(last)).await.rows.first(), all.get(2 * limit as usize + 1));
}
