//! Chunks: pending before the destination commits them, committed after.

use std::collections::{BTreeMap, btree_map::Entry};

use sqlx::Row;

use super::{
    FaultState, Ledger, Result,
    faults::{self, FaultRecord},
};
use crate::model::{Mark, RunId, TableDigest};

/// A chunk about to be committed, with the rows that it leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct ChunkRecord {
    pub mark: Mark,
    /// State is what the commit makes of the row: skipped, flagged or written.
    pub faults: Vec<FaultRecord>,
    /// The rows that the destination took.
    pub digest: TableDigest,
}

impl Ledger {
    /// Records the chunk as pending, with what is kept of the rows whose place it takes, where that is kept chunk by chunk. To
    /// be called before the destination commits it.
    pub async fn chunk_pending(&self, chunk: &ChunkRecord, journal: Option<&str>, at_ms: u64) -> Result<()> {
        let mark = &chunk.mark;
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "INSERT OR REPLACE INTO chunks (run, tbl, chunk, committed, mark, digest) VALUES (?, ?, ?, 0, ?, ?)",
        )
        .bind(&mark.run.0)
        .bind(&mark.table)
        .bind(mark.chunk as i64)
        .bind(serde_json::to_string(mark)?)
        .bind(serde_json::to_string(&chunk.digest)?)
        .execute(&mut *transaction)
        .await?;
        if let Some(entry) = journal {
            sqlx::query("INSERT OR REPLACE INTO journal (run, tbl, chunk, entry) VALUES (?, ?, ?, ?)")
                .bind(&mark.run.0)
                .bind(&mark.table)
                .bind(mark.chunk as i64)
                .bind(entry)
                .execute(&mut *transaction)
                .await?;
        }
        let pending = |record: &'_ FaultRecord| format!("pending-{}", record.state.word());
        let left: Vec<_> = chunk.faults.iter().map(|record| (&record.fault, pending(record))).collect();
        faults::put(&mut transaction, mark.chunk, &left).await?;
        faults::put_ruled(&mut transaction, &chunk.faults, at_ms).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The destination has the chunk: what was pending is so.
    pub async fn chunk_committed(&self, run: &RunId, table: &str, chunk: u64) -> Result<()> {
        self.settle_chunk(run, table, chunk, true).await
    }

    /// The destination does not have the chunk: it will be read again.
    pub async fn chunk_void(&self, run: &RunId, table: &str, chunk: u64) -> Result<()> {
        self.settle_chunk(run, table, chunk, false).await
    }

    async fn settle_chunk(&self, run: &RunId, table: &str, chunk: u64, committed: bool) -> Result<()> {
        let chunk_sql = if committed {
            "UPDATE chunks SET committed = 1 WHERE run = ? AND tbl = ? AND chunk = ?"
        } else {
            "DELETE FROM chunks WHERE run = ? AND tbl = ? AND chunk = ? AND committed = 0"
        };
        // A row that somebody answered for keeps its answer when its chunk is read again.
        let fault_sql = if committed {
            "UPDATE faults SET state = substr(state, 9) WHERE run = ? AND tbl = ? AND chunk = ? AND state LIKE 'pending-%'"
        } else {
            "UPDATE faults SET state = CASE WHEN EXISTS (SELECT 1 FROM decisions d WHERE d.fault = faults.id AND d.scope <> '\"rule\"') \
             THEN 'answered' ELSE 'void' END WHERE run = ? AND tbl = ? AND chunk = ? AND state LIKE 'pending-%'"
        };
        // What was never written needs no way back.
        let journal_sql = "DELETE FROM journal WHERE run = ? AND tbl = ? AND chunk = ?";
        let mut transaction = self.pool.begin().await?;
        for sql in [chunk_sql, fault_sql].into_iter().chain((!committed).then_some(journal_sql)) {
            sqlx::query(sql).bind(&run.0).bind(table).bind(chunk as i64).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Chunks of the run whose fate in the destination is not recorded: its marks tell.
    pub async fn pending_chunks(&self, run: &RunId) -> Result<Vec<Mark>> {
        let rows = sqlx::query("SELECT mark FROM chunks WHERE run = ? AND committed = 0 ORDER BY tbl, chunk")
            .bind(&run.0)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
    }

    /// What was kept of the table for the run's chunks, one after another, those that are known to be void left out.
    pub async fn journal(&self, run: &RunId, table: &str) -> Result<Vec<String>> {
        let sql = "SELECT entry FROM journal WHERE run = ? AND tbl = ? ORDER BY seq";
        let rows = sqlx::query(sql).bind(&run.0).bind(table).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Tables and chunks that the destination is known to hold.
    pub async fn committed_chunks(&self, run: &RunId) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT tbl, chunk FROM chunks WHERE run = ? AND committed = 1";
        let rows = sqlx::query(sql).bind(&run.0).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get::<i64, _>(1) as u64)).collect())
    }

    /// Marks of chunks that are known to stand, where the destination keeps none.
    pub async fn committed_marks(&self, run: &RunId) -> Result<Vec<Mark>> {
        let rows = sqlx::query("SELECT mark FROM chunks WHERE run = ? AND committed = 1 ORDER BY tbl, chunk")
            .bind(&run.0)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.get(0))?)).collect()
    }

    /// The rows that the run's chunks hold, by destination table; `None` where chunks disagree about the columns, or are
    /// of a version that took no digest. A table without a chunk is not there.
    pub async fn digests(&self, run: &RunId) -> Result<BTreeMap<String, Option<TableDigest>>> {
        let sql = "SELECT tbl, digest FROM chunks WHERE run = ? AND committed = 1";
        let rows = sqlx::query(sql).bind(&run.0).fetch_all(&self.pool).await?;
        let mut digests: BTreeMap<String, Option<TableDigest>> = BTreeMap::new();
        for row in rows {
            let text: Option<String> = row.get(1);
            let part: Option<TableDigest> = text.map(|text| serde_json::from_str(&text)).transpose()?;
            match digests.entry(row.get(0)) {
                Entry::Vacant(free) => {
                    free.insert(part);
                }
                Entry::Occupied(mut whole) => {
                    let whole = whole.get_mut();
                    *whole = whole.take().zip(part).filter(|(whole, part)| whole.shape == part.shape).map(
                        |(mut whole, part)| {
                            whole.sum += part.sum;
                            whole
                        },
                    );
                }
            }
        }
        Ok(digests)
    }

    /// Keeps how many rows a table held before the run.
    pub async fn held_before(&self, run: &RunId, table: &str, rows: u64) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO held VALUES (?, ?, ?)";
        sqlx::query(sql).bind(&run.0).bind(table).bind(rows as i64).execute(&self.pool).await?;
        Ok(())
    }

    /// How many rows each destination table held before the run, where that was looked at.
    pub async fn held(&self, run: &RunId) -> Result<BTreeMap<String, u64>> {
        let rows = sqlx::query("SELECT tbl, rows FROM held WHERE run = ?").bind(&run.0).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get::<i64, _>(1) as u64)).collect())
    }

    /// Sets pending chunks against the marks that the destination holds.
    pub async fn reconcile(&self, run: &RunId, marks: &[Mark]) -> Result<()> {
        for pending in self.pending_chunks(run).await? {
            let stands = marks.iter().any(|mark| mark.table == pending.table && mark.chunk == pending.chunk);
            self.settle_chunk(run, &pending.table, pending.chunk, stands).await?;
            if stands && !pending.retried.is_empty() {
                self.set_state(&pending.retried, FaultState::Written).await?;
            }
        }
        Ok(())
    }
}
