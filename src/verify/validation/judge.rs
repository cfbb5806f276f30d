//! From what was read to lines of a report, in the product's words.

use super::{locate::Located, tally::Tally};
use crate::{
    model::{Counts, RowSum, thousands},
    plan::Mapping,
    protocol::{Finding, Outcome},
};

/// What is known of a table.
pub(super) struct Seen<'s> {
    pub(super) mapping: &'s Mapping,
    /// The run's row accounting.
    pub(super) counts: Option<Counts>,
    /// Rows that the table held before the run.
    pub(super) held: u64,
    /// The rows that the run wrote.
    pub(super) wrote: Option<RowSum>,
    /// The source, where it was read again.
    pub(super) source: Option<&'s Tally>,
    pub(super) copy: &'s Tally,
    pub(super) located: &'s Located,
    /// The table should hold the expected rows and no others.
    pub(super) strict: bool,
}

pub(super) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    let values = [seen.nulls(), seen.totals(), seen.checksum()].map(|finding| seen.excused(finding));
    [seen.records(), seen.column_count()].into_iter().chain(values).collect()
}

fn finding(name: &str, outcome: Outcome, details: Vec<String>) -> Finding {
    Finding { name: name.to_owned(), outcome, details }
}

fn passed_if(holds: bool) -> Outcome {
    if holds { Outcome::Passed } else { Outcome::Failed }
}

