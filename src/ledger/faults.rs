//! Faults with the rows as they were, and what was decided about them.

use sqlx::{QueryBuilder, Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    Ledger, LedgerError, Result,
    audit::{self, AuditEntry, ROWS},
};
use crate::model::{Decision, Fault, FaultId, NamedCell, RunId, Scope};

/// What has become of a row that could not go as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultState {
    /// Waits for an answer.
    Open,
    /// Answered; its chunk is not committed yet.
    Answered,
    Skipped,
    Flagged,
    /// Written after an edit or a retry.
    Written,
    /// Given up in review.
    Discarded,
    /// Its chunk was rolled back before anybody answered.
    Void,
}

impl FaultState {
    const ALL: [Self; 7] =
        [Self::Open, Self::Answered, Self::Skipped, Self::Flagged, Self::Written, Self::Discarded, Self::Void];

    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Skipped => "skipped",
            Self::Flagged => "flagged",
            Self::Written => "written",
            Self::Discarded => "discarded",
            Self::Void => "void",
        }
    }

    fn read(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.word() == word).unwrap_or(Self::Void)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FaultRecord {
    pub fault: Fault,
    pub state: FaultState,
    /// The latest decision: who and with what reason.
    pub by: Option<String>,
    pub reason: Option<String>,
}

/// A fault and the answer to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub fault: Fault,
    pub decision: Decision,
    pub by: String,
}

impl FaultRecord {
    pub fn new(fault: Fault, state: FaultState) -> Self {
        Self { fault, state, by: None, reason: None }
    }
}

/// Keeps faults in the states that go with them.
pub(super) async fn put(
    transaction: &mut Transaction<'_, Sqlite>,
    chunk: u64,
    faults: &[(&Fault, String)],
) -> Result<()> {
    for part in faults.chunks(ROWS) {
        let texts =
            part.iter().map(|(fault, _)| serde_json::to_string(fault)).collect::<serde_json::Result<Vec<_>>>()?;
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT OR REPLACE INTO faults ");
        insert.push_values(part.iter().zip(texts), |mut row, ((fault, state), text)| {
            row.push_bind(&fault.id.0).push_bind(&fault.run.0).push_bind(&fault.table).push_bind(chunk as i64);
            row.push_bind(fault.row as i64).push_bind(state).push_bind(text);
        });
        insert.build().execute(&mut **transaction).await?;
    }
    Ok(())
}

/// Keeps the decisions of a rule (named in `by`) or of the plan; an operator's stand already. All are of one run.
pub(super) async fn put_ruled(
    transaction: &mut Transaction<'_, Sqlite>,
    records: &[FaultRecord],
    at_ms: u64,
) -> Result<()> {
    let ruled: Vec<Ruled> = records.iter().filter_map(|record| Ruled::of(record, at_ms)).collect();
    let Some(Ruled { fault, .. }) = ruled.first() else { return Ok(()) };
    let plan_digest = audit::plan_digest(transaction, &fault.run.0).await?;
    for part in ruled.chunks(ROWS) {
        let texts =
            part.iter().map(|ruled| serde_json::to_string(&ruled.decision)).collect::<serde_json::Result<Vec<_>>>()?;
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO decisions ");
        insert.push_values(part.iter().zip(&texts), |mut row, (ruled, text)| {
            row.push_bind(&ruled.fault.run.0).push_bind(&ruled.fault.id.0).push_bind(at_ms as i64).push_bind(text);
            row.push_bind("\"rule\"").push_bind(ruled.by).push_bind(None::<String>).push_bind(&plan_digest);
        });
        insert.build().execute(&mut **transaction).await?;
    }
    let entry = |ruled: Ruled<'_>| AuditEntry { plan_digest: plan_digest.clone(), ..ruled.entry };
    audit::append_all(transaction, ruled.into_iter().map(entry).collect()).await
}

/// What a rule made of a row.
struct Ruled<'r> {
    fault: &'r Fault,
    by: &'r str,
    decision: Decision,
    entry: AuditEntry,
}

impl<'r> Ruled<'r> {
    fn of(record: &'r FaultRecord, at_ms: u64) -> Option<Self> {
        let (fault, by) = (&record.fault, record.by.as_deref()?);
        let decision = if record.state == FaultState::Skipped { Decision::Skip } else { Decision::Flag };
        let entry = AuditEntry { at_ms, ..about(fault, "ruled", by, decision.word(), None) };
        Some(Self { fault, by, decision, entry })
    }
}

