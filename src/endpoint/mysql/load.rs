//! Loads one table, one chunk a transaction.
//!
//! One idea: InnoDB takes back the statement that failed and keeps the transaction, so a statement that fails for what
//! its rows are is split, at the row the server blames or in halves, until the row that fails alone is found.

use std::ops::Range as Span;

use async_trait::async_trait;
use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};
use sqlx::mysql::MySqlArguments;

use super::{
    catalog::{self, Index, no_table},
    connect::{Session, text_at},
    encode::{Bound, Objection, Target, is_known},
    error::Complaint,
    refusal, sql,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, LoadOptions, Loader, Mark, Refusal, Result},
    model::Cause,
};

/// Rows to a statement: beyond a thousand nothing is gained.
const STATEMENT_ROWS: usize = 1000;

/// Parameters to a statement, of which the protocol counts 65,535.
const STATEMENT_PARAMETERS: usize = 65_000;

/// Bytes to a statement, at most; less where the server takes less.
const STATEMENT_BYTES: usize = 4 << 20;

pub(super) struct MysqlLoader {
    session: Session,
    table: String,
    columns: Vec<String>,
    targets: Vec<Target>,
    indexes: Vec<Index>,
    /// One row's bracket of placeholders.
    bracket: String,
    /// The statement that takes `full` rows, kept prepared.
    statement: String,
    full: usize,
    statement_bytes: usize,
    /// What no single row may exceed.
    packet: usize,
}

/// Why a statement did not take its rows.
enum Failure {
    Rows(Complaint),
    Everything(EndpointError),
}

impl MysqlLoader {
    pub(super) async fn open(mut session: Session, table: &str, options: &LoadOptions) -> Result<Self> {
        let facts = catalog::facts(&mut session, table).await?;
        demand_transactions(&mut session, table).await?;
        let target = |name: &String| facts.column(name).map(Target::new).ok_or_else(|| no_column(table, name));
        let targets: Vec<Target> = options.columns.iter().map(target).collect::<Result<_>>()?;
        if targets.is_empty() {
            return Err(EndpointError::new(ErrorKind::Other, cannot_load(table), "no column is to be written"));
        }
        if options.suspend_foreign_keys {
            session.execute("SET SESSION foreign_key_checks = 0").await?;
        }
        let packet = session.value("SELECT CAST(@@max_allowed_packet AS CHAR)", &[]).await?;
        let packet = packet.and_then(|text| text.parse::<usize>().ok()).unwrap_or(1 << 20);
        let parameters: usize = targets.iter().map(Target::parameters).sum();
        let full = (STATEMENT_PARAMETERS / parameters).clamp(1, STATEMENT_ROWS);
        let places: Vec<&str> = targets.iter().map(Target::placeholder).collect();
        let bracket = format!("({})", places.join(","));
        Ok(Self {
            statement: sql::insert(table, &options.columns, &bracket, full),
            table: table.to_owned(),
            columns: options.columns.clone(),
            indexes: facts.indexes,
            statement_bytes: STATEMENT_BYTES.min(packet / 4),
            session,
            targets,
            bracket,
            full,
            packet,
        })
    }

    #[cfg(test)]
    pub(super) async fn impatient(&mut self) {
        self.session.execute("SET SESSION innodb_lock_wait_timeout = 1").await.unwrap();
    }

