//! Rows with values too long for SQLite to make and for us to copy.
//!
//! One idea: SQLite is told to make no value that is so long, and stops before the first row that has one. That row is read
//! with NULL for its long values, which then come straight from their pages to where they are to lie. Rows are not looked
//! at beforehand: that would be a second reading of the table.

use rusqlite::{Connection, ErrorCode, MAIN_DB, limits::Limit, params_from_iter};

use super::{
    decode::RowsBuilder,
    long::LONG,
    order::{Order, Place},
    sql::quoted,
};
use crate::model::Table;

/// Reads the long rows of a table.
pub(super) struct Draw {
    table: String,
    columns: Vec<String>,
}

/// A row that holds long values.
pub(super) struct LongRow {
    pub(super) place: Place,
    row: i64,
    /// Columns whose values are long, and whether these are text.
    long: Vec<(usize, bool)>,
}

/// Does the work while SQLite makes no long value.
pub(super) fn without_long<T>(
    connection: &Connection,
    work: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let usual = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONG as i32 - 1)?;
    let done = work();
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, usual)?;
    done
}

/// Whether it stopped at a long value.
pub(super) fn is_too_long(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::TooBig)
}

impl Draw {
    /// `None` where no value is long, or none could be drawn: rows need a row id, their table may compute no column, and
    /// text must be UTF-8.
    pub(super) fn of(connection: &Connection, table: &Table, order: &Order) -> rusqlite::Result<Option<Self>> {
        let may = "SELECT page_count * page_size >= ?1 AND encoding = 'UTF-8' FROM pragma_page_count, pragma_page_size, \
                   pragma_encoding";
        let is_plain = "SELECT type = 'table' AND NOT wr AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 0) \
                        FROM pragma_table_list(?1) WHERE schema = 'main'";
        let may = order.by.len() == 1
            && connection.query_row(may, [LONG as i64], |row| row.get(0))?
            && connection.query_row(is_plain, [&table.name], |row| row.get(0))?;
        let columns = table.columns.iter().map(|column| column.name.clone());
        Ok(may.then(|| Self { table: table.name.clone(), columns: columns.collect() }))
    }

    /// What is long in the first row behind `after`.
    pub(super) fn next(
        &self,
        connection: &Connection,
        order: &Order,
        after: Option<&Place>,
    ) -> rusqlite::Result<Option<LongRow>> {
        let behind = after.map(|_| format!(" WHERE {}", order.compare(">"))).unwrap_or_default();
        let kinds = self.columns.iter().map(|name| {
            let name = quoted(name);
            format!("CASE WHEN octet_length({name}) >= {LONG} THEN typeof({name}) = 'text' END")
        });
        let kinds: Vec<String> = kinds.collect();
        let sql = format!(
            "SELECT {}, {} FROM {}{behind} ORDER BY {} LIMIT 1",
            order.list(),
            kinds.join(", "),
            quoted(&self.table),
            order.list()
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(after.into_iter().flat_map(Place::parameters)))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut long = Vec::new();
        for place in 0..self.columns.len() {
            if let Some(is_text) = row.get(order.by.len() + place)? {
                long.push((place, is_text));
            }
        }
        Ok(Some(LongRow { place: order.place(row)?, row: row.get(0)?, long }))
    }

    /// Adds the row, as the only one. `false` where a value wants to be looked at as any other; the builder is spoilt then.
    pub(super) fn row(
        &self,
        connection: &Connection,
        order: &Order,
        found: &LongRow,
        builder: &mut RowsBuilder,
    ) -> rusqlite::Result<bool> {
        let is_long = |place| found.long.iter().any(|(long, _)| *long == place);
        let columns = self.columns.iter().enumerate();
        let cells = columns.map(|(place, name)| if is_long(place) { "NULL".into() } else { quoted(name) });
        let cells: Vec<String> = cells.collect();
        let sql = format!("SELECT {} FROM {} WHERE {}", cells.join(", "), quoted(&self.table), order.compare("="));
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(found.place.parameters()))?;
        let Some(row) = rows.next()? else { return Ok(false) };
        let cells = builder.look(row, 0)?;
        builder.push(cells);
        if builder.has_rejects() {
            return Ok(false);
        }
        for (place, is_text) in &found.long {
            let blob = connection.blob_open(MAIN_DB, &*self.table, &*self.columns[*place], found.row, true)?;
            if !builder.draw(*place, &blob, *is_text)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
