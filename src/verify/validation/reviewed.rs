//! What reviewers said of sampled rows, put beside them and counted.
//!
//! One idea: a word holds for a row as it was seen. A rejected one keeps its table from passing until somebody approves
//! it, even where a later sample does not hold it; where the row is another now, it wants a new look.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    ledger::SampleRecord,
    model::{NamedCell, hex, thousands},
    protocol::{Finding, Outcome, SampleChoice, SampleRow, SampleVerdict, TableValidation, Validation, key_words},
};

const NAME: &str = "Sample review";

/// How many rejected rows a finding tells.
const TOLD: usize = 5;

/// Puts all that was said beside the rows, and lets it count in the verdicts. The same words again change nothing.
pub fn count_reviews(validation: &mut Validation, records: &[SampleRecord]) {
    for table in &mut validation.tables {
        let said: Vec<&SampleRecord> = records.iter().filter(|record| record.table == table.to).collect();
        table.sample.rows.iter_mut().for_each(|row| beside(row, &said));
        let of = |verdict| move |row: &&SampleRow| row.decided().is_some_and(|review| review.verdict == verdict);
        let sample = &mut table.sample;
        sample.approved = sample.rows.iter().filter(of(SampleVerdict::Approved)).count() as u64;
        sample.rejected = sample.rows.iter().filter(of(SampleVerdict::Rejected)).count() as u64;
        table.findings.retain(|finding| finding.name != NAME);
        table.findings.extend(finding(table, &said));
        let outcomes = table.findings.iter().map(|finding| finding.outcome).chain([table.sample.outcome]);
        table.outcome = outcomes.max().unwrap_or_default();
    }
    validation.conclude();
}

fn beside(row: &mut SampleRow, said: &[&SampleRecord]) {
    if row.id.is_empty() {
        row.id = id(row);
    }
    let of = said.iter().filter(|record| record.row == row.id);
    row.reviews = of.map(|record| record.review.clone()).collect();
}

/// SHA-256 over what both sides show of the row, the first half of it.
fn id(row: &SampleRow) -> String {
    let mut hash = Sha256::new();
    for cells in [&row.key, &row.source, &row.destination] {
        hash.update(format!("{}\n", serde_json::to_string(cells).unwrap_or_default()));
    }
    hex(&hash.finalize()[..16])
}

/// The words that count: of each row the last that decides.
fn decided<'r>(said: &[&'r SampleRecord]) -> BTreeMap<&'r str, &'r SampleRecord> {
    let deciding = said.iter().filter(|record| record.review.verdict != SampleVerdict::Remarked);
    deciding.map(|record| (record.row.as_str(), *record)).collect()
}

/// How a rejected row stands now.
fn stands(table: &TableValidation, rejected: &SampleRecord) -> Option<(Outcome, &'static str)> {
    let rows = &table.sample.rows;
    if rows.iter().any(|row| row.id == rejected.row) {
        return Some((Outcome::Failed, ""));
    }
    match rows.iter().find(|row| row.key == rejected.key && !row.key.is_empty()) {
        // Somebody decided on the row as it is now.
        Some(row) if row.decided().is_some() => None,
        Some(_) => Some((Outcome::Inconclusive, "; it is not what it was then, and nobody looked at it since")),
        None => Some((Outcome::Failed, "; this sample does not hold it")),
    }
}

fn finding(table: &TableValidation, said: &[&SampleRecord]) -> Option<Finding> {
    if said.is_empty() {
        return None;
    }
    let mut outcome = Outcome::Passed;
    let mut told = Vec::new();
    for record in decided(said).values().filter(|record| record.review.verdict == SampleVerdict::Rejected) {
        let Some((counts, how)) = stands(table, record) else { continue };
        outcome = outcome.max(counts);
        let review = &record.review;
        let comment = review.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
        told.push(format!("{} rejected by {}{comment}{how}", key_words(&record.key, true), review.reviewer));
    }
    let sample = &table.sample;
    let open = sample.drawn.saturating_sub(sample.approved + sample.rejected);
    let mut details = vec![format!(
        "{} of {} approved, {} rejected, {} not decided",
        thousands(sample.approved),
        thousands(sample.drawn),
        thousands(sample.rejected),
        thousands(open)
    )];
    let more = told.len().saturating_sub(TOLD);
    details.extend(told.into_iter().take(TOLD));
    details.extend((more > 0).then(|| format!("and {} more rejected", thousands(more as u64))));
    Some(Finding { name: NAME.to_owned(), outcome, details })
}

