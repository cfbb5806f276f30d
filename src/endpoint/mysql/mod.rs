//! MySQL and MariaDB, on either side of a migration.
//!
//! One idea: both servers are generous. They turn text they cannot convert into `?`, show zero dates that no calendar
//! has, round, pad, strip and count as they see fit, and say so in a warning at best. So this room reads what is stored
//! rather than what is shown, and refuses to write what would not come back the same.
//!
//! - `connect`: addresses, sessions; `error`: what the server's numbers mean; `sql`: run-time SQL
//! - `ask`: queries of the operator's own
//! - `catalog`, `types`: tables and what their types are
//! - `read`, `reading`, `keys`, `decode`: the snapshot, from key ranges to Arrow; `fuzz`: any bytes for it
//! - `load`, `bindings`, `encode`, `pieces`, `stage`, `refusal`: chunks, from Arrow to statements, and rows refused
//! - `definition`, `tongue`: what a table is beside its columns, and this system's spelling of what all have
//! - `ddl`, `finish`, `marks`, `permit`: tables made, indexes and foreign keys; marks; what the account may do
//! - `dry`: rows tried in a temporary table; `server`: its disk and settings

mod ask;
mod bindings;
mod catalog;
mod connect;
mod ddl;
mod decode;
mod definition;
mod dry;
mod encode;
mod error;
mod finish;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod keyed;
mod keys;
mod load;
mod long;
mod marks;
mod page;
mod permit;
mod pieces;
mod read;
mod reading;
mod refusal;
mod server;
mod sight;
mod sql;
mod stage;
mod stands;
#[cfg(test)]
mod tests;
mod tongue;
mod types;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;

use self::{
    connect::{Address, Flavour, Idle, Role, Session, text_at},
    sql::Place,
    tongue::MysqlTongue,
};
use super::{
    Catalog, Destination, Dry, DryLoader, EndpointError, ErrorKind, LoadOptions, Loader, Mark, Result, Snapshot,
    Source, Space, carry,
};
use crate::model::{
    Column, ColumnType, CounterStand, Mode, Naming, Padding, Page, RunId, Sight, Sighting, Spot, System, Table,
    TableEntry, Thing,
};

pub use self::read::MysqlSnapshot;

/// A MySQL or MariaDB database.
pub struct Mysql {
    address: Address,
    read_only: bool,
    flavour: Flavour,
    /// Names of tables differ by more than case, as `lower_case_table_names` has it.
    ignores_case: bool,
    looking: Idle,
    marks: Place,
}

impl Mysql {
    /// Connects to `mysql://user@host:port/database` (or `mariadb://`). Options: `ssl-mode` (disabled, preferred,
    /// required, verify_ca, verify_identity), `ssl-ca`, `ssl-cert`, `ssl-key`, `socket`. Without `ssl-mode` the
    /// server's certificate and name are verified, unless it is on this machine.
    pub async fn connect(url: &str, password: Option<&str>, read_only: bool) -> Result<Self> {
        let address = Address::parse(url, password)?;
        let mut session = address.connect(Role::Look { read_only }).await?;
        let flavour = session.flavour;
        let case = session.value("SELECT CAST(@@lower_case_table_names AS CHAR)", &[]).await?;
        let ignores_case = case.is_some_and(|case| case != "0");
        let looking = Idle::default();
        looking.keep(session);
        Ok(Self { address, read_only, flavour, ignores_case, looking, marks: Place::parse(Mark::TABLE) })
    }

    /// The same, with its marks in the table of that name.
    pub fn with_marks(mut self, name: &str) -> Self {
        self.marks = Place::parse(name);
        self
    }

    async fn look(&self) -> Result<Session> {
        match self.looking.take().await {
            Some(session) => Ok(session),
            None => self.address.connect(Role::Look { read_only: self.read_only }).await,
        }
    }

    async fn write(&self) -> Result<Session> {
        if self.read_only {
            let context = "cannot write to this side";
            return Err(EndpointError::new(ErrorKind::Permission, context, "it was opened read-only"));
        }
        self.address.connect(Role::Write).await
    }
}

#[async_trait]
impl Catalog for Mysql {
    fn system(&self) -> System {
        System::Mysql
    }

    fn padding(&self, column: &Column) -> Option<Padding> {
        match types::word_of(&column.native) {
            "char" => Some(Padding::Blanks),
            "binary" => Some(Padding::Zeros),
            _ => None,
        }
    }

    async fn version(&self) -> Result<String> {
        let mut session = self.look().await?;
        let rows = session.rows("SELECT VERSION()", &[]).await?;
        self.looking.keep(session);
        let version = rows.first().and_then(|row| text_at(row, 0)).unwrap_or_default();
        Ok(match self.flavour {
            Flavour::Mariadb => format!("MariaDB {}", version.replace("-MariaDB", "")),
            Flavour::Mysql => format!("MySQL {version}"),
        })
    }

    async fn tables(&self) -> Result<Vec<TableEntry>> {
        let mut session = self.look().await?;
        let mut outcome = catalog::tables(&mut session).await;
        self.looking.keep(session);
        if let (Ok(tables), None) = (&mut outcome, &self.marks.database) {
            tables.retain(|table| table.name != self.marks.table);
        }
        outcome
    }

    async fn describe(&self, table: &str) -> Result<Table> {
        let mut session = self.look().await?;
        let outcome = catalog::describe(&mut session, table).await;
        self.looking.keep(session);
        outcome
    }

