//! What reviewers said of sampled rows, never taken back: a later word stands beside the earlier one.

use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Ledger, Result,
    audit::{self, AuditEntry},
};
use crate::{
    model::{NamedCell, RunId},
    protocol::{SampleReview, SampleVerdict},
};

/// A word about one row of a run's samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRecord {
    pub table: String,
    /// The row's id, which follows from its values.
    pub row: String,
    pub key: Vec<NamedCell>,
    pub review: SampleReview,
}

impl Ledger {
    /// Keeps what was said, each word with its audit entry, and signs the trail.
    pub async fn review_samples(&self, run: &RunId, records: &[SampleRecord]) -> Result<()> {
        let Some(at_ms) = records.last().map(|record| record.review.at_ms) else { return Ok(()) };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for record in records {
            let key = serde_json::to_string(&record.key)?;
            let review = &record.review;
            sqlx::query("INSERT INTO sample_reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(&run.0)
                .bind(&record.table)
                .bind(&record.row)
                .bind(&key)
                .bind(review.verdict.word())
                .bind(&review.reviewer)
                .bind(&review.by)
                .bind(review.at_ms as i64)
                .bind(&review.comment)
                .execute(&mut *transaction)
                .await?;
            let entry = entry(run, record, audit::digest(&format!("{key}\n{}", serde_json::to_string(review)?)));
            audit::append(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        self.sign_trail(at_ms).await
    }

    /// All that was said of the run's samples, oldest first.
    pub async fn sample_reviews(&self, run: &RunId) -> Result<Vec<SampleRecord>> {
        let sql = "SELECT tbl, row, key, verdict, reviewer, by, at_ms, comment FROM sample_reviews WHERE run = ? \
                   ORDER BY rowid";
        let rows = sqlx::query(sql).bind(&run.0).fetch_all(&self.pool).await?;
        rows.iter().map(record).collect()
    }
}

fn entry(run: &RunId, record: &SampleRecord, content: String) -> AuditEntry {
    let review = &record.review;
    let who = match review.reviewer == review.by {
        true => String::new(),
        false => format!(" by {}", review.reviewer),
    };
    AuditEntry {
        at_ms: review.at_ms,
        by: review.by.clone(),
        action: "sample-reviewed".to_owned(),
        run: Some(run.0.clone()),
        table: Some(record.table.clone()),
        object: Some(record.row.clone()),
        what: Some(format!("{}{who}", review.verdict.word())),
        content: Some(content),
        reason: review.comment.clone(),
        ..AuditEntry::default()
    }
}

fn record(row: &SqliteRow) -> Result<SampleRecord> {
    let verdict = match row.get::<&str, _>(3) {
        "approved" => SampleVerdict::Approved,
        "remarked" => SampleVerdict::Remarked,
        // What is not known does not pass.
        _ => SampleVerdict::Rejected,
    };
    Ok(SampleRecord {
        table: row.get(0),
        row: row.get(1),
        key: serde_json::from_str(row.get(2))?,
        review: SampleReview {
            verdict,
            reviewer: row.get(4),
            by: row.get(5),
            at_ms: row.get::<i64, _>(6) as u64,
            comment: row.get(7),
        },
    })
}
