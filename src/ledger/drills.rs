//! Drills of the way back, on record: what was tried, how long it took, and which scratch tables it may have left.
//!
//! One idea: the names of scratch tables are written down before the first is made, so that whatever a crash leaves is
//! found by name and taken away.

use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Ledger, Result,
    audit::{self, AuditEntry},
};
use crate::{model::RunId, protocol::Drill};

/// A drill that was begun and of whose end nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDrill {
    pub id: String,
    pub point: String,
    /// Tables that it may have made.
    pub scratch: Vec<String>,
}

impl Ledger {
    /// Before the first scratch table is made.
    pub async fn begin_drill(&self, open: &OpenDrill, plan_key: &str, (at_ms, by): (u64, &str)) -> Result<()> {
        let sql = "INSERT INTO drills (id, point, plan_key, by, begun_ms, scratch) VALUES (?, ?, ?, ?, ?, ?)";
        sqlx::query(sql)
            .bind(&open.id)
            .bind(&open.point)
            .bind(plan_key)
            .bind(by)
            .bind(at_ms as i64)
            .bind(serde_json::to_string(&open.scratch)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Nothing of it is left but what is said of it here.
    pub async fn end_drill(&self, drill: &Drill) -> Result<()> {
        let point = self.point(&drill.point).await?;
        let content = serde_json::to_string(drill)?;
        let ended_ms = drill.at_ms + drill.took_ms;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("UPDATE drills SET ended_ms = ?, content = ? WHERE id = ?")
            .bind(ended_ms as i64)
            .bind(&content)
            .bind(&drill.id)
            .execute(&mut *transaction)
            .await?;
        let entry = AuditEntry {
            at_ms: ended_ms,
            by: drill.by.clone(),
            action: "restore-drilled".to_owned(),
            run: Some(point.new.run.0.clone()),
            object: Some(drill.point.clone()),
            what: Some(drill.outcome.word().to_owned()),
            content: Some(audit::digest(&content)),
            plan_digest: point.new.plan_digest,
            ..AuditEntry::default()
        };
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.sign_trail(ended_ms).await
    }

    /// Drills of the plan that were cut off.
    pub async fn open_drills(&self, plan_key: &str) -> Result<Vec<OpenDrill>> {
        let sql = "SELECT id, point, scratch FROM drills WHERE plan_key = ? AND ended_ms IS NULL ORDER BY rowid";
        let rows = sqlx::query(sql).bind(plan_key).fetch_all(&self.pool).await?;
        let open = |row: &SqliteRow| {
            Ok(OpenDrill { id: row.get(0), point: row.get(1), scratch: serde_json::from_str(row.get(2))? })
        };
        rows.iter().map(open).collect()
    }

    /// What is left of a drill that was cut off is gone.
    pub async fn drill_cleared(&self, id: &str) -> Result<()> {
        sqlx::query("DELETE FROM drills WHERE id = ? AND ended_ms IS NULL").bind(id).execute(&self.pool).await?;
        Ok(())
    }

    /// The drills of a restore point that came to their end, the latest first.
    pub async fn drills(&self, point: &str) -> Result<Vec<Drill>> {
        let sql = "SELECT content FROM drills WHERE point = ? AND ended_ms IS NOT NULL ORDER BY rowid DESC";
        let rows = sqlx::query(sql).bind(point).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
    }

    /// The drills of all restore points that were made for the run, the latest first.
    pub async fn drills_of(&self, run: &RunId) -> Result<Vec<Drill>> {
        let sql = "SELECT content FROM drills JOIN restore_points ON name = point \
                   WHERE run = ? AND ended_ms IS NOT NULL ORDER BY drills.rowid DESC";
        let rows = sqlx::query(sql).bind(&run.0).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
    }
}
