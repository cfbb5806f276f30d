//! Rows with values too long for SQLite to make and for us to copy.
//!
//! One idea: how long a value is stands at the head of its row, so such rows are found without a look at the values. Each
//! is read with NULL for these, which then come straight from their pages to where they are to lie.

use rusqlite::{Connection, MAIN_DB, Row, params_from_iter};

use super::{
    decode::RowsBuilder,
    long::LONG,
    order::{Order, Place},
    sql::quoted,
    types::column_type,
};
use crate::model::{Column, ColumnType, Table};

/// Finds and reads the long rows of a table that has some.
pub(super) struct Draw {
    table: String,
    /// Each column, and whether it is looked at.
    columns: Vec<(String, bool)>,
}

/// Columns that are declared to hold short values are not looked at: to tell the length of a number SQLite writes it out,
/// which would take a good part of the time of reading the table. A long value there is read as any other.
fn may_be_long(column: &Column) -> bool {
    let declared = column.native.split_once('(').and_then(|(_, rest)| rest.split(')').next());
    let is_short = declared.and_then(|length| length.trim().parse::<usize>().ok()).is_some_and(|length| length < LONG);
    let kind = column_type(&column.native);
    let has_length =
        matches!(kind, ColumnType::Text { .. } | ColumnType::Bytes { .. } | ColumnType::Json | ColumnType::Other(_));
    has_length && !is_short && !column.identity
}

/// A row that holds long values.
pub(super) struct LongRow {
    pub(super) place: Place,
    row: i64,
    /// Columns whose values are long, and whether these are text.
    long: Vec<(usize, bool)>,
}

impl Draw {
    /// `None` where no value is long, or none could be drawn: rows need a row id, their table may compute no column, and
    /// text must be UTF-8.
    pub(super) fn of(connection: &Connection, table: &Table, order: &Order) -> rusqlite::Result<Option<Self>> {
        let columns = table.columns.iter().map(|column| (column.name.clone(), may_be_long(column)));
        let draw = Self { table: table.name.clone(), columns: columns.collect() };
        let may = "SELECT page_count * page_size >= ?1 AND encoding = 'UTF-8' FROM pragma_page_count, pragma_page_size, \
                   pragma_encoding";
        let is_plain = "SELECT type = 'table' AND NOT wr AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 0) \
                        FROM pragma_table_list(?1) WHERE schema = 'main'";
        let may = draw.candidates().next().is_some()
            && order.by.len() == 1
            && connection.query_row(may, [LONG as i64], |row| row.get(0))?
            && connection.query_row(is_plain, [&table.name], |row| row.get(0))?;
        if !may {
            return Ok(None);
        }
        let any = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE {})", quoted(&table.name), draw.condition());
        Ok(connection.query_row(&any, [], |row| row.get::<_, bool>(0))?.then_some(draw))
    }

    fn candidates(&self) -> impl Iterator<Item = (usize, String)> {
        let columns = self.columns.iter().enumerate().filter(|(_, (_, drawn))| *drawn);
        columns.map(|(place, (name, _))| (place, quoted(name)))
    }

    fn condition(&self) -> String {
        let long: Vec<String> = self.candidates().map(|(_, name)| format!("octet_length({name}) >= {LONG}")).collect();
        format!("({})", long.join(" OR "))
    }

    /// The first such row behind `after` up to and including `until`.
    pub(super) fn next(
        &self,
        connection: &Connection,
        order: &Order,
        after: Option<&Place>,
        until: Option<&Place>,
    ) -> rusqlite::Result<Option<LongRow>> {
        let bounds = [(after, ">"), (until, "<=")];
        let bounds = bounds.iter().filter(|(place, _)| place.is_some()).map(|(_, operator)| order.compare(operator));
        let conditions: Vec<String> = bounds.chain([self.condition()]).collect();
        let kinds = self
            .candidates()
            .map(|(_, name)| format!("CASE WHEN octet_length({name}) >= {LONG} THEN typeof({name}) = 'text' END"));
        let kinds: Vec<String> = kinds.collect();
        let sql = format!(
            "SELECT {}, {} FROM {} WHERE {} ORDER BY {} LIMIT 1",
            order.list(),
            kinds.join(", "),
            quoted(&self.table),
            conditions.join(" AND "),
            order.list()
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(after.into_iter().chain(until).flat_map(Place::parameters)))?;
        let found = |row: &Row<'_>| {
            let mut long = Vec::new();
            for (index, (place, _)) in self.candidates().enumerate() {
                if let Some(is_text) = row.get(order.by.len() + index)? {
                    long.push((place, is_text));
                }
            }
            Ok(LongRow { place: order.place(row)?, row: row.get(0)?, long })
        };
        rows.next()?.map(found).transpose()
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
        let cells = columns.map(|(place, (name, _))| if is_long(place) { "NULL".into() } else { quoted(name) });
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
            let (name, _) = &self.columns[*place];
            let blob = connection.blob_open(MAIN_DB, &*self.table, &**name, found.row, true)?;
            if !builder.draw(*place, &blob, *is_text)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_that_may_hold_long_values_are_looked_at() {
        for (native, long) in [
            ("", true),
            ("BLOB", true),
            ("TEXT", true),
            ("JSON", true),
            ("VARBINARY", true),
            ("VARCHAR(24)", false),
            ("VARCHAR(99999999)", true),
            ("INTEGER", false),
            ("DECIMAL(12,2)", false),
            ("DATETIME", false),
            ("REAL", false),
        ] {
            let column = Column { native: native.into(), ..Column::new("x", column_type(native)) };
            assert_eq!(may_be_long(&column), long, "{native}");
        }
    }
}