/// The rows of the table's sample that are spoken of, by id and key; those that were rejected before count too, though a
/// later sample does not hold them.
pub fn chosen(
    table: &TableValidation,
    records: &[SampleRecord],
    choice: &SampleChoice,
) -> Result<Vec<(String, Vec<NamedCell>)>, String> {
    let rows = &table.sample.rows;
    let named = |row: &SampleRow| (row.id.clone(), row.key.clone());
    let word = match choice {
        SampleChoice::AllMatching => {
            return Ok(rows.iter().filter(|row| row.matches && row.decided().is_none()).map(named).collect());
        }
        SampleChoice::Row(word) => word,
    };
    let place = word.strip_prefix('#').and_then(|place| place.parse::<usize>().ok());
    if let Some(place) = place {
        let row = place.checked_sub(1).and_then(|place| rows.get(place));
        let row = row.ok_or_else(|| format!("the sample of {} has {} rows, and no #{place}", table.to, rows.len()))?;
        return Ok(vec![named(row)]);
    }
    let mut found: Vec<(String, Vec<NamedCell>)> =
        rows.iter().filter(|row| row.id == *word || values(&row.key) == *word).map(named).collect();
    let rejected = decided_of(records, &table.to).filter(|record| record.review.verdict == SampleVerdict::Rejected);
    for record in rejected.filter(|record| record.row == *word || values(&record.key) == *word) {
        if found.iter().all(|(id, _)| *id != record.row) {
            found.push((record.row.clone(), record.key.clone()));
        }
    }
    match found.is_empty() {
        true => Err(format!(
            "the sample of {} has no row '{word}': name it by the values of its key with commas between, or by its place \
             (#1 to #{}); `whimbrel validate PLAN --samples` shows them",
            table.to,
            rows.len()
        )),
        false => Ok(found),
    }
}

fn decided_of<'r>(records: &'r [SampleRecord], table: &str) -> impl Iterator<Item = &'r SampleRecord> {
    let said: Vec<&SampleRecord> = records.iter().filter(|record| record.table == table).collect();
    decided(&said).into_values().collect::<Vec<_>>().into_iter()
}

