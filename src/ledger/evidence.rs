//! What was found out about a run beside its facts: the checks before it, the validations after it.
//!
//! Each is kept whole, as the words of whoever found it; rows' values are in it as they are in faults.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::Row;

use super::{Ledger, Result};
use crate::model::RunId;

/// What a piece of evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceKind {
    Checks,
    Validation,
}

impl EvidenceKind {
    fn word(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::Validation => "validation",
        }
    }
}

impl Ledger {
    pub async fn keep_evidence(
        &self,
        run: &RunId,
        kind: EvidenceKind,
        at_ms: u64,
        content: &(impl Serialize + Sync + ?Sized),
    ) -> Result<()> {
        sqlx::query("INSERT INTO evidence VALUES (?, ?, ?, ?)")
            .bind(&run.0)
            .bind(kind.word())
            .bind(at_ms as i64)
            .bind(serde_json::to_string(content)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The latest of that kind, with its time.
    pub async fn evidence<T: DeserializeOwned>(&self, run: &RunId, kind: EvidenceKind) -> Result<Option<(u64, T)>> {
        let sql = "SELECT at_ms, content FROM evidence WHERE run = ? AND kind = ? ORDER BY rowid DESC LIMIT 1";
        let row = sqlx::query(sql).bind(&run.0).bind(kind.word()).fetch_optional(&self.pool).await?;
        match row {
            Some(row) => Ok(Some((row.get::<i64, _>(0) as u64, serde_json::from_str(row.get(1))?))),
            None => Ok(None),
        }
    }
}
