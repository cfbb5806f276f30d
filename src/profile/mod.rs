//! What the rows of a table hold: every column's facts, keys that come twice, references to nothing, values that the
//! plan's mapping cannot convert.
//!
//! Reads one snapshot through the same readers as a run, whichever the system, and writes nothing. May not touch ratatui.
//! One idea: everything is folded from batches in constant memory. What can be counted so is counted; what cannot (how many
//! different values there are, which are the most frequent) is counted up to a bound, and beyond it estimated and said so.

mod column;
mod conversions;
mod distinct;
mod extremes;
mod fold;
mod frequent;
mod histogram;
mod keys;
mod kinds;
mod patterns;
mod places;
mod reading;
mod references;
mod told;

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use self::{
    conversions::Conversions,
    fold::{Scope, TableFold},
    reading::{Ended, Fold, show},
    references::{Followed, Parents, leads},
    told::Told,
};
use crate::{
    endpoint::{EndpointError, Snapshot, Source, SourceBatch},
    model::{CellError, Count, Table},
    plan::{Mapping, Origin},
    protocol::{Profiling, Rows, TableProfile},
    transform::{RunInstant, TransformError},
};

pub use told::Line;

#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("{0}. {hint}", hint = .0.hint())]
    Endpoint(#[from] EndpointError),
    #[error("the table {table} has no column '{column}'; it has {known}")]
    NoColumn { table: String, column: String, known: String },
    #[error(transparent)]
    Transform(#[from] TransformError),
    #[error("rows cannot be looked at as they were read: {0}")]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
    #[error("a row cannot be looked at as it was read: {0}")]
    Cell(#[from] CellError),
    #[error("a worker of the profile died: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

/// What is looked at, and how closely.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    pub table: String,
    pub rows: Rows,
    /// Only these columns are told; none: all.
    pub columns: Vec<String>,
    /// The plan's mappings of the table, if its values are to be tried.
    pub mappings: Vec<Mapping>,
}

/// Looks at a table. A profile that was broken off tells what was seen until then, and that it was.
pub async fn profile(source: &Arc<dyn Source>, subject: &Subject, line: Line) -> Result<TableProfile, ProfileError> {
    let (begun, now) = (Instant::now(), SystemTime::now());
    let table = source.describe(&subject.table).await?;
    has_columns(&table, &subject.columns)?;
    let mut work = Work {
        source,
        snapshot: source.snapshot().await?,
        told: Told::new(line, Profiling { table: table.name.clone(), total: table.rows, ..Profiling::default() }),
        remarks: Vec::new(),
    };
    let scope = Scope {
        rows: subject.rows,
        columns: &subject.columns,
        keys: keys(&table, &subject.mappings),
        references: work.references(&table).await?,
        conversions: work.conversions(&table, &subject.mappings),
    };
    let fold = TableFold::new(&table, scope);
    work.told.turns_to(table.name.clone());
    let (fold, ended) = show(&work.snapshot, &table, subject.rows, &mut work.told, fold).await?;
    let mut profile = fold.told();
    profile.whole = ended == Ended::Whole;
    profile.broken_off = ended == Ended::Stopped;
    if profile.whole && !matches!(profile.rows, Rows::Every(_)) {
        profile.total = Count::Exact(profile.looked);
    }
    profile.at_ms = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    profile.elapsed_ms = begun.elapsed().as_millis() as u64;
    profile.remarks = work.remarks;
    Ok(profile)
}

fn has_columns(table: &Table, columns: &[String]) -> Result<(), ProfileError> {
    let Some(column) = columns.iter().find(|name| table.column(name).is_none()) else { return Ok(()) };
    let known: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    Err(ProfileError::NoColumn { table: table.name.clone(), column: column.clone(), known: known.join(", ") })
}

/// The key that the table declares, and what the plan's mappings take for one.
fn keys(table: &Table, mappings: &[Mapping]) -> Vec<Vec<String>> {
    let mut keys: Vec<Vec<String>> = Vec::new();
    keys.extend((!table.key.is_empty()).then(|| table.key.clone()));
    for mapping in mappings {
        let source = |name: &String| {
            let column = mapping.columns.iter().find(|column| column.target.name == *name)?;
            match &column.origin {
                Origin::Column(from) => Some(from.clone()),
                Origin::Expr(_) | Origin::Default => None,
            }
        };
        let mapped: Option<Vec<String>> = mapping.to.key.iter().map(source).collect();
        keys.extend(mapped.filter(|mapped| !mapped.is_empty()));
    }
    let mut told: Vec<Vec<String>> = Vec::new();
    for key in keys {
        let alike = |other: &Vec<String>| other.len() == key.len() && key.iter().all(|name| other.contains(name));
        if !told.iter().any(alike) {
            told.push(key);
        }
    }
    told
}

struct Work<'w> {
    source: &'w Arc<dyn Source>,
    snapshot: Arc<dyn Snapshot>,
    told: Told,
    remarks: Vec<String>,
}

impl Work<'_> {
    /// What the table refers to, the keys that are there read.
    async fn references(&mut self, table: &Table) -> Result<Vec<Followed>, ProfileError> {
        let leads = leads(&**self.source, table, &mut self.remarks).await?;
        let together = leads.len();
        let mut followed = Vec::with_capacity(together);
        for lead in leads {
            if lead.is_loose() {
                if lead.is_declared() {
                    let label = lead.label(&table.name);
                    self.remarks
                        .push(format!("{label}: not looked at, since its text compares without regard to case"));
                }
                continue;
            }
            if self.told.is_stopped() {
                return Ok(Vec::new());
            }
            self.told.turns_to(format!("keys of {}", lead.parent.name));
            let parents = Parents::of(&lead, together);
            let (parents, ended) = show(&self.snapshot, &lead.parent, Rows::All, &mut self.told, parents).await?;
            if ended == Ended::Stopped {
                return Ok(Vec::new());
            }
            followed.push(lead.follow(parents.told()));
        }
        Ok(followed)
    }

    fn conversions(&mut self, table: &Table, mappings: &[Mapping]) -> Vec<Conversions> {
        let instant = RunInstant(now_ms());
        let mut made = Vec::with_capacity(mappings.len());
        for mapping in mappings {
            match Conversions::of(mapping, table, instant, mappings.len() > 1) {
                Ok(conversions) => made.push(conversions),
                Err(errors) => {
                    let (to, why) = (&mapping.to.name, errors.first().map(ToString::to_string).unwrap_or_default());
                    self.remarks.push(format!("the mapping to {to} could not be tried: {why}"));
                }
            }
        }
        made
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

impl Fold for TableFold {
    fn take(&mut self, message: SourceBatch) -> Result<bool, ProfileError> {
        Self::take(self, message)
    }
}

impl Fold for Parents {
    fn take(&mut self, message: SourceBatch) -> Result<bool, ProfileError> {
        Self::take(self, &message)?;
        Ok(true)
    }
}