fn values(key: &[NamedCell]) -> String {
    key.iter().map(|cell| cell.cell.display()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Cell,
        protocol::{SampleReview, Sampling},
    };

    fn row(id: &str, there: &str) -> SampleRow {
        let cell = |name: &str, text: &str| NamedCell { name: name.into(), cell: Cell::text(text) };
        SampleRow {
            key: vec![cell("id", id)],
            matches: there == "x",
            source: vec![cell("id", id), cell("note", "x")],
            destination: vec![cell("id", id), cell("note", there)],
            ..SampleRow::default()
        }
    }

    fn validation(rows: Vec<SampleRow>) -> Validation {
        let sample = Sampling { outcome: Outcome::Passed, drawn: rows.len() as u64, rows, ..Sampling::default() };
        let finding = Finding { name: "Checksum".into(), outcome: Outcome::Passed, details: Vec::new() };
        let table = TableValidation { to: "t".into(), findings: vec![finding], sample, ..TableValidation::default() };
        let mut validation = Validation { tables: vec![table], ..Validation::default() };
        count_reviews(&mut validation, &[]);
        validation
    }

    fn said(validation: &Validation, choice: &SampleChoice, verdict: SampleVerdict) -> Vec<SampleRecord> {
        let chosen = chosen(&validation.tables[0], &[], choice).unwrap();
        let review = SampleReview {
            verdict,
            reviewer: "Dr. Lee".into(),
            by: "ada".into(),
            at_ms: 1,
            comment: Some("why".into()),
        };
        let record = |(row, key)| SampleRecord { table: "t".into(), row, key, review: review.clone() };
        chosen.into_iter().map(record).collect()
    }

    fn one(key: &str) -> SampleChoice {
        SampleChoice::Row(key.into())
    }

    #[test]
    fn a_rejected_row_fails_its_table_until_it_is_approved() {
        let mut found = validation(vec![row("1", "x"), row("2", "x")]);
        assert_eq!((found.outcome, found.tables[0].findings.len()), (Outcome::Passed, 1));
        let mut records = said(&found, &one("2"), SampleVerdict::Rejected);
        count_reviews(&mut found, &records);
        assert_eq!((found.outcome, found.tables[0].sample.rejected), (Outcome::Failed, 1));
        let details = &found.tables[0].findings[1].details;
        assert_eq!(details[0], "0 of 2 approved, 1 rejected, 1 not decided");
        assert_eq!(details[1], "id = 2 rejected by Dr. Lee: why");
        let before = found.clone();
        count_reviews(&mut found, &records);
        assert_eq!(found, before, "the same again changes nothing");
        records.extend(said(&found, &one("#2"), SampleVerdict::Remarked));
        count_reviews(&mut found, &records);
        assert_eq!(found.outcome, Outcome::Failed, "a remark decides nothing");
        records.extend(said(&found, &one("2"), SampleVerdict::Approved));
        count_reviews(&mut found, &records);
        assert_eq!((found.outcome, found.tables[0].sample.approved), (Outcome::Passed, 1));
        assert_eq!(found.tables[0].sample.rows[1].reviews.len(), 3, "all that was said stays");
    }

    #[test]
    fn all_matching_leaves_out_what_differs_and_what_was_decided() {
        let mut found = validation(vec![row("1", "x"), row("2", "y"), row("3", "x")]);
        let mut records = said(&found, &one("3"), SampleVerdict::Rejected);
        count_reviews(&mut found, &records);
        let all = said(&found, &SampleChoice::AllMatching, SampleVerdict::Approved);
        assert_eq!(all.iter().map(|record| values(&record.key)).collect::<Vec<_>>(), ["1"]);
        records.extend(all);
        count_reviews(&mut found, &records);
        assert_eq!((found.tables[0].sample.approved, found.tables[0].sample.rejected), (1, 1));
    }

    #[test]
    fn a_rejection_outlives_the_sample_and_a_row_that_changed_wants_a_new_look() {
        let mut found = validation(vec![row("1", "y")]);
        let rejected = said(&found, &one("1"), SampleVerdict::Rejected);
        let mut other = validation(vec![row("7", "x")]);
        count_reviews(&mut other, &rejected);
        assert_eq!(other.outcome, Outcome::Failed);
        assert!(other.tables[0].findings[1].details[1].ends_with("this sample does not hold it"));
        let withdrawn = chosen(&other.tables[0], &rejected, &one("1")).unwrap();
        assert_eq!(withdrawn, [(rejected[0].row.clone(), rejected[0].key.clone())], "it can still be approved");

        let mut mended = validation(vec![row("1", "x")]);
        count_reviews(&mut mended, &rejected);
        assert_eq!(mended.outcome, Outcome::Inconclusive);
        let mut records = rejected.clone();
        records.extend(said(&mended, &one("1"), SampleVerdict::Approved));
        count_reviews(&mut mended, &records);
        assert_eq!(mended.outcome, Outcome::Passed);
        count_reviews(&mut found, &records);
        assert_eq!(found.outcome, Outcome::Failed, "as it was it stays rejected");
    }

    #[test]
    fn a_row_that_is_not_there_is_told_with_what_to_do() {
        let found = validation(vec![row("1", "x")]);
        let why = chosen(&found.tables[0], &[], &one("9")).unwrap_err();
        assert!(why.contains("no row '9'") && why.contains("--samples"), "{why}");
        assert!(chosen(&found.tables[0], &[], &one("#2")).unwrap_err().contains("has 1 rows"));
    }
}
