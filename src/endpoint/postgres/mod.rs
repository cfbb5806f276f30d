//! PostgreSQL as a source and as a destination.
//!
//! All of its SQL, wire formats and types live in this folder. May not touch the engine. One idea: values leave by one
//! way ([`copy`]: binary COPY into Arrow) and enter by one way ([`load`]: Arrow into COPY, binary where it can), whoever asks.

mod ask;
mod binary;
mod calendar;
mod catalog;
mod connect;
mod copy;
mod ddl;
mod decode;
mod definition;
mod dry;
mod encode;
mod error;
mod finish;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod grants;
mod grouping;
mod keyed;
mod load;
mod long;
mod marks;
mod numeric;
mod order;
mod page;
mod read;
mod refusal;
mod remove;
mod screen;
mod sequences;
mod server;
mod sight;
mod sql;
mod stage;
mod stands;
mod tongue;
mod trial;
mod tuples;
mod types;
mod write;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use sqlx::{Row as _, postgres::PgConnection};

use crate::model::{
    Column, ColumnType, CounterStand, Mode, Naming, Padding, Page, RunId, Sight, Sighting, Spot, System, Table,
    TableEntry, Thing,
};

use super::{Catalog, Destination, Dry, DryLoader, LoadOptions, Loader, Mark, Result, Snapshot, Source, Space, carry};

pub use load::PostgresLoader;
pub use read::PostgresSnapshot;

use connect::Sessions;
use error::failure;
use load::Place;
use sql::TableName;
use tongue::PostgresTongue;

/// A PostgreSQL database, version 12 or later.
pub struct Postgres {
    sessions: Arc<Sessions>,
    /// Where names without a schema live.
    schema: String,
    /// As the server numbers it: 150004.
    version: u32,
    marks: TableName,
}

impl Postgres {
    /// Connects once, so that a wrong address, name or password is known at once. `password` goes before one in `url`.
    pub async fn connect(url: &str, password: Option<&str>, read_only: bool) -> Result<Self> {
        let sessions = Arc::new(Sessions::new(url, password, read_only)?);
        let mut session = sessions.open().await?;
        let version = session.server_version_num().unwrap_or_default();
        let failed = |error| failure(error, "cannot read the default schema");
        let row = sql::first(&mut session, "SELECT current_schema()::text AS name").await.map_err(failed)?;
        let schema = row.map(|row| row.try_get::<Option<String>, _>("name")).transpose().map_err(failed)?;
        sessions.give_back(session);
        let schema = schema.flatten().unwrap_or_else(|| "public".into());
        let marks = TableName::new(&schema, Mark::TABLE);
        Ok(Self { sessions, schema, version, marks })
    }

    /// The same, with its marks in the table of that name.
    pub fn with_marks(mut self, name: &str) -> Self {
        self.marks = TableName::parse(name, &self.schema);
        self
    }

    fn name(&self, table: &str) -> TableName {
        TableName::parse(table, &self.schema)
    }

    fn place(&self) -> Place {
        Place { sessions: self.sessions.clone(), schema: self.schema.clone(), marks: self.marks.clone() }
    }

    /// Keeps the session for the next caller where what was done with it ended well.
    fn done<T>(&self, session: PgConnection, result: Result<T>) -> Result<T> {
        if result.is_ok() {
            self.sessions.give_back(session);
        }
        result
    }
}

#[async_trait]
impl Catalog for Postgres {
    fn system(&self) -> System {
        System::Postgres
    }

    fn padding(&self, column: &Column) -> Option<Padding> {
        let word = column.native.split(['(', ' ']).next().unwrap_or_default();
        let fixed = matches!(word, "character" | "char" | "bpchar") && !column.native.starts_with("character varying");
        (fixed && matches!(column.ty, ColumnType::Text { .. })).then_some(Padding::Blanks)
    }

    async fn version(&self) -> Result<String> {
        let mut session = self.sessions.take().await?;
        let failed = |error| failure(error, "cannot read the server's version");
        let row = sql::first(&mut session, "SELECT current_setting('server_version') AS version").await;
        let version = row.and_then(|row| row.ok_or(sqlx::Error::RowNotFound)?.try_get::<String, _>("version"));
        self.done(session, version.map(|version| format!("PostgreSQL {version}")).map_err(failed))
    }

    async fn tables(&self) -> Result<Vec<TableEntry>> {
        let mut session = self.sessions.take().await?;
        let tables = catalog::tables(&mut session, &self.schema).await.map(|mut tables| {
            let marks = self.marks.display(&self.schema);
            tables.retain(|table| table.name != marks);
            tables
        });
        self.done(session, tables)
    }

    async fn describe(&self, table: &str) -> Result<Table> {
        let mut session = self.sessions.take().await?;
        let table = catalog::describe(&mut session, &self.name(table), &self.schema).await;
        self.done(session, table)
    }

    async fn count(&self, table: &str) -> Result<u64> {
        let mut session = self.sessions.take().await?;
        let rows = catalog::count(&mut session, &self.name(table)).await;
        self.done(session, rows.map_err(|error| failure(error, format!("cannot count the rows of {table}"))))
    }

    async fn things(&self) -> Result<Vec<Thing>> {
        let mut session = self.sessions.take().await?;
        let things = definition::things(&mut session, &self.schema).await;
        self.done(session, things.map_err(|error| failure(error, "cannot list views, triggers and functions")))
    }

    async fn preview(&self, table: &Table, spot: &Spot, limit: u32) -> Result<Page> {
        page::preview(&self.sessions, table, &self.schema, self.version, (spot, limit)).await
    }
}

