//! Which rows of a batch the table will probably refuse, asked of all of them at once.
//!
//! Decides nothing. One idea: a row that the server refuses in the middle of a COPY costs that COPY, so where many are
//! refused, what the rules of the table look at (keys, checks, columns that must be filled) goes into a temporary table
//! first, and one query names the suspects. They are then tried apart, and the server's own words count; what the
//! query does not see is refused as ever, only more slowly.

use std::collections::BTreeSet;

use datafusion::arrow::record_batch::RecordBatch;
use sqlx::{Row as _, postgres::PgConnection};

use super::{
    catalog,
    encode::{Lines, Mistyped, Target},
    load::send,
    sql::{self, TableName, ident, idents},
    trial::Trial,
};

const NAME: &str = "whimbrel_screen";
/// Its first column: the number of the line.
const NUMBER: &str = "whimbrel row";

/// So many refusals of a batch are too many to be found one by one.
pub(super) const MANY: usize = 20;

/// Whether rows are screened before they are sent.
#[derive(Default)]
pub(super) enum Screening {
    /// Not until many of a batch are refused.
    #[default]
    Off,
    /// And tried in the server, where it can.
    On(Box<Screen>, Option<Box<Trial>>),
    /// The table has no rule to screen by, or asking failed.
    Never,
}

impl Screening {
    /// After a transaction that came to nothing, and with it the temporary table.
    pub(super) fn restart(&mut self) {
        if let Self::On(..) = self {
            *self = Self::Off;
        }
    }
}

/// What of a table its rules look at.
pub(super) struct Screen {
    /// The places of the columns in a batch.
    places: Vec<usize>,
    targets: Vec<Target>,
    statement: String,
    suspects: String,
    lines: Lines,
}

impl Screen {
    /// `None` where the table has no rule that can be asked of its rows.
    pub(super) async fn make(
        connection: &mut PgConnection,
        name: &TableName,
        targets: &[Target],
    ) -> sqlx::Result<Option<Self>> {
        let rules = Rules::of(connection, name, targets).await?;
        let looked_at = rules.columns();
        let needed = |place: &usize| looked_at.contains(targets[*place].column.name.as_str());
        let places: Vec<usize> = (0..targets.len()).filter(needed).collect();
        if places.is_empty() {
            return Ok(None);
        }
        let targets: Vec<Target> = places.iter().map(|place| Target::new(targets[*place].column.clone())).collect();
        let (place, number) = (format!("pg_temp.{}", ident(NAME)), ident(NUMBER));
        let columns = idents(targets.iter().map(|target| &target.column.name));
        let create = format!(
            "DROP TABLE IF EXISTS {place}; CREATE TEMPORARY TABLE {} ON COMMIT DELETE ROWS AS \
             SELECT 0::bigint AS {number}, {columns} FROM {} WHERE false",
            ident(NAME),
            name.quoted()
        );
        sql::run(connection, &create).await?;
        Ok(Some(Self {
            places,
            targets,
            statement: format!("COPY {place} ({number}, {columns}) FROM STDIN"),
            suspects: rules.suspects(&place, name),
            lines: Lines::numbered(),
        }))
    }

    /// Puts what the rules look at into a form that can be sent.
    pub(super) fn fill(&mut self, batch: &RecordBatch) -> Result<(), Mistyped> {
        match batch.project(&self.places) {
            Ok(batch) => self.lines.fill(&batch, &self.targets).map(drop),
            Err(error) => Err(Mistyped { column: String::new(), found: error.to_string() }),
        }
    }

    /// The rows of the batch, as it was filled, that some rule speaks against.
    pub(super) async fn ask(&self, connection: &mut PgConnection) -> sqlx::Result<BTreeSet<usize>> {
        sql::run(connection, &format!("TRUNCATE pg_temp.{}", ident(NAME))).await?;
        send(connection, &self.lines.copy(&self.statement), self.lines.pieces(0, self.lines.len())).await?;
        let rows = sql::rows(connection, &self.suspects).await?;
        rows.iter().map(|row| Ok(self.lines.row(usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0)))).collect()
    }
}

/// The rules of a table that are about written columns only.
struct Rules {
    /// What each check says, and the columns that it looks at.
    checks: Vec<(String, Vec<String>)>,
    /// The columns of each unique index over whole columns of all rows.
    keys: Vec<Vec<String>>,
    filled: Vec<String>,
}

impl Rules {
    async fn of(connection: &mut PgConnection, name: &TableName, targets: &[Target]) -> sqlx::Result<Self> {
        let written = |columns: &[String]| {
            columns.iter().all(|column| targets.iter().any(|target| target.column.name == *column))
        };
        let mut checks = catalog::conditions(connection, name).await?;
        checks.retain(|(_, columns)| written(columns));
        let mut keys = catalog::unique_columns(connection, name).await?;
        keys.retain(|columns| written(columns));
        let filled = targets.iter().filter(|target| !target.column.nullable);
        Ok(Self { checks, keys, filled: filled.map(|target| target.column.name.clone()).collect() })
    }

    fn columns(&self) -> BTreeSet<&str> {
        let of_checks = self.checks.iter().flat_map(|(_, columns)| columns);
        of_checks.chain(self.keys.iter().flatten()).chain(&self.filled).map(String::as_str).collect()
    }

    /// Numbers of the lines that break a rule. The limit keeps the server from reading all of the table for a few rows.
    fn suspects(&self, place: &str, table: &TableName) -> String {
        let number = ident(NUMBER);
        let mut parts: Vec<String> = Vec::new();
        let alone = self.checks.iter().map(|(check, _)| format!("({check}) IS FALSE"));
        let alone: Vec<String> =
            alone.chain(self.filled.iter().map(|column| format!("{} IS NULL", ident(column)))).collect();
        if !alone.is_empty() {
            parts.push(format!("SELECT {number} FROM {place} WHERE {}", alone.join(" OR ")));
        }
        for key in &self.keys {
            let columns = idents(key);
            let same = key.iter().map(|column| format!("standing.{0} = coming.{0}", ident(column)));
            let known = key.iter().map(|column| format!("{} IS NOT NULL", ident(column)));
            parts.push(format!(
                "SELECT coming.{number} FROM {place} AS coming, LATERAL \
                 (SELECT 1 FROM {} AS standing WHERE {} LIMIT 1) AS found",
                table.quoted(),
                same.collect::<Vec<_>>().join(" AND ")
            ));
            parts.push(format!(
                "SELECT {number} FROM (SELECT {number}, row_number() OVER (PARTITION BY {columns} ORDER BY {number}) \
                 AS place FROM {place} WHERE {}) AS coming WHERE place > 1",
                known.collect::<Vec<_>>().join(" AND ")
            ));
        }
        parts.join(" UNION ")
    }
}