    /// Every row as it is bound, or what speaks against it.
    fn bind<'b>(&self, batch: &'b RecordBatch, refusals: &mut Vec<Refusal>) -> Result<Bindings<'b>> {
        if batch.num_columns() != self.targets.len() {
            let message = format!("{} columns came for {}", batch.num_columns(), self.targets.len());
            return Err(EndpointError::new(ErrorKind::Other, cannot_load(&self.table), message));
        }
        for (array, target) in batch.columns().iter().zip(&self.targets) {
            if !is_known(array.data_type()) {
                let message = format!("column '{}' came as {}", target.name, array.data_type());
                return Err(EndpointError::new(ErrorKind::Other, cannot_load(&self.table), message));
            }
        }
        let mut bindings = Bindings { rows: Vec::new(), cells: Vec::new(), width: self.targets.len() };
        bindings.cells.reserve(batch.num_rows() * self.targets.len());
        for row in 0..batch.num_rows() {
            let start = bindings.cells.len();
            match self.bind_row(batch.columns(), row, &mut bindings.cells) {
                Ok(size) => bindings.rows.push((row, size)),
                Err((column, objection)) => {
                    bindings.cells.truncate(start);
                    let Objection { cause, message } = objection;
                    refusals.push(Refusal { row, cause, column, message });
                }
            }
        }
        Ok(bindings)
    }

    fn bind_row<'b>(
        &self,
        arrays: &'b [ArrayRef],
        row: usize,
        cells: &mut Vec<Bound<'b>>,
    ) -> std::result::Result<usize, (Option<String>, Objection)> {
        let mut size = 0;
        for (target, array) in self.targets.iter().zip(arrays) {
            let bound = target.bound(array, row).map_err(|objection| (Some(target.name.clone()), objection))?;
            size += bound.size();
            cells.push(bound);
        }
        if size + 1024 > self.packet {
            let message = format!("the row has {size} bytes, over the server's max_allowed_packet of {}", self.packet);
            return Err((None, Objection { cause: Cause::Length, message }));
        }
        Ok(size)
    }

    /// Inserts these rows, splitting as far as it takes.
    async fn insert(&mut self, bindings: &Bindings<'_>, span: Span<usize>, refusals: &mut Vec<Refusal>) -> Result<()> {
        let mut spans = vec![span];
        while let Some(span) = spans.pop() {
            let complaint = match self.insert_at_once(bindings, span.clone()).await {
                Ok(()) => continue,
                Err(Failure::Everything(error)) => return Err(error),
                Err(Failure::Rows(complaint)) => complaint,
            };
            if span.len() == 1 {
                refusals.push(self.refusal(bindings.rows[span.start].0, complaint));
                continue;
            }
            // The later part waits: rows go in their order, so that of two alike the first is kept.
            match refusal::blamed_row(&complaint).filter(|row| *row < span.len()) {
                Some(row) => {
                    let blamed = span.start + row;
                    spans.extend([blamed + 1..span.end, blamed..blamed + 1, span.start..blamed]);
                }
                None => {
                    let middle = span.start + span.len() / 2;
                    spans.extend([middle..span.end, span.start..middle]);
                }
            }
            spans.retain(|span| !span.is_empty());
        }
        Ok(())
    }

    async fn insert_at_once(&mut self, bindings: &Bindings<'_>, span: Span<usize>) -> std::result::Result<(), Failure> {
        let rows = span.len();
        let arguments = self.arguments(bindings, span).map_err(Failure::Everything)?;
        let outcome = if rows == self.full {
            self.session.run(&self.statement, arguments, true).await
        } else {
            let statement = sql::insert(&self.table, &self.columns, &self.bracket, rows);
            self.session.run(&statement, arguments, rows == 1).await
        };
        match outcome.map_err(|error| Failure::Everything(error.during(cannot_load(&self.table))))? {
            Ok(taken) if taken == rows as u64 => self.demand_silence().await.map_err(Failure::Everything),
            Ok(taken) => {
                let message = format!("the server took {taken} rows of {rows}");
                Err(Failure::Everything(EndpointError::new(ErrorKind::Other, cannot_load(&self.table), message)))
            }
            Err(complaint) if blames_rows(&complaint) => Err(Failure::Rows(complaint)),
            Err(complaint) => Err(Failure::Everything(complaint.into_error(cannot_load(&self.table)))),
        }
    }

    fn arguments(&self, bindings: &Bindings<'_>, span: Span<usize>) -> Result<MySqlArguments> {
        let mut arguments = MySqlArguments::default();
        let cells = &bindings.cells[span.start * bindings.width..span.end * bindings.width];
        for bound in cells {
            bound
                .add_to(&mut arguments)
                .map_err(|error| EndpointError::new(ErrorKind::Other, cannot_load(&self.table), error.to_string()))?;
        }
        Ok(arguments)
    }

    /// A warning says that the server changed a value and went on. None is expected; one is a reason to stop.
    async fn demand_silence(&mut self) -> Result<()> {
        let count = self.session.shown("SELECT @@warning_count").await?;
        if count.first().and_then(|row| text_at(row, 0)).as_deref() == Some("0") {
            return Ok(());
        }
        let warnings = self.session.shown("SHOW WARNINGS LIMIT 3").await?;
        let words = warnings.iter().filter_map(|row| Some(format!("{} {}", text_at(row, 1)?, text_at(row, 2)?)));
        let message = format!("the server took rows with warnings: {}", words.collect::<Vec<_>>().join("; "));
        Err(EndpointError::new(ErrorKind::Data, cannot_load(&self.table), message))
    }

    fn refusal(&self, row: usize, complaint: Complaint) -> Refusal {
        let column = refusal::column(&complaint, &self.columns, &self.indexes);
        Refusal { row, cause: refusal::cause(&complaint), column, message: complaint.message }
    }
}