impl Ledger {
    /// Keeps faults that wait for an answer.
    pub async fn raise(&self, faults: &[Fault], chunk: u64) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        let open: Vec<_> = faults.iter().map(|fault| (fault, FaultState::Open.word().to_owned())).collect();
        put(&mut transaction, chunk, &open).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Keeps an answer: who decided what, how far it reaches, of which plan.
    #[allow(clippy::too_many_arguments)]
    pub async fn decide(
        &self,
        fault: &Fault,
        decision: &Decision,
        scope: Scope,
        by: &str,
        reason: Option<&str>,
        at_ms: u64,
        plan_digest: &str,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(&fault.run.0)
            .bind(&fault.id.0)
            .bind(at_ms as i64)
            .bind(serde_json::to_string(decision)?)
            .bind(serde_json::to_string(&scope)?)
            .bind(by)
            .bind(reason)
            .bind(plan_digest)
            .execute(&mut *transaction)
            .await?;
        // A stop settles nothing for a run that goes on later: the row is asked about anew.
        let state = if *decision == Decision::Stop { FaultState::Void } else { FaultState::Answered };
        sqlx::query("UPDATE faults SET state = ? WHERE id = ? AND state = 'open'")
            .bind(state.word())
            .bind(&fault.id.0)
            .execute(&mut *transaction)
            .await?;
        let what = format!("{}, for {}", decision.word(), scope.word());
        let content = serde_json::to_string(decision)?;
        let entry = AuditEntry {
            at_ms,
            reason: reason.map(str::to_owned),
            plan_digest: plan_digest.to_owned(),
            ..about(fault, "decided", by, &what, Some(&content))
        };
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Answers whose rows are not committed yet: they hold when the run goes on.
    pub async fn standing_answers(&self, run: &RunId) -> Result<Vec<Answered>> {
        let rows = sqlx::query(
            "SELECT f.fault, d.decision, d.by FROM faults f JOIN decisions d ON d.fault = f.id \
             WHERE f.run = ? AND f.state = 'answered' ORDER BY f.row, d.at_ms",
        )
        .bind(&run.0)
        .fetch_all(&self.pool)
        .await?;
        let answers = rows.iter().map(|row| {
            let fault = serde_json::from_str(row.get(0))?;
            Ok(Answered { fault, decision: serde_json::from_str(row.get(1))?, by: row.get(2) })
        });
        answers.collect()
    }

    /// Forgets that questions were open: the run ended, and asks again when it goes on.
    pub async fn void_open(&self, run: &RunId) -> Result<()> {
        let sql = "UPDATE faults SET state = 'void' WHERE run = ? AND state = 'open'";
        sqlx::query(sql).bind(&run.0).execute(&self.pool).await?;
        Ok(())
    }

    /// The run's faults that are of interest afterwards: flagged, and what review made of them; by table and row.
    pub async fn review(&self, run: &RunId) -> Result<Vec<FaultRecord>> {
        let rows = sqlx::query(
            "SELECT f.fault, f.state, d.by, d.reason FROM faults f LEFT JOIN decisions d ON d.fault = f.id \
             AND d.rowid = (SELECT max(e.rowid) FROM decisions e WHERE e.fault = f.id) WHERE f.run = ? \
             AND (f.state IN ('flagged', 'discarded') OR (f.state = 'written' AND d.scope = '\"review\"')) \
             ORDER BY f.tbl, f.row",
        )
        .bind(&run.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read_record).collect()
    }

    /// The run's rows that did not go as they were and are settled, whatever became of them; by table and row.
    pub async fn deviations(&self, run: &RunId) -> Result<Vec<FaultRecord>> {
        let rows = sqlx::query(
            "SELECT f.fault, f.state, d.by, d.reason FROM faults f LEFT JOIN decisions d ON d.fault = f.id \
             AND d.rowid = (SELECT max(e.rowid) FROM decisions e WHERE e.fault = f.id) WHERE f.run = ? \
             AND f.state IN ('skipped', 'flagged', 'written', 'discarded') ORDER BY f.tbl, f.row",
        )
        .bind(&run.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read_record).collect()
    }

    /// The run's rows of a table that did not go as they were and are settled; each with the edits that one that was
    /// written in the end was written with.
    pub async fn settled(&self, run: &RunId, table: &str) -> Result<Vec<(Fault, FaultState, Vec<NamedCell>)>> {
        let rows = sqlx::query(
            "SELECT f.id, f.fault, f.state, d.decision, d.scope FROM faults f LEFT JOIN decisions d ON d.fault = f.id \
             WHERE f.run = ? AND f.tbl = ? AND f.state IN ('skipped', 'flagged', 'written', 'discarded') \
             ORDER BY f.row, f.id, d.rowid",
        )
        .bind(&run.0)
        .bind(table)
        .fetch_all(&self.pool)
        .await?;
        let mut settled: Vec<(Fault, FaultState, Vec<NamedCell>)> = Vec::new();
        for row in rows {
            let id: String = row.get(0);
            if settled.last().is_none_or(|(fault, ..)| fault.id.0 != id) {
                let state: String = row.get(2);
                settled.push((serde_json::from_str(row.get(1))?, FaultState::read(&state), Vec::new()));
            }
            let (Some(decision), Some((.., edits))) = (row.get::<Option<String>, _>(3), settled.last_mut()) else {
                continue;
            };
            // A review begins anew from the row as it was; while a run asks, a later edit adds to an earlier one.
            let anew = row.get::<Option<String>, _>(4).as_deref() == Some("\"review\"");
            match serde_json::from_str(&decision)? {
                Decision::Edit { cells } => {
                    edits.retain(|edit| !anew && !cells.iter().any(|cell| cell.name == edit.name));
                    edits.extend(cells);
                }
                Decision::Skip | Decision::Flag | Decision::Stop => edits.clear(),
            }
        }
        Ok(settled)
    }

    /// One fault by its id.
    pub async fn fault(&self, id: &FaultId) -> Result<FaultRecord> {
        let row = sqlx::query(
            "SELECT f.fault, f.state, d.by, d.reason FROM faults f LEFT JOIN decisions d ON d.fault = f.id \
             AND d.rowid = (SELECT max(e.rowid) FROM decisions e WHERE e.fault = f.id) WHERE f.id = ?",
        )
        .bind(&id.0)
        .fetch_optional(&self.pool)
        .await?;
        read_record(&row.ok_or_else(|| LedgerError::NoFault(id.0.clone()))?)
    }

    /// Keeps what review did with a flagged row.
    pub async fn reviewed(
        &self,
        fault: &Fault,
        decision: &str,
        by: &str,
        reason: Option<&str>,
        at_ms: u64,
        plan_digest: &str,
    ) -> Result<()> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("INSERT INTO decisions VALUES (?, ?, ?, ?, '\"review\"', ?, ?, ?)")
            .bind(&fault.run.0)
            .bind(&fault.id.0)
            .bind(at_ms as i64)
            .bind(decision)
            .bind(by)
            .bind(reason)
            .bind(plan_digest)
            .execute(&mut *transaction)
            .await?;
        let word = serde_json::from_str::<Decision>(decision)?.word();
        let entry = AuditEntry {
            at_ms,
            reason: reason.map(str::to_owned),
            plan_digest: plan_digest.to_owned(),
            ..about(fault, "reviewed", by, word, Some(decision))
        };
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.sign_trail(at_ms).await
    }

