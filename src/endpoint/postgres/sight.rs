//! A look at some rows for what a declared type leaves open: how many digits a `numeric` without limits has, and how long
//! the text of a key is.
//!
//! One statement a table over so many rows, in no order: it says what is likely, and a run holds every row to it.

use sqlx::{PgConnection, Row as _};

use super::sql::{self, TableName, ident};
use crate::model::{Column, ColumnType, Sight, Sighting, Table};

const ROWS: u32 = 100_000;

/// What a look gives for one column.
enum Look {
    Digits,
    Longest { bytes: bool, shared: u32 },
}

/// Numbers in keys stay as they are: both sides of a foreign key must be of one type.
fn look(table: &Table, column: &Column) -> Option<Look> {
    let in_key = table.keys().any(|key| key.contains(&column.name));
    match (&column.ty, table.sharing(column)) {
        _ if column.generated => None,
        (ColumnType::Numeric, _) if !in_key => Some(Look::Digits),
        (_, 0) => None,
        (ty, shared) => Some(Look::Longest { bytes: matches!(ty, ColumnType::Bytes { .. }), shared }),
    }
}

impl Look {
    /// Three numbers: of values, and two of what they are like. Of numbers one that is none makes them say nothing.
    fn select(&self, name: &str) -> String {
        let three = match self {
            Self::Digits => [
                format!(
                    "CASE WHEN bool_or({name}::text IN ('NaN', 'Infinity', '-Infinity')) THEN 0 ELSE count({name}) END"
                ),
                format!("max(length(trunc(abs({name}::numeric))::text))"),
                format!("max(scale({name}::numeric))"),
            ],
            Self::Longest { bytes: true, .. } => {
                [format!("count({name})"), format!("max(octet_length({name}))"), "0".into()]
            }
            Self::Longest { bytes: false, .. } => {
                [format!("count({name})"), format!("max(char_length({name}))"), "0".into()]
            }
        };
        three.map(|number| format!("coalesce({number}, 0)::bigint")).join(", ")
    }

    fn sight(&self, [first, second]: [u32; 2]) -> Sight {
        match *self {
            Self::Digits => Sight::Digits { whole: first, fraction: second },
            Self::Longest { bytes, shared } => Sight::Longest { length: first, bytes, shared },
        }
    }
}

pub(super) async fn sightings(
    connection: &mut PgConnection,
    name: &TableName,
    table: &Table,
) -> sqlx::Result<Vec<Sighting>> {
    let looks: Vec<(&Column, Look)> =
        table.columns.iter().filter_map(|column| Some((column, look(table, column)?))).collect();
    if looks.is_empty() {
        return Ok(Vec::new());
    }
    let selects: Vec<String> = looks.iter().map(|(column, look)| look.select(&ident(&column.name))).collect();
    let columns = sql::idents(looks.iter().map(|(column, _)| &column.name));
    let statement = format!(
        "SELECT count(*), {} FROM (SELECT {columns} FROM {} LIMIT {ROWS}) looked",
        selects.join(", "),
        name.quoted()
    );
    let row = sql::query(statement).persistent(false).fetch_one(connection).await?;
    let number = |at: usize| row.try_get::<i64, _>(at).map(i64::cast_unsigned);
    let small = |at: usize| number(at).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let mut seen = Vec::new();
    for (place, (column, look)) in looks.iter().enumerate() {
        let first = 1 + 3 * place;
        let (rows, values) = (number(0)?, number(first)?);
        let sight = look.sight([small(first + 1)?, small(first + 2)?]);
        if values > 0 {
            seen.push(Sighting { column: column.name.clone(), sight, values, rows });
        }
    }
    Ok(seen)
}
