//! The audit trail: who did what, when, to which row, of which plan; each entry chained to the one before by SHA-256.
//!
//! One idea: an entry is written in the transaction of what it tells, so that neither is there without the other, and the
//! one writer that a ledger has at a time gives entries their numbers. Values of rows are in no entry: what was decided is
//! there as a word, and as the digest of all of it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{QueryBuilder, Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    Ledger, Result,
    seal::{Checkpoint, Seal},
};
use crate::{
    model::{RunId, hex},
    protocol::{Event, Fact},
};

/// One entry of the trail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// From 1, without gaps.
    pub seq: u64,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    pub by: String,
    /// `run-begun`, `decided`, `reviewed`, ...
    pub action: String,
    pub run: Option<String>,
    pub table: Option<String>,
    /// In the source's reading order, from 1.
    pub row: Option<u64>,
    /// What it was done to: a fault's id.
    pub object: Option<String>,
    /// In a word or two: `skip`, `edit, for this row`.
    pub what: Option<String>,
    /// SHA-256 of all that was decided or said, values included.
    pub content: Option<String>,
    pub reason: Option<String>,
    pub plan_digest: String,
}

/// Whether the trail is what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum TrailState {
    Intact {
        entries: u64,
        head: String,
    },
    /// All is as it was written, but what comes after the last signature could have been rewritten.
    UnsignedTail {
        entries: u64,
        from: u64,
        head: String,
    },
    Broken {
        at: u64,
        why: String,
    },
    /// Entries that were signed are gone.
    Truncated {
        signed: u64,
        found: u64,
    },
}

/// A trail as it is stored: numbers, texts and hashes of entries, checkpoints and their signatures.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) entries: Vec<(u64, String, String)>,
    pub(super) checkpoints: Vec<(String, String)>,
}

pub(super) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The hash of an entry behind the one before, whose hash is `before`.
pub(super) fn chained(before: &str, entry: &str) -> String {
    digest(&format!("whimbrel audit 1\n{}\n{before}\n{}\n{entry}", before.len(), entry.len()))
}

/// Rows to a statement: each statement is a journey to the thread that SQLite works on.
pub(super) const ROWS: usize = 200;

/// Writes the entry behind the last one. The transaction must have written before, so that nobody else does.
pub(super) async fn append(transaction: &mut Transaction<'_, Sqlite>, mut entry: AuditEntry) -> Result<()> {
    if let Some(run) = entry.run.as_ref().filter(|_| entry.plan_digest.is_empty()) {
        entry.plan_digest = plan_digest(transaction, run).await?;
    }
    append_all(transaction, vec![entry]).await
}

/// The digest of the plan that the run began with; empty where there is no such run.
pub(super) async fn plan_digest(transaction: &mut Transaction<'_, Sqlite>, run: &str) -> Result<String> {
    let sql = "SELECT plan_digest FROM runs WHERE id = ?";
    let row = sqlx::query(sql).bind(run).fetch_optional(&mut **transaction).await?;
    Ok(row.map(|row| row.get(0)).unwrap_or_default())
}

/// Writes entries, which say of which plan they are, behind the last one, in their order.
pub(super) async fn append_all(transaction: &mut Transaction<'_, Sqlite>, entries: Vec<AuditEntry>) -> Result<()> {
    let last = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    let last = sqlx::query(last).fetch_optional(&mut **transaction).await?;
    let (mut seq, mut hash) = last.map_or((0, String::new()), |row| (row.get::<i64, _>(0) as u64, row.get(1)));
    let mut chain = Vec::with_capacity(entries.len());
    for mut entry in entries {
        (seq, entry.seq) = (seq + 1, seq + 1);
        let text = serde_json::to_string(&entry)?;
        hash = chained(&hash, &text);
        chain.push((seq as i64, text, hash.clone()));
    }
    for part in chain.chunks(ROWS) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO audit ");
        insert.push_values(part, |mut row, (seq, text, hash)| {
            row.push_bind(seq).push_bind(text).push_bind(hash);
        });
        insert.build().execute(&mut **transaction).await?;
    }
    Ok(())
}