/// A batch's rows as they are bound, those that were refused left out.
struct Bindings<'b> {
    /// Each row's number in the batch, and its size.
    rows: Vec<(usize, usize)>,
    cells: Vec<Bound<'b>>,
    width: usize,
}

impl Bindings<'_> {
    /// The first rows from `start` on that fit into one statement.
    fn fitting(&self, start: usize, rows: usize, bytes: usize) -> Span<usize> {
        let mut end = start;
        let mut total = 0;
        while end < self.rows.len() && end - start < rows {
            total += self.rows[end].1;
            if total > bytes && end > start {
                break;
            }
            end += 1;
        }
        start..end
    }
}

#[async_trait]
impl Loader for MysqlLoader {
    async fn begin(&mut self) -> Result<()> {
        self.session.execute("START TRANSACTION").await.map_err(|error| error.during(cannot_load(&self.table)))
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let mut refusals = Vec::new();
        let bindings = self.bind(batch, &mut refusals)?;
        let mut start = 0;
        while start < bindings.rows.len() {
            let span = bindings.fitting(start, self.full, self.statement_bytes);
            start = span.end;
            self.insert(&bindings, span, &mut refusals).await?;
        }
        refusals.sort_by_key(|refusal| refusal.row);
        Ok(refusals)
    }

    async fn commit(&mut self, mark: &Mark) -> Result<()> {
        let context = format!("cannot commit a chunk of table '{}'", self.table);
        insert_mark(&mut self.session, mark).await.map_err(|error| error.during(context.clone()))?;
        self.session.execute("COMMIT").await.map_err(|error| error.during(context))
    }

    async fn rollback(&mut self) -> Result<()> {
        self.session.execute("ROLLBACK").await.map_err(|error| error.during(cannot_load(&self.table)))
    }
}

async fn insert_mark(session: &mut Session, mark: &Mark) -> Result<()> {
    use sqlx::Arguments as _;
    let mut arguments = MySqlArguments::default();
    let counts = &mark.counts;
    let end = mark.end.as_ref().map(|end| end.0.as_str());
    let numbers = [counts.read, counts.written, counts.skipped, counts.flagged, counts.filtered];
    let added = arguments
        .add(mark.run.0.as_str())
        .and_then(|()| arguments.add(mark.table.as_str()))
        .and_then(|()| arguments.add(mark.chunk))
        .and_then(|()| arguments.add(end))
        .and_then(|()| numbers.iter().try_for_each(|number| arguments.add(*number)))
        .and_then(|()| arguments.add(mark.retried.as_str()));
    added.map_err(|error| EndpointError::new(ErrorKind::Other, "cannot write a mark", error.to_string()))?;
    let columns = "`run`, `table_name`, `chunk`, `end_position`, `rows_read`, `rows_written`, `rows_skipped`, \
                   `rows_flagged`, `rows_filtered`, `retried`";
    let statement = format!("INSERT INTO {} ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", sql::name(Mark::TABLE));
    match session.run(&statement, arguments, true).await? {
        Ok(_) => Ok(()),
        Err(complaint) => Err(complaint.into_error("cannot write a mark")),
    }
}

fn blames_rows(complaint: &Complaint) -> bool {
    // 1118: the row is too big for the page, which only this row may be.
    complaint.kind() == ErrorKind::Data || complaint.number == 1118
}

fn cannot_load(table: &str) -> String {
    format!("cannot load table '{table}'")
}

fn no_column(table: &str, column: &str) -> EndpointError {
    EndpointError::new(ErrorKind::Other, cannot_load(table), format!("it has no column '{column}'"))
}

/// In an engine without transactions a chunk could not be taken back, nor a failed statement.
async fn demand_transactions(session: &mut Session, table: &str) -> Result<()> {
    let engine = session
        .rows(
            "SELECT e.ENGINE, e.TRANSACTIONS FROM information_schema.TABLES t \
             JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = DATABASE() \
             AND t.TABLE_NAME = ? AND CAST(t.TABLE_NAME AS BINARY) = CAST(? AS BINARY)",
            &[table, table],
        )
        .await?;
    let Some(row) = engine.first() else { return Err(no_table(table)) };
    if text_at(row, 1).as_deref() == Some("YES") {
        return Ok(());
    }
    let engine = text_at(row, 0).unwrap_or_default();
    let message = format!("its engine {engine} has no transactions: ALTER TABLE {} ENGINE=InnoDB", sql::name(table));
    Err(EndpointError::new(ErrorKind::Other, cannot_load(table), message))
}