#[async_trait]
impl Source for Postgres {
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        let snapshot = PostgresSnapshot::open(self.sessions.clone(), self.schema.clone(), self.version).await?;
        Ok(Arc::new(snapshot))
    }

    async fn sightings(&self, table: &Table) -> Result<Vec<Sighting>> {
        let mut session = self.sessions.take().await?;
        let seen = sight::sightings(&mut session, &self.name(&table.name), table).await;
        self.done(session, seen.map_err(|error| failure(error, format!("cannot look into {}", table.name))))
    }
}

#[async_trait]
impl Destination for Postgres {
    fn column_for(&self, column: &Column, from: Option<System>) -> Column {
        types::column_for(column, from)
    }

    fn type_after(&self, sight: &Sight) -> Option<ColumnType> {
        Some(match sight {
            Sight::OnlyTruth => ColumnType::Boolean,
            Sight::BeyondADay => ColumnType::Other("interval".into()),
            Sight::OffCalendar | Sight::Beside => ColumnType::TEXT,
            Sight::Only(ty) => ty.clone(),
            // What has no limit here needs none.
            Sight::Longest { .. } | Sight::Digits { .. } => return None,
        })
    }

    fn dress(&self, table: &mut Table, source: System, unchanged: &BTreeSet<String>) {
        carry::dress(&PostgresTongue, table, source, unchanged);
    }

    fn naming(&self) -> Naming {
        ddl::NAMING
    }

    fn create_statements(&self, table: &Table) -> Vec<String> {
        ddl::create_statements(table, &self.schema)
    }

    fn later_statements(&self, table: &Table) -> Vec<String> {
        ddl::later_statements(table, &self.schema)
    }

    async fn objections(&self, tables: &[Table]) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let objections = ddl::objections(&mut session, tables).await;
        self.done(session, objections)
    }

    async fn create(&self, table: &Table) -> Result<()> {
        let mut session = self.sessions.take().await?;
        let created = ddl::create(&mut session, table, &self.schema).await;
        self.done(session, created)
    }

    fn marks_place(&self) -> String {
        self.marks.display(&self.schema)
    }

    async fn cannot_mark(&self) -> Result<Option<String>> {
        let mut session = self.sessions.take().await?;
        let finding = grants::marks(&mut session, &self.schema, &self.marks).await;
        self.done(session, finding)
    }

    async fn prepare(&self) -> Result<()> {
        let mut session = self.sessions.take().await?;
        let prepared = marks::prepare(&mut session, &self.marks).await;
        self.done(session, prepared)
    }

    async fn forget(&self, runs: &[RunId]) -> Result<u64> {
        let mut session = self.sessions.take().await?;
        let left = marks::forget(&mut session, &self.marks, runs).await;
        self.done(session, left)
    }

    async fn marks(&self, run: &RunId) -> Result<Vec<Mark>> {
        let mut session = self.sessions.take().await?;
        let marks = marks::of_run(&mut session, &self.marks, run).await;
        self.done(session, marks)
    }

    async fn open(&self, table: &Table, options: &LoadOptions) -> Result<Box<dyn Loader>> {
        Ok(Box::new(PostgresLoader::open(self.place(), table, options).await?))
    }

    async fn open_dry(&self, table: &Table, dry: Dry, options: &LoadOptions) -> Result<DryLoader> {
        dry::open(self.place(), table, dry, options).await
    }

    async fn finish(&self, created: &[Table], loaded: &[Table]) -> Result<Vec<String>> {
        finish::finish(&self.sessions, &self.schema, created, loaded).await
    }

    async fn orphans(&self, table: &Table) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let orphans = finish::orphans(&mut session, &self.schema, table).await;
        self.done(session, orphans)
    }

    async fn counters_behind(&self, table: &Table) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let behind = sequences::behind(&mut session, &self.schema, table).await;
        self.done(session, behind)
    }

    async fn permissions(&self, create: bool, tables: &[Table]) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let findings = grants::permissions(&mut session, &self.schema, create, tables).await;
        self.done(session, findings)
    }

    async fn lacks(&self, table: &Table, mode: Mode) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let findings = grants::lacks(&mut session, &self.name(&table.name), &self.schema, mode).await;
        self.done(session, findings)
    }

    async fn space(&self) -> Result<Space> {
        let mut session = self.sessions.take().await?;
        let space = server::space(&mut session, self.sessions.is_local()).await;
        self.done(session, space)
    }

    async fn cautions(&self, _tables: &[Table]) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let cautions = server::cautions(&mut session, self.version).await;
        self.done(session, cautions)
    }

    async fn referrers(&self, table: &str) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let referrers = catalog::referrers(&mut session, &self.name(table), &self.schema).await;
        self.done(session, referrers.map_err(|error| failure(error, format!("cannot see what refers to {table}"))))
    }
    async fn counters(&self, table: &str) -> Result<Vec<CounterStand>> {
        let mut session = self.sessions.take().await?;
        let stands = stands::counters(&mut session, &self.name(table)).await;
        self.done(session, stands)
    }

    async fn set_counters(&self, _table: &str, stands: &[CounterStand]) -> Result<()> {
        let mut session = self.sessions.take().await?;
        let set = stands::set_counters(&mut session, stands).await;
        self.done(session, set)
    }

    async fn drop_tables(&self, tables: &[String]) -> Result<()> {
        let mut session = self.sessions.take().await?;
        let names: Vec<TableName> = tables.iter().map(|table| self.name(table)).collect();
        let dropped = stands::drop_tables(&mut session, &names).await;
        self.done(session, dropped)
    }
}