    /// Puts on record that somebody had a row's private values shown.
    pub async fn revealed(&self, fault: &Fault, by: &str, at_ms: u64) -> Result<()> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let entry = AuditEntry { at_ms, ..about(fault, "revealed", by, "private values", None) };
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.sign_trail(at_ms).await
    }

    pub async fn set_state(&self, fault: &str, state: FaultState) -> Result<()> {
        let sql = "UPDATE faults SET state = ? WHERE id = ?";
        sqlx::query(sql).bind(state.word()).bind(fault).execute(&self.pool).await?;
        Ok(())
    }
}

/// An entry of the trail on what was done with the row.
fn about(fault: &Fault, action: &str, by: &str, what: &str, content: Option<&str>) -> AuditEntry {
    AuditEntry {
        by: by.to_owned(),
        action: action.to_owned(),
        run: Some(fault.run.0.clone()),
        table: Some(fault.table.clone()),
        row: Some(fault.row),
        object: Some(fault.id.0.clone()),
        what: Some(what.to_owned()),
        content: content.map(audit::digest),
        ..AuditEntry::default()
    }
}

fn read_record(row: &SqliteRow) -> Result<FaultRecord> {
    let state: String = row.get(1);
    Ok(FaultRecord {
        fault: serde_json::from_str(row.get(0))?,
        state: FaultState::read(&state),
        by: row.get(2),
        reason: row.get(3),
    })
}
