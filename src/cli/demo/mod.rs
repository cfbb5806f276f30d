//! The demo's shop: an old database that somebody really might have, made from a seed.
//!
//! May not touch the rooms below: it only writes a file. One idea: the bad rows are known beforehand, each with its place
//! in reading order, so that whoever runs the demo's plan can be held to exactly them.

mod bad;
mod random;
mod rows;
mod words;
mod write;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

pub use bad::BadRow;

/// The source's file name in the demo's folder.
pub const SOURCE_FILE: &str = "shop.sqlite";

/// The destination's file name; the run creates it.
pub const DESTINATION_FILE: &str = "credvault.sqlite";

/// The shop as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shop {
    pub source: PathBuf,
    /// In load order.
    pub tables: Vec<ShopTable>,
    /// Every row that the demo's plan cannot take as it is, by table in load order and row.
    pub bad_rows: Vec<BadRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShopTable {
    pub name: &'static str,
    pub rows: u64,
}

impl Shop {
    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// How many rows of the table are bad.
    pub fn bad_in(&self, table: &str) -> u64 {
        self.bad_rows.iter().filter(|bad| bad.table == table).count() as u64
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{} is already there; remove it or choose another folder", path.display())]
    Exists { path: PathBuf },
    #[error("cannot write to {}: {error}; choose a folder that you may write to", path.display())]
    Folder { path: PathBuf, error: io::Error },
    #[error("cannot make {}: {error}; check that its disk has 10 MB to spare", path.display())]
    Database { path: PathBuf, error: rusqlite::Error },
}

/// The plan that moves the shop from [`SOURCE_FILE`] to [`DESTINATION_FILE`], both in the plan's own folder.
pub fn demo_plan() -> &'static str {
    include_str!("plan.toml")
}

/// Makes the shop's database in `folder`, which is made too if need be. The same seed makes the same rows. Never
/// replaces a file; one that could not be finished is not left under its name.
pub fn make_shop(folder: &Path, seed: u64) -> Result<Shop, DemoError> {
    let source = folder.join(SOURCE_FILE);
    if source.exists() {
        return Err(DemoError::Exists { path: source });
    }
    let refused = |error| DemoError::Folder { path: folder.to_owned(), error };
    fs::create_dir_all(folder).map_err(refused)?;
    let draft = folder.join(format!("{SOURCE_FILE}.{}.part", std::process::id()));
    let written = write::write_shop(&draft, seed);
    if written.is_err() {
        // What failed is told; that the rest of it stayed behind would only hide that.
        let _ = fs::remove_file(&draft);
    }
    let bad_rows = written.map_err(|error| DemoError::Database { path: source.clone(), error })?;
    fs::rename(&draft, &source).map_err(refused)?;
    Ok(Shop { source, tables: tables(), bad_rows })
}

fn tables() -> Vec<ShopTable> {
    let figures = [("customers", rows::CUSTOMERS), ("products", rows::PRODUCTS), ("orders", rows::ORDERS)];
    figures.map(|(name, rows)| ShopTable { name, rows }).into()
}

#[cfg(test)]
mod tests;
