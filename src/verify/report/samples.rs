//! The sample of a table with what reviewers said of it, as a page shows it.

use super::html::{moment, text};
use crate::{
    model::thousands,
    protocol::{SampleReview, SampleRow, SampleVerdict, Sampling},
};

/// Rows of a sample that are listed, at least.
const SAMPLED: usize = 10;

/// What reviewers made of the sample, in a sentence.
pub(super) fn reviewed(sample: &Sampling) -> String {
    let (approved, rejected) = (sample.approved, sample.rejected);
    let open = (sample.rows.len() as u64).saturating_sub(approved + rejected);
    match approved + rejected {
        0 => "<p>Nobody reviewed the sample.</p>\n".to_owned(),
        _ => format!(
            "<p>Review: {} approved, {} rejected, {} not decided.</p>\n",
            thousands(approved),
            thousands(rejected),
            thousands(open)
        ),
    }
}

/// Rows to show; those first that were rejected, then those that do not match, then such as somebody spoke of. None is left
/// out that was rejected or commented.
pub(super) fn shown(rows: &[SampleRow]) -> impl Iterator<Item = &SampleRow> {
    let is_rejected = |row: &SampleRow| row.decided().is_some_and(|review| review.verdict == SampleVerdict::Rejected);
    let is_told = |row: &SampleRow| is_rejected(row) || row.reviews.iter().any(|review| review.comment.is_some());
    let mut rows: Vec<&SampleRow> = rows.iter().collect();
    rows.sort_by_key(|row| (!is_rejected(row), row.matches, !is_told(row), row.reviews.is_empty()));
    let most = rows.iter().filter(|row| is_told(row)).count().max(SAMPLED);
    rows.into_iter().take(most)
}

/// Every word about the row: verdict, reviewer, time, comment.
pub(super) fn reviews(row: &SampleRow) -> String {
    let one = |review: &SampleReview| {
        let account = match review.reviewer == review.by {
            true => String::new(),
            false => format!(" (put on record by {})", text(&review.by)),
        };
        let comment = review.comment.as_ref().map(|comment| format!(": {}", text(comment))).unwrap_or_default();
        let (sign, word) = (review.verdict.sign(), review.verdict.word());
        format!("{sign} {word} by {}{account}, {}{comment}", text(&review.reviewer), moment(review.at_ms))
    };
    row.reviews.iter().map(one).collect::<Vec<_>>().join("<br>")
}
