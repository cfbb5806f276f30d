//! Restore points and restores, on record: which there are, what became of them, and how far a restore is.
//!
//! One idea: a name is claimed before anything is kept under it and never given again, so that the trail and the folder
//! speak of the same one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Ledger, LedgerError, Result,
    audit::{self, AuditEntry},
};
use crate::{
    model::{RunId, TableDigest, thousands},
    protocol::{KeptTable, Outcome},
};

/// A restore point as it is begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPoint {
    pub run: RunId,
    pub plan_key: String,
    pub plan_name: String,
    pub plan_digest: String,
    /// The plan, by whose destination the way back is found.
    pub plan_text: String,
    pub made_ms: u64,
    pub until_ms: u64,
    pub by: String,
    /// The restore point before whose restoring this one is made.
    pub before: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointRecord {
    pub name: String,
    pub new: NewPoint,
    pub phase: PointPhase,
    pub tables: Vec<KeptTable>,
    pub bytes: u64,
    /// SHA-256 of its manifest, in hex.
    pub manifest: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PointPhase {
    /// Not yet read back, or cut off before that.
    #[default]
    Making,
    Ready,
    Purged,
}

impl PointPhase {
    fn named(word: &str) -> Self {
        match word {
            "ready" => Self::Ready,
            "purged" => Self::Purged,
            _ => Self::Making,
        }
    }
}

/// A way back that was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreRecord {
    pub id: String,
    pub point: String,
    /// The restore point of the state before.
    pub before: String,
    pub begun_ms: u64,
    pub ended_ms: Option<u64>,
    /// Tables that are as they were.
    pub done: Vec<String>,
    /// By table, rows of others that are put back behind its own.
    pub spared: BTreeMap<String, TableDigest>,
}

/// How far a restore is, as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Far {
    Done(Vec<String>),
    Sparing { done: Vec<String>, spared: BTreeMap<String, TableDigest> },
}

const COLUMNS: &str = "SELECT name, run, plan_key, plan_name, plan_digest, plan_text, made_ms, until_ms, by, before_point, \
                       phase, tables, bytes, manifest FROM restore_points ";