/// What of a run's facts belongs into the trail; decisions about rows have entries of their own.
pub(super) fn entry_of(fact: &Fact) -> Option<AuditEntry> {
    let (action, by, what, content) = match &fact.event {
        Event::Draining { by } => ("run-paused", by.as_str(), None, None),
        Event::Continued { by } => ("run-continued", by.as_str(), None, None),
        Event::ParallelSet { tables, by } if !by.is_empty() => {
            ("parallel-set", by.as_str(), Some(format!("{tables} tables at once")), None)
        }
        Event::ThrottleSet { rows_per_second, by } if !by.is_empty() => {
            let limit = rows_per_second.map_or("no limit".to_owned(), |rows| format!("{rows} rows a second"));
            ("throttle-set", by.as_str(), Some(limit), None)
        }
        Event::Started { resumed: true, .. } => ("run-resumed", "", None, None),
        Event::RuleAdded { rule, by } => ("rule-added", by.as_str(), None, serde_json::to_string(rule).ok()),
        Event::Stopped { why, by } => ("run-stopped", by.as_str(), None, Some(why.clone())),
        Event::Completed { counts } => ("run-completed", "", None, serde_json::to_string(counts).ok()),
        Event::Validated(validated) => {
            let all = serde_json::to_string(validated).ok();
            ("validated", validated.by.as_str(), Some(validated.outcome.word().to_owned()), all)
        }
        // The restore point and the way back have entries of their own.
        _ => return None,
    };
    Some(AuditEntry {
        at_ms: fact.at_ms,
        by: by.to_owned(),
        action: action.to_owned(),
        run: Some(fact.run.0.clone()),
        what,
        content: content.map(|content| digest(&content)),
        ..AuditEntry::default()
    })
}

/// Looks at every entry and every signature. `trusted`: the key that signs here, in hex, where it is at hand; `anchor`: a
/// checkpoint that was kept elsewhere.
pub(super) fn judge(stored: &Stored, trusted: Option<&str>, anchor: Option<&(String, String)>) -> TrailState {
    let broken = |at: u64, why: &str| TrailState::Broken { at, why: why.to_owned() };
    let mut hashes: Vec<&str> = Vec::with_capacity(stored.entries.len());
    for (seq, text, hash) in &stored.entries {
        let at = hashes.len() as u64 + 1;
        let before = hashes.last().copied().unwrap_or_default();
        let own = serde_json::from_str::<AuditEntry>(text).map(|entry| entry.seq);
        match own {
            _ if *seq != at => return broken(at, "an entry is missing before the next one"),
            Ok(own) if own == at => {}
            _ => return broken(at, "it is no entry of that number"),
        }
        if chained(before, text) != *hash {
            return broken(at, "its hash is not what it and the entries before it come to");
        }
        hashes.push(hash);
    }
    let entries = hashes.len() as u64;
    let head = hashes.last().map(|hash| (*hash).to_owned()).unwrap_or_default();
    let mut signed = 0;
    for (text, signature) in stored.checkpoints.iter().chain(anchor) {
        let Some(checkpoint) = Checkpoint::verified(text, signature, trusted) else {
            let at = serde_json::from_str::<Checkpoint>(text).map_or(entries, |checkpoint| checkpoint.seq);
            return broken(at, "the signature of its checkpoint does not hold");
        };
        if checkpoint.seq > entries {
            return TrailState::Truncated { signed: checkpoint.seq, found: entries };
        }
        let there = usize::try_from(checkpoint.seq).ok().and_then(|seq| hashes.get(seq.wrapping_sub(1)));
        if there != Some(&checkpoint.hash.as_str()) {
            return broken(checkpoint.seq, "it is not the entry that was signed");
        }
        signed = signed.max(checkpoint.seq);
    }
    match signed < entries {
        true => TrailState::UnsignedTail { entries, from: signed + 1, head },
        false => TrailState::Intact { entries, head },
    }
}

