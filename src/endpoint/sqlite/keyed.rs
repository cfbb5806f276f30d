//! Rows found by their keys.

use datafusion::arrow::record_batch::RecordBatch;
use rusqlite::{Connection, types::ToSqlOutput};

use super::{
    decode::{RowsBuilder, size},
    error::failure,
    feed::{Feed, Scratch, Target},
    sql::{quoted, quoted_list},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Result, SourceBatch},
    model::{Column, Table},
};

/// Some of the rows that have these keys, from the `first` key on, and the key to go on with.
pub(super) fn rows(
    connection: &Connection,
    table: &Table,
    keys: &RecordBatch,
    (first, batch_bytes): (usize, usize),
) -> Result<(SourceBatch, usize)> {
    let context = || format!("cannot read {}", table.name);
    let other = |message: String| EndpointError::new(ErrorKind::Other, context(), message);
    let schema = keys.schema();
    let target = |name: &String| table.column(name).map(|column: &Column| Target::new(column, false));
    let targets = schema.fields().iter().map(|field| target(field.name())).collect::<Option<Vec<_>>>();
    let targets = targets.ok_or_else(|| other("a column of the key is gone".into()))?;
    let feeds: Vec<Feed<'_>> =
        targets.iter().zip(keys.columns()).map(|(target, array)| Feed::new(target, array)).collect();
    let same: Vec<String> = feeds.iter().map(|feed| format!("{} = ?", quoted(feed.name()))).collect();
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let sql = format!("SELECT {} FROM {} WHERE {}", quoted_list(&names), quoted(&table.name), same.join(" AND "));
    let mut builder = RowsBuilder::new(&table.columns)?;
    let failed = |error: rusqlite::Error| failure(&error, context());
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let (mut scratch, mut bytes, mut next) = (Scratch::default(), 0, first);
    while next < keys.num_rows() && bytes < batch_bytes {
        for (index, feed) in feeds.iter().enumerate() {
            let value = feed.value(next, &mut scratch).map_err(|complaint| other(complaint.message))?;
            statement.raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(value)).map_err(failed)?;
        }
        scratch.let_go();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            let cells = builder.look(row, 0).map_err(failed)?;
            bytes += size(&cells);
            builder.push(cells);
        }
        next += 1;
    }
    Ok((builder.finish()?, next))
}