    async fn count(&self, table: &str) -> Result<u64> {
        let mut session = self.look().await?;
        let outcome = catalog::count(&mut session, table).await;
        self.looking.keep(session);
        outcome.map_err(|error| error.during(format!("cannot count table '{table}'")))
    }

    async fn things(&self) -> Result<Vec<Thing>> {
        let mut session = self.look().await?;
        let outcome = definition::things(&mut session).await;
        self.looking.keep(session);
        outcome.map_err(|error| error.during("cannot list views, triggers and functions"))
    }

    async fn preview(&self, table: &Table, spot: &Spot, limit: u32) -> Result<Page> {
        let mut session = self.look().await?;
        let outcome = page::preview(&mut session, table, spot, limit).await;
        self.looking.keep(session);
        outcome
    }
}

#[async_trait]
impl Source for Mysql {
    /// Tables of engines without transactions (MyISAM, Aria) are read as they are at the moment of reading.
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        Ok(Arc::new(MysqlSnapshot::open(&self.address).await?))
    }

    async fn sightings(&self, table: &Table) -> Result<Vec<Sighting>> {
        let mut session = self.look().await?;
        let seen = sight::sightings(&mut session, table).await?;
        self.looking.keep(session);
        Ok(seen)
    }
}

#[async_trait]
impl Destination for Mysql {
    fn column_for(&self, column: &Column, from: Option<System>) -> Column {
        types::column_for(column, from, self.flavour)
    }

    fn type_after(&self, sight: &Sight) -> Option<ColumnType> {
        types::type_after(sight)
    }

    fn dress(&self, table: &mut Table, source: System, unchanged: &BTreeSet<String>) {
        ddl::drop_foreign_collations(table, self.flavour);
        carry::dress(&MysqlTongue, table, source, unchanged);
    }

    fn naming(&self) -> Naming {
        Naming { tables_ignore_case: self.ignores_case, ..ddl::NAMING }
    }

    fn create_statements(&self, table: &Table) -> Vec<String> {
        vec![ddl::create_statement(table)]
    }

    fn later_statements(&self, table: &Table) -> Vec<String> {
        ddl::later_statements(table)
    }

    async fn objections(&self, _: &[Table]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn create(&self, table: &Table) -> Result<()> {
        ddl::create(&mut self.write().await?, table).await
    }

    fn marks_place(&self) -> String {
        self.marks.to_string()
    }

    async fn cannot_mark(&self) -> Result<Option<String>> {
        permit::marks(&mut self.write().await?, &self.marks).await
    }

    async fn prepare(&self) -> Result<()> {
        marks::prepare(&mut self.write().await?, &self.marks).await
    }

    async fn forget(&self, runs: &[RunId]) -> Result<u64> {
        marks::forget(&mut self.write().await?, &self.marks, runs).await
    }

    async fn marks(&self, run: &RunId) -> Result<Vec<Mark>> {
        let mut session = self.look().await?;
        let outcome = marks::of_run(&mut session, &self.marks, run).await;
        self.looking.keep(session);
        outcome
    }

    async fn open(&self, table: &Table, options: &LoadOptions) -> Result<Box<dyn Loader>> {
        Ok(Box::new(load::MysqlLoader::open(self.write().await?, &table.name, options, self.marks.clone()).await?))
    }

    async fn open_dry(&self, table: &Table, dry: Dry, options: &LoadOptions) -> Result<DryLoader> {
        dry::open(self.write().await?, table, dry, options, self.marks.clone()).await
    }

    async fn finish(&self, created: &[Table], loaded: &[Table]) -> Result<Vec<String>> {
        finish::finish(&mut self.write().await?, created, loaded).await
    }

    async fn orphans(&self, table: &Table) -> Result<Vec<String>> {
        finish::broken_references(&mut self.write().await?, table).await
    }

    async fn counters_behind(&self, table: &Table) -> Result<Vec<String>> {
        Ok(finish::counter_behind(&mut self.write().await?, table).await?.into_iter().collect())
    }

    async fn permissions(&self, create: bool, tables: &[Table]) -> Result<Vec<String>> {
        permit::permissions(&mut self.write().await?, create, tables).await
    }

    async fn lacks(&self, table: &Table, mode: Mode) -> Result<Vec<String>> {
        permit::lacks(&mut self.write().await?, &table.name, mode).await
    }

    async fn space(&self) -> Result<Space> {
        let mut session = self.look().await?;
        let space = server::space(&mut session, self.address.is_local()).await;
        self.looking.keep(session);
        space
    }

    async fn cautions(&self, tables: &[Table]) -> Result<Vec<String>> {
        let mut session = self.look().await?;
        let cautions = server::cautions(&mut session, tables).await;
        self.looking.keep(session);
        cautions
    }

    async fn referrers(&self, table: &str) -> Result<Vec<String>> {
        let mut session = self.look().await?;
        let outcome = catalog::referrers(&mut session, table).await;
        self.looking.keep(session);
        outcome
    }

    async fn counters(&self, table: &str) -> Result<Vec<CounterStand>> {
        let mut session = self.look().await?;
        let outcome = stands::counters(&mut session, table).await;
        self.looking.keep(session);
        outcome
    }

    async fn set_counters(&self, table: &str, stands: &[CounterStand]) -> Result<()> {
        stands::set_counters(&mut self.write().await?, table, stands).await
    }

    fn triggers_see_all(&self) -> bool {
        true
    }

    async fn drop_tables(&self, tables: &[String]) -> Result<()> {
        stands::drop_tables(&mut self.write().await?, tables).await
    }
}
