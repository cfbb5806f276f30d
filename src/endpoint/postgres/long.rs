//! Rows with values too long to come in one message: a connection holds such a message twice.
//!
//! May not interpret a value. One idea: the server tells how long values are without looking at them, so such rows are
//! found before a range is read. Each comes with NULL for its long values, these come in pieces, and both are put
//! together as if they had come at once.

use bytes::Bytes;
use sqlx::{Row as _, postgres::PgConnection};

use super::{
    catalog::Layout,
    copy, decode,
    error::failure,
    order::{self, Order},
    sql,
    tuples::Tuples,
};
use crate::{
    endpoint::{Position, Result},
    model::{Column, ColumnType, Table},
};

/// A value of more bytes comes in pieces: below, buffers cost little.
const LONG: usize = 8 << 20;

/// Bytes of a piece.
const PIECE: usize = 2 << 20;

/// What a long value comes to on disk at least: no compression of the server's makes 256 bytes one.
pub(super) const LEAST_ON_DISK: u64 = (LONG >> 8) as u64;

/// Finds and reads the long rows of a table.
pub(super) struct Long<'s> {
    table: &'s Table,
    from: &'s str,
    order: &'s Order,
    /// Places of the columns that may hold long values, and what makes the bytes of one that a COPY would send.
    columns: Vec<(usize, String)>,
}

/// A row that holds long values.
pub(super) struct LongRow {
    pub(super) position: Position,
    /// For each of the columns that may hold them, how many bytes, if they are many.
    lengths: Vec<Option<usize>>,
}

impl<'s> Long<'s> {
    /// `None` where no value is long, or no row could be found again.
    pub(super) fn of(table: &'s Table, from: &'s str, order: &'s Order, layout: &Layout) -> Option<Self> {
        let columns = table.columns.iter().enumerate().filter_map(|(place, column)| Some((place, sent(column)?)));
        let columns: Vec<_> = columns.collect();
        let any = layout.long && *order != Order::None && !columns.is_empty();
        any.then_some(Self { table, from, order, columns })
    }

    fn context(&self) -> String {
        format!("cannot read {}", self.table.name)
    }

    /// The first such row behind `after` up to and including `until`.
    pub(super) async fn next(
        &self,
        reader: &mut PgConnection,
        after: Option<&Position>,
        until: Option<&Position>,
    ) -> Result<Option<LongRow>> {
        let failed = |error| failure(error, self.context());
        let lengths = self.columns.iter().map(|(place, _)| {
            let length = format!("octet_length(t.{})", sql::ident(&self.table.columns[*place].name));
            format!("CASE WHEN {length} > {LONG} THEN {length} END")
        });
        let lengths: Vec<String> = lengths.collect();
        let between = self.order.between(after, until)?;
        let statement = format!(
            "SELECT {}, {} FROM {}{between} {} coalesce({}) IS NOT NULL{} LIMIT 1",
            self.order.selected(),
            lengths.join(", "),
            self.from,
            if between.is_empty() { "WHERE" } else { "AND" },
            lengths.join(", "),
            self.order.by()
        );
        let Some(row) = sql::first(reader, &statement).await.map_err(failed)? else { return Ok(None) };
        let keys = row.len() - self.columns.len();
        let texts = (0..keys).map(|place| row.try_get(place)).collect::<sqlx::Result<Vec<String>>>();
        let length = |place| row.try_get::<Option<i32>, _>(place).map(|length| length?.try_into().ok());
        let lengths = (keys..row.len()).map(length).collect::<sqlx::Result<_>>();
        Ok(Some(LongRow { position: order::position_of(&texts.map_err(failed)?), lengths: lengths.map_err(failed)? }))
    }

    /// All of the row's fields.
    pub(super) async fn whole(&self, reader: &mut PgConnection, row: &LongRow) -> Result<Tuples> {
        let at = self.order.at(&row.position)?;
        let mut long = vec![None; self.table.columns.len()];
        for ((place, sent), length) in self.columns.iter().zip(&row.lengths) {
            long[*place] = length.map(|length| (sent, length));
        }
        let selected = self.table.columns.iter().zip(&long);
        let selected =
            selected.map(|(column, long)| if long.is_some() { "NULL".into() } else { decode::selected(column) });
        let selected: Vec<String> = selected.collect();
        let mut short = Vec::new();
        let query = format!("SELECT {} FROM {}{at}", selected.join(", "), self.from);
        copy::each(reader, self.table, (&query, long.len()), |row| {
            short = (0..long.len()).map(|place| row.column(place).next().flatten().map(<[u8]>::to_vec)).collect();
        })
        .await?;
        let room = long.iter().flatten().map(|(_, length)| length).sum::<usize>();
        let room = room + short.iter().flatten().map(Vec::len).sum::<usize>();
        let (mut bytes, mut fields) = (Vec::with_capacity(room), Vec::with_capacity(long.len()));
        for (long, short) in long.iter().zip(&short) {
            let start = bytes.len();
            match (long, short) {
                (Some((sent, _)), _) => self.pieces(reader, (sent, &at), &mut bytes).await?,
                (None, Some(short)) => bytes.extend_from_slice(short),
                (None, None) => {
                    fields.push((start as u32, -1));
                    continue;
                }
            }
            fields.push((start as u32, (bytes.len() - start) as i32));
        }
        Ok(Tuples::of_one_row(Bytes::from(bytes), fields))
    }

    /// Adds a value, made once and then cut.
    async fn pieces(&self, reader: &mut PgConnection, (sent, at): (&str, &str), bytes: &mut Vec<u8>) -> Result<()> {
        let query = format!(
            "SELECT substring(v.b FROM s.i FOR {PIECE}) FROM (SELECT {sent} AS b FROM {}{at} OFFSET 0) AS v \
             CROSS JOIN LATERAL generate_series(1, length(v.b), {PIECE}) AS s(i)",
            self.from
        );
        copy::each(reader, self.table, (&query, 1), |piece| {
            piece.column(0).flatten().for_each(|piece| bytes.extend_from_slice(piece));
        })
        .await
    }
}

/// What makes the bytes of a column that may hold long values; `None`: its values come as a whole. A `char(n)` would lose its blanks.
fn sent(column: &Column) -> Option<String> {
    let name = sql::ident(&column.name);
    match (&column.ty, column.native.as_str()) {
        (ColumnType::Bytes { .. }, _) => Some(format!("byteasend(t.{name})")),
        (ColumnType::Text { max: None }, "text" | "character varying") => Some(format!("textsend(t.{name})")),
        _ => None,
    }
}
