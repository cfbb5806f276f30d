//! Loads one table, one chunk a transaction.
//!
//! One idea: a savepoint stands before each statement, and a statement that fails (or warns) for what its rows are is
//! split, at the row the server blames or in halves, until the row that fails alone is found. Rows that may take
//! another one's place go into a temporary table first (see `stage`) and from there in one statement.

use std::{collections::BTreeMap, ops::Range as Span};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use sqlx::{Arguments as _, mysql::MySqlArguments};

use super::{
    bindings::Bindings,
    catalog::{self, Facts, Index, no_table},
    connect::{Session, text_at},
    dry,
    encode::Target,
    error::Complaint,
    marks,
    pieces::{Pieces, is_long},
    refusal,
    sql::{self, Place},
    stage::{self, Stage},
};
use crate::{
    endpoint::{Collisions, EndpointError, ErrorKind, LoadOptions, Loader, Mark, Refusal, Result},
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
    /// The key by which rows take each other's place.
    update_by: Vec<String>,
    empties_first: Vec<String>,
    /// Foreign keys hold rows back while they come in.
    enforces: bool,
    targets: Vec<Target>,
    indexes: Vec<Index>,
    /// Where marks go; `None`: nowhere.
    marks: Option<Place>,
    /// Where rows wait that may take another one's place.
    stage: Option<Stage>,
    /// What rows go into first, with the columns that are bound.
    into: (String, Vec<String>),
    /// What stands for a value of each column.
    placeholders: Vec<String>,
    /// One row's bracket of placeholders.
    bracket: String,
    /// The statement that takes `full` rows, kept prepared.
    statement: String,
    full: usize,
    statement_bytes: usize,
    /// What no single row may exceed.
    packet: usize,
    /// The number that the next batch's first row has in the chunk.
    number: u64,
    unchanged: u64,
    /// The table that a dry run would write to, while its rows go into a temporary one.
    real: Option<String>,
}

/// What is done with some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Into the table, or where rows wait for it.
    Insert,
    /// From there into the table.
    Merge,
}

/// Why a statement did not take its rows.
enum Failure {
    Rows(Complaint),
    Everything(EndpointError),
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        Self::Everything(error)
    }
}

/// Rows that were refused, by their place among the rows bound.
type Refused = BTreeMap<usize, Complaint>;

impl MysqlLoader {
    pub(super) async fn open(mut session: Session, table: &str, options: &LoadOptions, marks: Place) -> Result<Self> {
        let facts = catalog::facts(&mut session, table).await?;
        demand_transactions(&mut session, table).await?;
        Self::open_with(session, table, facts, options, marks).await
    }

    /// `facts`: of the table, or of one that it is like.
    pub(super) async fn open_with(
        mut session: Session,
        table: &str,
        facts: Facts,
        options: &LoadOptions,
        marks: Place,
    ) -> Result<Self> {
        let column = |name: &String| facts.column(name).ok_or_else(|| no_column(table, name));
        let written = options.columns.iter().map(column).collect::<Result<Vec<_>>>()?;
        if written.is_empty() {
            return Err(EndpointError::new(ErrorKind::Other, cannot_load(table), "no column is to be written"));
        }
        settle_session(&mut session, options).await?;
        let packet = session.value("SELECT CAST(@@max_allowed_packet AS CHAR)", &[]).await?;
        let packet = packet.and_then(|text| text.parse::<usize>().ok()).unwrap_or(1 << 20);
        let targets: Vec<Target> = written.iter().map(|facts| Target::new(facts)).collect();
        let mut places: Vec<&str> = targets.iter().map(Target::placeholder).collect();
        let placeholders = places.iter().map(|place| (*place).to_owned()).collect();
        let mut into = (table.to_owned(), options.columns.clone());
        let mut staged = None;
        if !options.update_by.is_empty() {
            let columns = written.into_iter().cloned().collect();
            let stage = Stage::make(&mut session, table, columns, &options.update_by).await?;
            into = (stage::NAME.to_owned(), stage.bound_columns());
            places.insert(0, "?");
            staged = Some(stage);
        }
        let bracket = format!("({})", places.join(","));
        let full = (STATEMENT_PARAMETERS / bracket.matches('?').count()).clamp(1, STATEMENT_ROWS);
        Ok(Self {
            statement: sql::insert(&into.0, &into.1, &bracket, full),
            table: table.to_owned(),
            columns: options.columns.clone(),
            update_by: options.update_by.clone(),
            empties_first: options.empties_first.clone(),
            enforces: !options.suspend_foreign_keys,
            indexes: facts.indexes,
            marks: (!options.unmarked).then_some(marks),
            stage: staged,
            into,
            statement_bytes: STATEMENT_BYTES.min(packet / 4),
            session,
            targets,
            placeholders,
            bracket,
            full,
            packet,
            number: 0,
            unchanged: 0,
            real: None,
        })
    }

