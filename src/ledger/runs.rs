//! Runs and their facts.

use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    Ledger, LedgerError, Result,
    audit::{self, AuditEntry},
};
use crate::{
    model::{RunId, RunPhase, Table},
    protocol::{Fact, Snapshot},
};

/// A run as it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    pub id: RunId,
    /// Names the plan on this host: its file's full path.
    pub plan_key: String,
    pub plan_name: String,
    pub plan_digest: String,
    pub plan_text: String,
    /// The instant that the run's expressions see, in milliseconds since 1970 UTC.
    pub instant_ms: i64,
    pub by: String,
    /// The destination can keep no marks for it.
    pub unmarked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    pub id: RunId,
    pub plan_key: String,
    pub plan_name: String,
    pub plan_digest: String,
    pub plan_text: String,
    pub instant_ms: i64,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
    pub phase: RunPhase,
    pub by: String,
    pub unmarked: bool,
    /// When the migration was declared over.
    pub closed_ms: Option<i64>,
}

const COLUMNS: &str = "SELECT id, plan_key, plan_name, plan_digest, plan_text, instant_ms, started_ms, ended_ms, phase, by, unmarked, \
     closed_ms FROM runs ";

impl Ledger {
    pub async fn begin_run(&self, run: &NewRun) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 'running', ?, ?, NULL)")
            .bind(&run.id.0)
            .bind(&run.plan_key)
            .bind(&run.plan_name)
            .bind(&run.plan_digest)
            .bind(&run.plan_text)
            .bind(run.instant_ms)
            .bind(run.instant_ms)
            .bind(&run.by)
            .bind(run.unmarked)
            .execute(&mut *transaction)
            .await?;
        let entry = AuditEntry {
            at_ms: run.instant_ms as u64,
            by: run.by.clone(),
            action: "run-begun".into(),
            run: Some(run.id.0.clone()),
            what: Some(run.plan_name.clone()),
            plan_digest: run.plan_digest.clone(),
            ..AuditEntry::default()
        };
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Journals facts, all or none, and what they make of the run's phase. Facts are sent only after this.
    pub async fn append(&self, facts: &[Fact], phase: RunPhase) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        for fact in facts {
            journal(&mut transaction, fact).await?;
        }
        if let Some(last) = facts.last() {
            sqlx::query("UPDATE runs SET phase = ?, ended_ms = ? WHERE id = ?")
                .bind(phase.word())
                .bind(phase.is_over().then_some(last.at_ms as i64))
                .bind(&last.run.0)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        match facts.last().filter(|_| phase.is_over()) {
            Some(last) => self.sign_trail(last.at_ms).await,
            None => Ok(()),
        }
    }

    /// Journals a fact about a run that is over.
    pub async fn note(&self, fact: &Fact) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        journal(&mut transaction, fact).await?;
        transaction.commit().await?;
        self.sign_trail(fact.at_ms).await
    }

    /// The run's facts after `seq`, in order.
    pub async fn facts_after(&self, run: &RunId, seq: u64) -> Result<Vec<Fact>> {
        let rows = sqlx::query("SELECT fact FROM facts WHERE run = ? AND seq > ? ORDER BY seq")
            .bind(&run.0)
            .bind(seq as i64)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
    }

    /// Where the run stands, by all of its facts.
    pub async fn snapshot(&self, run: &RunId) -> Result<Snapshot> {
        let mut snapshot = Snapshot::default();
        for fact in self.facts_after(run, 0).await? {
            snapshot.fold(&fact);
        }
        Ok(snapshot)
    }

    /// Runs, the latest first: all, or those of one plan.
    pub async fn runs(&self, plan_key: Option<&str>) -> Result<Vec<RunRecord>> {
        let sql = format!("{COLUMNS} WHERE ?1 IS NULL OR plan_key = ?1 ORDER BY started_ms DESC, id DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(plan_key).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(record).collect())
    }

    /// The run of that id, or whose id begins so and no other's does.
    pub async fn run(&self, id: &str) -> Result<RunRecord> {
        let sql = format!("{COLUMNS} WHERE id = ?1 OR substr(id, 1, length(?1)) = ?1 LIMIT 2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_all(&self.pool).await?;
        match rows.as_slice() {
            [row] if !id.is_empty() => Ok(record(row)),
            _ => Err(LedgerError::NoRun(id.to_owned())),
        }
    }

    /// Keeps that the run creates this table, so that whoever finishes the run knows what is its own.
    pub async fn creates(&self, run: &RunId, table: &Table) -> Result<()> {
        sqlx::query("INSERT OR REPLACE INTO created VALUES (?, ?, ?)")
            .bind(&run.0)
            .bind(&table.name)
            .bind(serde_json::to_string(table)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The tables that the run created.
    pub async fn created(&self, run: &RunId) -> Result<Vec<Table>> {
        let sql = "SELECT description FROM created WHERE run = ? ORDER BY tbl";
        let rows = sqlx::query(sql).bind(&run.0).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
    }

    /// The plan of that name is another one from now on: earlier runs stay on record, but none of them is its own.
    pub async fn retire_plan(&self, plan_key: &str) -> Result<()> {
        let sql = "UPDATE runs SET plan_key = plan_key || ' (replaced)' WHERE plan_key = ?";
        sqlx::query(sql).bind(plan_key).execute(&self.pool).await?;
        Ok(())
    }

    /// Declares the plan's migration over: none of its runs so far goes on, and their rows are reviewed no more.
    pub async fn close_runs(&self, plan_key: &str, at_ms: u64, by: &str) -> Result<()> {
        let runs: Vec<RunId> = self.runs(Some(plan_key)).await?.into_iter().map(|run| run.id).collect();
        self.close_these(&runs, at_ms, by).await
    }

    /// The same for some runs.
    pub async fn close_these(&self, runs: &[RunId], at_ms: u64, by: &str) -> Result<()> {
        let sql = "UPDATE runs SET closed_ms = ? WHERE id = ? AND closed_ms IS NULL RETURNING plan_digest";
        let mut transaction = self.pool.begin().await?;
        for run in runs {
            let closed = sqlx::query(sql).bind(at_ms as i64).bind(&run.0).fetch_optional(&mut *transaction).await?;
            let Some(closed) = closed else { continue };
            let entry = AuditEntry {
                at_ms,
                by: by.to_owned(),
                action: "run-closed".into(),
                run: Some(run.0.clone()),
                plan_digest: closed.get(0),
                ..AuditEntry::default()
            };
            audit::append(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        self.sign_trail(at_ms).await
    }

    /// The plan's latest run, if it did not come to its end and was not declared over.
    pub async fn unfinished(&self, plan_key: &str) -> Result<Option<RunRecord>> {
        let latest = self.runs(Some(plan_key)).await?.into_iter().next();
        Ok(latest.filter(|run| run.phase != RunPhase::Completed && run.closed_ms.is_none()))
    }
}

/// Keeps a fact, and what it leaves in the audit trail.
async fn journal(transaction: &mut Transaction<'_, Sqlite>, fact: &Fact) -> Result<()> {
    sqlx::query("INSERT INTO facts VALUES (?, ?, ?)")
        .bind(&fact.run.0)
        .bind(fact.seq as i64)
        .bind(serde_json::to_string(fact)?)
        .execute(&mut **transaction)
        .await?;
    match audit::entry_of(fact) {
        Some(entry) => audit::append(transaction, entry).await,
        None => Ok(()),
    }
}

fn record(row: &SqliteRow) -> RunRecord {
    RunRecord {
        id: RunId(row.get(0)),
        plan_key: row.get(1),
        plan_name: row.get(2),
        plan_digest: row.get(3),
        plan_text: row.get(4),
        instant_ms: row.get(5),
        started_ms: row.get(6),
        ended_ms: row.get(7),
        phase: RunPhase::named(row.get(8)).unwrap_or(RunPhase::Running),
        by: row.get(9),
        unmarked: row.get(10),
        closed_ms: row.get(11),
    }
}