impl Seen<'_> {
    /// Rows that cannot be read back are all that is missing: whether they are right is not known.
    pub(super) fn is_unreadable(&self) -> bool {
        self.copy.unreadable > 0 && self.located.differing <= self.copy.unreadable
    }

    fn excused(&self, finding: Finding) -> Finding {
        match finding.outcome {
            Outcome::Failed if self.is_unreadable() => Finding { outcome: Outcome::Inconclusive, ..finding },
            _ => finding,
        }
    }

    /// The rows that should be there.
    fn expected(&self) -> Option<u64> {
        self.source.map(|source| source.sum.rows).or(self.wrote.map(|wrote| wrote.rows))
    }

    fn records(&self) -> Finding {
        let there = self.copy.sum.rows + self.copy.unreadable;
        let mut details = Vec::new();
        let mut holds = true;
        if let Some(counts) = self.counts {
            holds = counts.reconcile();
            details.push(accounted(&counts));
        }
        let expected = self.wrote.filter(|_| self.strict).map(|wrote| wrote.rows).or(self.expected()).unwrap_or(0);
        if self.strict {
            if there != expected {
                holds = false;
                let (rows, more) =
                    (thousands(there.abs_diff(expected)), if there > expected { "more" } else { "fewer" });
                details.push(format!(
                    "{} rows should be there and {} are: {rows} {more}",
                    thousands(expected),
                    thousands(there)
                ));
            }
        } else {
            let own = expected.saturating_sub(self.located.differing);
            holds &= self.located.differing == 0;
            details.push(format!(
                "{} rows are there: {} of the {} that should be, and others, which are left out of the verdict{}",
                thousands(there),
                thousands(own),
                thousands(expected),
                if self.held > 0 {
                    format!("; {} were there before the run", thousands(self.held))
                } else {
                    String::new()
                }
            ));
        }
        finding("Record count match", passed_if(holds), details)
    }

    fn column_count(&self) -> Finding {
        let mapping = self.mapping;
        let mut details = vec![format!("{} columns are mapped", mapping.columns.len())];
        let list = |names: &[String], what: &str| (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")));
        details.extend(list(&mapping.unfilled, "left unfilled in the destination"));
        details.extend(list(&mapping.unused, "of the source not used"));
        let is_there = |name: &str| mapping.to.column(name).is_some();
        let gone: Vec<String> = mapping.columns.iter().map(|mapped| mapped.target.name.clone()).collect();
        let gone: Vec<String> = gone.into_iter().filter(|name| !is_there(name)).collect();
        details.extend(list(&gone, "not there any more"));
        finding("Column count match", passed_if(gone.is_empty()), details)
    }

    /// Figures are compared where both sides were read whole; else they are as equal as the rows are.
    fn nulls(&self) -> Finding {
        let name = "No null mismatches";
        let Some(source) = self.source.filter(|_| self.strict) else { return self.as_rows(name) };
        let mut details = Vec::new();
        for (index, mapped) in self.mapping.columns.iter().enumerate() {
            let (left, right) = (&source.figures[index], &self.copy.figures[index]);
            for (what, left, right) in [("NULL", left.nulls, right.nulls), ("empty", left.empties, right.empties)] {
                if left != right {
                    details.push(format!(
                        "{}: {left} {what} in the source, {right} in the destination",
                        mapped.target.name
                    ));
                }
            }
        }
        finding(name, passed_if(details.is_empty()), details)
    }

    fn totals(&self) -> Finding {
        let name = "Control totals match";
        let Some(source) = self.source.filter(|_| self.strict) else { return self.as_rows(name) };
        let mut details = Vec::new();
        for (index, mapped) in self.mapping.columns.iter().enumerate() {
            let totals = source.figures[index].total.zip(self.copy.figures[index].total);
            if let Some((left, right)) = totals.filter(|(left, right)| left != right) {
                let scale = match mapped.target.ty {
                    crate::model::ColumnType::Decimal { scale, .. } => scale.unsigned_abs(),
                    _ => 0,
                };
                let (column, left, right) = (&mapped.target.name, pointed(left, scale), pointed(right, scale));
                details.push(format!("{column}: {left} in the source, {right} in the destination"));
            }
            let floats = |tally: &Tally| tally.figures[index].floats.as_deref().cloned().unwrap_or_default().settled();
            let (left, right) = (floats(source), floats(self.copy));
            if left != right {
                details.push(format!(
                    "{}: the exact sums of its floats differ, about {} in the source and {} in the destination",
                    mapped.target.name,
                    left.about(),
                    right.about()
                ));
            }
        }
        finding(name, passed_if(details.is_empty()), details)
    }

    fn as_rows(&self, name: &str) -> Finding {
        match self.located.differing {
            0 => finding(name, Outcome::Passed, vec!["as the checksum proves".into()]),
            _ => finding(name, Outcome::Inconclusive, vec!["the table holds other rows too: see the checksum".into()]),
        }
    }

    fn checksum(&self) -> Finding {
        let name = "Checksum";
        let there = self.copy.sum;
        let mut details: Vec<String> = self.copy.told.iter().map(|told| format!("cannot be read: {told}")).collect();
        if self.copy.unreadable > 0 && self.strict {
            return finding(name, Outcome::Failed, details);
        }
        let Some(source) = self.source else {
            details.push(format!("{there}, as the run wrote it"));
            return finding(name, Outcome::Passed, details);
        };
        if self.located.differing > 0 {
            details.push(format!("{} row(s) differ", thousands(self.located.differing)));
            if self.wrote.is_some_and(|wrote| wrote != source.sum) {
                details.push("the source is not what it was when the run read it: some may be its changes".into());
            }
            return finding(name, Outcome::Failed, details);
        }
        match self.wrote {
            Some(_) if self.strict && source.sum == there => {
                details.push("what is there is what the source holds now, and not what the run wrote".into());
                finding(name, Outcome::Inconclusive, details)
            }
            _ => {
                details.push(format!("{}, read from both sides", source.sum));
                finding(name, Outcome::Passed, details)
            }
        }
    }
}

/// `read 10 = 8 written + 1 skipped + 1 flagged`.
fn accounted(counts: &Counts) -> String {
    let left = match counts.filtered {
        0 => String::new(),
        rows => format!("; {} left out by the filter", thousands(rows)),
    };
    format!(
        "read {} = {} written + {} skipped + {} flagged{left}",
        thousands(counts.read),
        thousands(counts.written),
        thousands(counts.skipped),
        thousands(counts.flagged)
    )
}

fn pointed(value: i128, scale: u8) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