impl Ledger {
    /// The trail's entries, in order: all, or those of some runs.
    pub async fn trail(&self, runs: Option<&[RunId]>) -> Result<Vec<AuditEntry>> {
        let rows = sqlx::query("SELECT entry FROM audit ORDER BY seq").fetch_all(&self.pool).await?;
        let mut entries = Vec::new();
        for row in rows {
            let entry: AuditEntry = serde_json::from_str(row.get(0))?;
            let of = |runs: &[RunId]| runs.iter().any(|run| Some(&run.0) == entry.run.as_ref());
            if runs.is_none_or(of) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// Whether the trail is what was written, as far as signatures can tell.
    pub async fn verify_trail(&self) -> Result<TrailState> {
        let entry = |row: &SqliteRow| (row.get::<i64, _>(0) as u64, row.get(1), row.get(2));
        let entries = sqlx::query("SELECT seq, entry, hash FROM audit ORDER BY seq").fetch_all(&self.pool).await?;
        let sql = "SELECT checkpoint, signature FROM checkpoints ORDER BY seq";
        let checkpoints = sqlx::query(sql).fetch_all(&self.pool).await?;
        let stored = Stored {
            entries: entries.iter().map(entry).collect(),
            checkpoints: checkpoints.iter().map(|row| (row.get(0), row.get(1))).collect(),
        };
        let seal = self.seal();
        let trusted = seal.and_then(Seal::public_key);
        Ok(judge(&stored, trusted.as_deref(), seal.and_then(Seal::anchor).as_ref()))
    }

    /// Keeps entries about what was done outside of a run's facts and answers, and signs the trail.
    pub async fn attest(&self, entries: Vec<AuditEntry>) -> Result<()> {
        let Some(at_ms) = entries.last().map(|entry| entry.at_ms) else { return Ok(()) };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for entry in entries {
            append(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        self.sign_trail(at_ms).await
    }

    /// Signs the trail as it is, where a key is at hand.
    pub async fn sign_trail(&self, at_ms: u64) -> Result<()> {
        let Some(seal) = self.seal() else { return Ok(()) };
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let sql = "SELECT seq, hash FROM audit WHERE seq > (SELECT coalesce(max(seq), 0) FROM checkpoints) \
                   ORDER BY seq DESC LIMIT 1";
        let Some(row) = sqlx::query(sql).fetch_optional(&mut *transaction).await? else { return Ok(()) };
        let (seq, hash): (i64, String) = (row.get(0), row.get(1));
        let (text, signature) = seal.sign(seq as u64, &hash, at_ms)?;
        sqlx::query("INSERT INTO checkpoints VALUES (?, ?, ?)")
            .bind(seq)
            .bind(&text)
            .bind(&signature)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        seal.keep_anchor(&text, &signature)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trail(entries: u64) -> Stored {
        let mut stored = Stored::default();
        let mut before = String::new();
        for seq in 1..=entries {
            let entry = AuditEntry {
                seq,
                at_ms: 1_700_000_000_000 + seq,
                by: "ada".into(),
                action: "decided".into(),
                run: Some("run-1".into()),
                row: Some(seq * 7),
                what: Some("skip, for this row".into()),
                content: Some(digest("x")),
                plan_digest: digest("plan"),
                ..AuditEntry::default()
            };
            let text = serde_json::to_string(&entry).unwrap();
            before = chained(&before, &text);
            stored.entries.push((seq, text, before.clone()));
        }
        stored
    }

    /// Signed at its end.
    fn signed(entries: u64, seal: &Seal) -> Stored {
        let mut stored = trail(entries);
        let head = stored.entries.last().unwrap().2.clone();
        stored.checkpoints.push(seal.sign(entries, &head, 5).unwrap());
        stored
    }

    fn is_intact(stored: &Stored, seal: &Seal) -> bool {
        matches!(judge(stored, seal.public_key().as_deref(), None), TrailState::Intact { .. })
    }

    /// The text with one bit the other way; `None` where that is no text.
    fn flipped(text: &str, bit: usize) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok()
    }

    fn texts(stored: &mut Stored) -> Vec<&mut String> {
        let entries = stored.entries.iter_mut().flat_map(|(_, text, hash)| [text, hash]);
        entries.chain(stored.checkpoints.iter_mut().flat_map(|(text, signature)| [text, signature])).collect()
    }

    #[test]
    fn every_single_bit_edit_of_a_trail_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::at(folder.path());
        let whole = signed(3, &seal);
        assert!(is_intact(&whole, &seal));
        let sizes: Vec<usize> = texts(&mut whole.clone()).iter().map(|text| text.len()).collect();
        for (index, size) in sizes.into_iter().enumerate() {
            for bit in 0..size * 8 {
                let mut edited = whole.clone();
                let mut texts = texts(&mut edited);
                let Some(text) = flipped(texts[index], bit) else { continue };
                *texts[index] = text;
                assert!(!is_intact(&edited, &seal), "bit {bit} of text {index}");
            }
        }
        for bit in 0..64 {
            let mut edited = whole.clone();
            edited.entries[1].0 ^= 1 << bit;
            assert!(!is_intact(&edited, &seal), "bit {bit} of a number");
        }
    }

    #[test]
    fn every_truncation_of_a_thousand_entries_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::at(folder.path());
        let whole = signed(1_000, &seal);
        let anchor = whole.checkpoints.last().cloned();
        for left in 0..1_000 {
            let cut = Stored { entries: whole.entries[..left].to_vec(), ..whole.clone() };
            let truncated = TrailState::Truncated { signed: 1_000, found: left as u64 };
            assert_eq!(judge(&cut, None, None), truncated);
            // Whoever takes the signatures too has not taken the one that is kept elsewhere.
            if left % 100 == 0 {
                let bare = Stored { entries: cut.entries, checkpoints: Vec::new() };
                assert_eq!(judge(&bare, None, anchor.as_ref()), truncated);
            }
        }
        for gone in [0, 1, 500, 998] {
            let mut cut = whole.clone();
            cut.entries.remove(gone);
            assert!(matches!(judge(&cut, None, None), TrailState::Broken { at, .. } if at == gone as u64 + 1));
        }
    }

    #[test]
    fn a_tail_that_nobody_signed_is_told_and_a_stranger_s_signature_does_not_count() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (seal, stranger) = (Seal::at(folder.path()), Seal::at(other.path()));
        let mut stored = trail(5);
        let head = stored.entries[2].2.clone();
        stored.checkpoints.push(seal.sign(3, &head, 5).unwrap());
        let state = judge(&stored, seal.public_key().as_deref(), None);
        assert!(matches!(state, TrailState::UnsignedTail { entries: 5, from: 4, .. }), "{state:?}");
        let rewritten = signed(5, &stranger);
        let state = judge(&rewritten, seal.public_key().as_deref(), None);
        assert!(matches!(state, TrailState::Broken { at: 5, .. }), "{state:?}");
        let state = judge(&rewritten, None, stored.checkpoints.first());
        assert!(matches!(state, TrailState::Intact { .. }), "the same entries: {state:?}");
        let mut other = trail(5);
        other.entries.iter_mut().for_each(|(_, text, _)| *text = text.replace("ada", "eve"));
        let mut before = String::new();
        for (_, text, hash) in &mut other.entries {
            before = chained(&before, text);
            hash.clone_from(&before);
        }
        let state = judge(&other, None, stored.checkpoints.first());
        assert!(matches!(state, TrailState::Broken { at: 3, .. }), "a rewritten trail: {state:?}");
        assert!(matches!(judge(&Stored::default(), None, None), TrailState::Intact { entries: 0, .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_bit_of_a_thousand_entries_counts(at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
            thread_local! {
                static WHOLE: (tempfile::TempDir, Stored) = {
                    let folder = tempfile::tempdir().unwrap();
                    let stored = signed(1_000, &Seal::at(folder.path()));
                    (folder, stored)
                };
            }
            let intact = WHOLE.with(|(folder, whole)| {
                let mut edited = whole.clone();
                let texts = &mut texts(&mut edited);
                let index = at.index(texts.len());
                let Some(text) = flipped(texts[index], bit.index(texts[index].len() * 8)) else { return false };
                *texts[index] = text;
                is_intact(&edited, &Seal::at(folder.path()))
            });
            prop_assert!(!intact);
        }
    }
}
