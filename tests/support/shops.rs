//! The sample databases that lie beside the project: Chinook, a music shop, and Sakila, a video shop.

use std::{fs, process::Command};

use super::{script::text_of, servers::MysqlDatabase, sides::SqliteFile, skip::shared_data};

/// Chinook's tables with their rows: 15,607 in all.
pub const CHINOOK: &[(&str, u64)] = &[
    ("Album", 347),
    ("Artist", 275),
    ("Customer", 59),
    ("Employee", 8),
    ("Genre", 25),
    ("Invoice", 412),
    ("InvoiceLine", 2_240),
    ("MediaType", 5),
    ("Playlist", 18),
    ("PlaylistTrack", 8_715),
    ("Track", 3_503),
];

/// Sakila's tables with their rows; its views are not among them.
pub const SAKILA: &[(&str, u64)] = &[
    ("actor", 200),
    ("address", 603),
    ("category", 16),
    ("city", 600),
    ("country", 109),
    ("customer", 599),
    ("film", 1_000),
    ("film_actor", 5_462),
    ("film_category", 1_000),
    ("film_text", 1_000),
    ("inventory", 4_581),
    ("language", 6),
    ("payment", 16_049),
    ("rental", 16_044),
    ("staff", 2),
    ("store", 2),
];

/// Chinook's file; `None`, said so, where it is not on this machine.
pub fn chinook() -> Option<SqliteFile> {
    shared_data("chinook.sqlite").map(SqliteFile::new)
}

/// A database that holds Sakila, with its triggers and views; `None`, said so, where it cannot be had.
pub fn sakila(label: &str) -> Option<MysqlDatabase> {
    let (schema, data) = (shared_data("sakila-schema.sql")?, shared_data("sakila-data.sql.gz")?);
    let database = MysqlDatabase::create(label)?;
    // Its views name the database that the script would have made.
    database.run_script(&fs::read_to_string(schema).unwrap().replace("sakila.", ""));
    let unpacked = Command::new("gzip").arg("-dc").arg(data).output().unwrap();
    assert!(unpacked.status.success());
    database.run_script(&text_of(&unpacked.stdout));
    Some(database)
}