    /// The same, for rows that are tried apart from those of that table.
    pub(super) fn instead_of(mut self, real: &str) -> Self {
        self.real = Some(real.to_owned());
        self
    }

    /// Takes these rows one step further, splitting as far as it takes.
    async fn isolate(&mut self, step: Step, bindings: &Bindings<'_>, span: Span<usize>) -> Result<Refused> {
        let mut refused = Refused::new();
        let mut spans = vec![span];
        while let Some(span) = spans.pop() {
            let complaint = match self.attempt(step, bindings, span.clone()).await {
                Ok(()) => continue,
                Err(Failure::Everything(error)) => return Err(error),
                Err(Failure::Rows(complaint)) => complaint,
            };
            if span.len() == 1 {
                refused.insert(span.start, complaint);
                continue;
            }
            // The later part waits: rows go in their order, so that of two alike the first is kept.
            let blamed = (step == Step::Insert).then(|| refusal::blamed_row(&complaint)).flatten();
            match blamed.filter(|row| *row < span.len()) {
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
        Ok(refused)
    }

    async fn attempt(
        &mut self,
        step: Step,
        bindings: &Bindings<'_>,
        span: Span<usize>,
    ) -> std::result::Result<(), Failure> {
        let outcome = match step {
            Step::Insert => self.insert(bindings, span).await,
            Step::Merge => self.merge(span).await,
        };
        match outcome {
            Ok(()) => Ok(self.session.execute("SAVEPOINT w").await?),
            Err(Failure::Rows(complaint)) => {
                self.session.execute("ROLLBACK TO SAVEPOINT w").await?;
                Err(Failure::Rows(complaint))
            }
            everything => everything,
        }
    }

    async fn insert(&mut self, bindings: &Bindings<'_>, span: Span<usize>) -> std::result::Result<(), Failure> {
        let rows = span.len();
        if rows == 1 && bindings.row(span.start).iter().any(is_long) {
            return self.insert_pieces(bindings, span.start).await;
        }
        let arguments = self.arguments(bindings, span)?;
        let taken = if rows == self.full {
            self.session.run(&self.statement, arguments, true).await
        } else {
            let statement = sql::insert(&self.into.0, &self.into.1, &self.bracket, rows);
            self.session.run(&statement, arguments, rows == 1).await
        };
        match self.judged(taken).await? {
            taken if taken == rows as u64 => Ok(()),
            taken => Err(self.not_all(taken, rows).into()),
        }
    }

    fn not_all(&self, taken: u64, rows: usize) -> EndpointError {
        let message = format!("the server took {taken} rows of {rows}");
        EndpointError::new(ErrorKind::Other, cannot_load(&self.table), message)
    }

    /// One row, its long values piece by piece.
    async fn insert_pieces(&mut self, bindings: &Bindings<'_>, row: usize) -> std::result::Result<(), Failure> {
        let pieces = Pieces::of(bindings.row(row), &self.placeholders);
        if let Some(complaint) = pieces.send(&mut self.session).await? {
            return Err(complaint.into_error(cannot_load(&self.table)).into());
        }
        let mut places = pieces.places.clone();
        let mut arguments = MySqlArguments::default();
        if self.stage.is_some() {
            places.insert(0, "?".to_owned());
            arguments.add(self.number + row as u64).map_err(sql::cannot_bind)?;
        }
        for bound in &pieces.bound {
            bound.add_to(&mut arguments).map_err(sql::cannot_bind)?;
        }
        let statement = sql::insert(&self.into.0, &self.into.1, &format!("({})", places.join(",")), 1);
        let taken = self.session.run(&statement, arguments, false).await;
        let outcome = self.judged(taken).await;
        if !matches!(outcome, Err(Failure::Everything(_))) {
            self.session.execute(pieces.forget()).await?;
        }
        match outcome? {
            1 => Ok(()),
            taken => Err(self.not_all(taken, 1).into()),
        }
    }

    /// Takes rows that wait into the table: those whose key is there change it, the others come in.
    async fn merge(&mut self, span: Span<usize>) -> std::result::Result<(), Failure> {
        let Some(stage) = &self.stage else { return Ok(()) };
        let range = (self.number + span.start as u64, self.number + span.end as u64);
        let (same, update, insert) = (stage.same(range), stage.update(range), stage.insert(range));
        let unchanged = self.session.value(same, &[]).await?.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        for statement in [update, insert] {
            let done = self.session.run(&statement, MySqlArguments::default(), false).await;
            self.judged(done).await?;
        }
        self.unchanged += unchanged;
        Ok(())
    }

    /// What a statement did, where neither an error nor a warning speaks against its rows.
    async fn judged(
        &mut self,
        outcome: Result<std::result::Result<u64, Complaint>>,
    ) -> std::result::Result<u64, Failure> {
        let complaint = match outcome.map_err(|error| error.during(cannot_load(&self.table)))? {
            Ok(taken) => match self.warning().await? {
                None => return Ok(taken),
                Some(warning) => warning,
            },
            Err(complaint) => complaint,
        };
        match blames_rows(&complaint) {
            true => Err(Failure::Rows(complaint)),
            false => Err(complaint.into_error(cannot_load(&self.table)).into()),
        }
    }

    fn arguments(&self, bindings: &Bindings<'_>, span: Span<usize>) -> Result<MySqlArguments> {
        let mut arguments = MySqlArguments::default();
        for row in span {
            if self.stage.is_some() {
                arguments.add(self.number + row as u64).map_err(sql::cannot_bind)?;
            }
            for bound in bindings.row(row) {
                bound.add_to(&mut arguments).map_err(sql::cannot_bind)?;
            }
        }
        Ok(arguments)
    }

    /// A warning says that the server changed a value and went on: as good as a refusal.
    async fn warning(&mut self) -> Result<Option<Complaint>> {
        let count = self.session.shown("SELECT @@warning_count").await?;
        if count.first().and_then(|row| text_at(row, 0)).as_deref() == Some("0") {
            return Ok(None);
        }
        let warnings = self.session.shown("SHOW WARNINGS LIMIT 1").await?;
        let text = |index| warnings.first().and_then(|row| text_at(row, index)).unwrap_or_default();
        let (number, message) = (text(1).parse().unwrap_or(0), text(2));
        Ok(Some(Complaint { number, state: String::new(), message: format!("the server would change it: {message}") }))
    }

    fn refusal(&self, row: usize, complaint: Complaint) -> Refusal {
        let column = refusal::column(&complaint, &self.columns, &self.indexes);
        Refusal { row, cause: refusal::cause(&complaint), column, message: complaint.message }
    }

    /// Takes the rows that wait into the table. One that is refused there may have been in its twin's way.
    async fn merge_all(&mut self, bindings: &Bindings<'_>, refused: &mut Refused) -> Result<()> {
        let late = self.isolate(Step::Merge, bindings, 0..bindings.rows()).await?;
        if late.is_empty() {
            return Ok(());
        }
        self.take_back(late.keys()).await?;
        let is_twin = |complaint: &Complaint| refusal::cause(complaint) == Cause::Unique;
        let twins: Vec<usize> = refused.iter().filter(|(_, why)| is_twin(why)).map(|(row, _)| *row).collect();
        for row in twins {
            match self.try_again(bindings, row).await? {
                Some(why) => refused.insert(row, why),
                None => refused.remove(&row),
            };
        }
        refused.extend(late);
        Ok(())
    }

    /// One row the whole way.
    async fn try_again(&mut self, bindings: &Bindings<'_>, row: usize) -> Result<Option<Complaint>> {
        if let Some((_, why)) = self.isolate(Step::Insert, bindings, row..row + 1).await?.pop_first() {
            return Ok(Some(why));
        }
        let why = self.isolate(Step::Merge, bindings, row..row + 1).await?.pop_first();
        if why.is_some() {
            self.take_back([row].iter()).await?;
        }
        Ok(why.map(|(_, why)| why))
    }

    async fn take_back(&mut self, rows: impl Iterator<Item = &usize>) -> Result<()> {
        let numbers: Vec<u64> = rows.map(|row| self.number + *row as u64).collect();
        self.session.execute(Stage::without(&numbers)).await?;
        self.session.execute("SAVEPOINT w").await
    }
}

#[async_trait]
impl Loader for MysqlLoader {
    async fn begin(&mut self) -> Result<()> {
        (self.number, self.unchanged) = (0, 0);
        let stale = self.stage.as_ref().map(|_| Stage::clear());
        for statement in stale.into_iter().chain(["START TRANSACTION".to_owned(), "SAVEPOINT w".to_owned()]) {
            self.session.execute(statement).await.map_err(|error| error.during(cannot_load(&self.table)))?;
        }
        Ok(())
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let mut refusals = Vec::new();
        let bindings = Bindings::of(batch, &self.targets, self.packet, &mut refusals)
            .map_err(|message| EndpointError::new(ErrorKind::Other, cannot_load(&self.table), message))?;
        let mut refused = Refused::new();
        let mut start = 0;
        while start < bindings.rows() {
            let span = bindings.fitting(start, self.full, self.statement_bytes);
            start = span.end;
            refused.extend(self.isolate(Step::Insert, &bindings, span).await?);
        }
        if self.stage.is_some() {
            self.merge_all(&bindings, &mut refused).await?;
        }
        self.number += bindings.rows() as u64;
        refusals.extend(refused.into_iter().map(|(row, why)| self.refusal(bindings.place(row), why)));
        refusals.sort_by_key(|refusal| refusal.row);
        Ok(refusals)
    }

    /// `TRUNCATE` would commit at once.
    async fn empty(&mut self) -> Result<()> {
        // All that refer to each other are emptied: row by row the server could not see that.
        let together = !self.empties_first.is_empty() && self.enforces;
        if together {
            self.session.execute("SET SESSION foreign_key_checks = 0").await?;
        }
        for table in self.empties_first.iter().chain([&self.table]) {
            let context = format!("cannot empty table '{table}'");
            let delete = format!("DELETE FROM {}", sql::name(table));
            self.session.execute(delete).await.map_err(|error| error.during(context))?;
        }
        if together {
            self.session.execute("SET SESSION foreign_key_checks = 1").await?;
        }
        self.session.execute("SAVEPOINT w").await
    }

    fn unchanged(&self) -> u64 {
        self.unchanged
    }

    async fn remove(&mut self, rows: &RecordBatch) -> Result<u64> {
        let context = format!("cannot remove rows from table '{}'", self.table);
        let failed = |message: String| EndpointError::new(ErrorKind::Other, context.clone(), message);
        let is_key = |target: &&Target| self.update_by.contains(&target.name);
        let targets: Vec<Target> = self.targets.iter().filter(is_key).cloned().collect();
        let places = targets.iter().map(|target| rows.schema().index_of(&target.name));
        let places = places.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))?;
        let keys = rows.project(&places).map_err(|error| failed(error.to_string()))?;
        let bindings = Bindings::of(&keys, &targets, self.packet, &mut Vec::new()).map_err(failed)?;
        let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
        let delete = format!("DELETE FROM {} WHERE ({}) IN", sql::name(&self.table), sql::names(&names));
        let bracket = format!("({})", vec!["?"; names.len()].join(","));
        let mut removed = 0;
        for first in (0..bindings.rows()).step_by(STATEMENT_ROWS) {
            let span = first..bindings.rows().min(first + STATEMENT_ROWS);
            let statement = format!("{delete} ({})", vec![bracket.as_str(); span.len()].join(","));
            let mut arguments = MySqlArguments::default();
            for cell in span.clone().flat_map(|row| bindings.row(row)) {
                cell.add_to(&mut arguments).map_err(sql::cannot_bind)?;
            }
            let taken = self.session.run(&statement, arguments, span.len() == STATEMENT_ROWS).await?;
            removed += taken.map_err(|complaint| complaint.into_error(context.clone()))?;
        }
        self.session.execute("SAVEPOINT w").await?;
        Ok(removed)
    }

    async fn collisions(&mut self) -> Result<Collisions> {
        match &self.real {
            Some(real) => dry::collisions(&mut self.session, &self.table, real, &self.indexes).await,
            None => Ok(Collisions::default()),
        }
    }

    async fn commit(&mut self, mark: &Mark) -> Result<()> {
        let context = format!("cannot commit a chunk of table '{}'", self.table);
        if let Some(marks) = &self.marks {
            let written = marks::write(&mut self.session, marks, mark).await;
            written.map_err(|error| error.during(context.clone()))?;
        }
        self.session.execute("COMMIT").await.map_err(|error| error.during(context))
    }

    async fn rollback(&mut self) -> Result<()> {
        self.session.execute("ROLLBACK").await.map_err(|error| error.during(cannot_load(&self.table)))
    }
}

async fn settle_session(session: &mut Session, options: &LoadOptions) -> Result<()> {
    if options.suspend_foreign_keys {
        session.execute("SET SESSION foreign_key_checks = 0").await?;
    }
    if options.lock_wait > 0 {
        let seconds = options.lock_wait;
        let statement = format!("SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}");
        session.execute(statement).await?;
    }
    Ok(())
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