impl Ledger {
    /// Gives a new restore point the first free name of `base`, `base_2`, `base_3`, ...
    pub async fn claim_point(&self, base: &str, new: &NewPoint) -> Result<String> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut name = base.to_owned();
        for number in 2.. {
            let taken = sqlx::query("SELECT 1 FROM restore_points WHERE name = ?").bind(&name);
            if taken.fetch_optional(&mut *transaction).await?.is_none() {
                break;
            }
            name = format!("{base}_{number}");
        }
        let sql = "INSERT INTO restore_points (name, run, plan_key, plan_name, plan_digest, plan_text, made_ms, until_ms, \
                   by, before_point, phase) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'making')";
        sqlx::query(sql)
            .bind(&name)
            .bind(&new.run.0)
            .bind(&new.plan_key)
            .bind(&new.plan_name)
            .bind(&new.plan_digest)
            .bind(&new.plan_text)
            .bind(new.made_ms as i64)
            .bind(new.until_ms as i64)
            .bind(&new.by)
            .bind(&new.before)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(name)
    }

    /// What was kept was read back and is whole.
    pub async fn point_ready(&self, name: &str, tables: &[KeptTable], bytes: u64, manifest: &str) -> Result<()> {
        let point = self.point(name).await?;
        let mut transaction = self.pool.begin().await?;
        let sql = "UPDATE restore_points SET phase = 'ready', tables = ?, bytes = ?, manifest = ? WHERE name = ?";
        sqlx::query(sql)
            .bind(serde_json::to_string(tables)?)
            .bind(bytes as i64)
            .bind(manifest)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        let rows: u64 = tables.iter().map(|table| table.rows).sum();
        let what = format!("{} row(s) of {} table(s)", thousands(rows), tables.len());
        let entry = entry(&point, "restore-point-made", point.new.made_ms, &point.new.by, Some(what));
        audit::append(&mut transaction, AuditEntry { content: Some(manifest.to_owned()), ..entry }).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// It could not be made: nothing of it is left.
    pub async fn point_void(&self, name: &str) -> Result<()> {
        let sql = "DELETE FROM restore_points WHERE name = ? AND phase = 'making'";
        sqlx::query(sql).bind(name).execute(&self.pool).await?;
        Ok(())
    }

    /// All restore points of a plan, or of this host, the latest first.
    pub async fn points(&self, plan_key: Option<&str>) -> Result<Vec<PointRecord>> {
        let sql = format!("{COLUMNS} WHERE ?1 IS NULL OR plan_key = ?1 ORDER BY made_ms DESC, rowid DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(plan_key).fetch_all(&self.pool).await?;
        rows.iter().map(record).collect()
    }

    pub async fn point(&self, name: &str) -> Result<PointRecord> {
        let sql = format!("{COLUMNS} WHERE name = ?");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name).fetch_optional(&self.pool).await?;
        row.as_ref().map(record).transpose()?.ok_or_else(|| LedgerError::NoPoint(name.to_owned()))
    }

    /// Its rows are gone from this host.
    pub async fn point_purged(&self, name: &str, at_ms: u64, by: &str) -> Result<()> {
        let point = self.point(name).await?;
        let mut transaction = self.pool.begin().await?;
        let sql = "UPDATE restore_points SET phase = 'purged' WHERE name = ?";
        sqlx::query(sql).bind(name).execute(&mut *transaction).await?;
        let what = if at_ms < point.new.until_ms { "before its time" } else { "its time is over" };
        let entry = entry(&point, "restore-point-purged", at_ms, by, Some(what.to_owned()));
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.sign_trail(at_ms).await
    }

    /// Begins the way back. `id` is new; `before` names the restore point of the state now.
    pub async fn begin_restore(
        &self,
        id: &str,
        point: &PointRecord,
        before: &str,
        (at_ms, by): (u64, &str),
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("INSERT INTO restores (id, point, before_point, by, begun_ms) VALUES (?, ?, ?, ?, ?)")
            .bind(id)
            .bind(&point.name)
            .bind(before)
            .bind(by)
            .bind(at_ms as i64)
            .execute(&mut *transaction)
            .await?;
        let entry = entry(point, "restore-begun", at_ms, by, Some(format!("the way back from it is {before}")));
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Keeps how far the way back is.
    pub async fn restored_table(&self, restore: &RestoreRecord) -> Result<()> {
        let (done, spared) = (restore.done.clone(), restore.spared.clone());
        let far = if spared.is_empty() { Far::Done(done) } else { Far::Sparing { done, spared } };
        let sql = "UPDATE restores SET done = ? WHERE id = ?";
        sqlx::query(sql).bind(serde_json::to_string(&far)?).bind(&restore.id).execute(&self.pool).await?;
        Ok(())
    }

    /// It is over, well or not: `content` is the digest of all that is to be said of it.
    pub async fn end_restore(
        &self,
        restore: &RestoreRecord,
        outcome: Outcome,
        content: &str,
        (at_ms, by): (u64, &str),
    ) -> Result<()> {
        let point = self.point(&restore.point).await?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE restores SET ended_ms = ?, outcome = ? WHERE id = ?")
            .bind(at_ms as i64)
            .bind(outcome.word())
            .bind(&restore.id)
            .execute(&mut *transaction)
            .await?;
        let entry = entry(&point, "restored", at_ms, by, Some(outcome.word().to_owned()));
        audit::append(&mut transaction, AuditEntry { content: Some(audit::digest(content)), ..entry }).await?;
        transaction.commit().await?;
        self.sign_trail(at_ms).await
    }

    /// The restores of a point, the latest first.
    pub async fn restores(&self, point: &str) -> Result<Vec<RestoreRecord>> {
        let sql = "SELECT id, point, before_point, begun_ms, ended_ms, done FROM restores WHERE point = ? \
                   ORDER BY begun_ms DESC, rowid DESC";
        let rows = sqlx::query(sql).bind(point).fetch_all(&self.pool).await?;
        let restore = |row: &SqliteRow| {
            let (done, spared) = match serde_json::from_str(row.get(5))? {
                Far::Done(done) => (done, BTreeMap::new()),
                Far::Sparing { done, spared } => (done, spared),
            };
            Ok(RestoreRecord {
                id: row.get(0),
                point: row.get(1),
                before: row.get(2),
                begun_ms: row.get::<i64, _>(3) as u64,
                ended_ms: row.get::<Option<i64>, _>(4).map(|at| at as u64),
                done,
                spared,
            })
        };
        rows.iter().map(restore).collect()
    }

    /// Keeps what a table held when the run that wrote it was validated, the first time.
    pub async fn left(&self, run: &RunId, table: &str, digest: &TableDigest) -> Result<()> {
        sqlx::query("INSERT OR IGNORE INTO left_there VALUES (?, ?, ?)")
            .bind(&run.0)
            .bind(table)
            .bind(serde_json::to_string(digest)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub async fn left_by(&self, run: &RunId, table: &str) -> Result<Option<TableDigest>> {
        let sql = "SELECT digest FROM left_there WHERE run = ? AND tbl = ?";
        let row = sqlx::query(sql).bind(&run.0).bind(table).fetch_optional(&self.pool).await?;
        row.map(|row| Ok(serde_json::from_str(row.get(0))?)).transpose()
    }
}

fn entry(point: &PointRecord, action: &str, at_ms: u64, by: &str, what: Option<String>) -> AuditEntry {
    AuditEntry {
        at_ms,
        by: by.to_owned(),
        action: action.to_owned(),
        run: Some(point.new.run.0.clone()),
        object: Some(point.name.clone()),
        what,
        plan_digest: point.new.plan_digest.clone(),
        ..AuditEntry::default()
    }
}

fn record(row: &SqliteRow) -> Result<PointRecord> {
    Ok(PointRecord {
        name: row.get(0),
        new: NewPoint {
            run: RunId(row.get(1)),
            plan_key: row.get(2),
            plan_name: row.get(3),
            plan_digest: row.get(4),
            plan_text: row.get(5),
            made_ms: row.get::<i64, _>(6) as u64,
            until_ms: row.get::<i64, _>(7) as u64,
            by: row.get(8),
            before: row.get(9),
        },
        phase: PointPhase::named(row.get(10)),
        tables: serde_json::from_str(row.get(11))?,
        bytes: row.get::<i64, _>(12) as u64,
        manifest: row.get(13),
    })
}
