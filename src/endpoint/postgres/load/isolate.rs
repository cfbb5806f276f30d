//! The lines that the server refuses, and only those, left out.
//!
//! One idea: a savepoint always stands before the lines that come next, and the size of the next COPY follows the distance
//! between bad ones, so that a batch with many of them costs a few times its rows and not their square.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;

use super::{
    super::{
        error::{complaint, failure, is_about_data},
        refusal::{self, Complaint},
        sql,
        stage::Stage,
    },
    PostgresLoader, send,
};
use crate::endpoint::{Refusal, Result};

/// The rows that are tried at once right behind a bad one, at least.
const WINDOW: usize = 16;

/// What is done with some lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Into the table, or where rows wait for it.
    Copy,
    /// From there into the table.
    Merge,
}

/// How many rows a statement affected, and how many it had to, where that is known.
struct Taken {
    taken: u64,
    owed: Option<u64>,
}

async fn merge(connection: &mut PgConnection, stage: &Stage, range: (i64, i64)) -> sqlx::Result<Taken> {
    let owed = stage.owed(connection, range).await?;
    Ok(Taken { taken: sql::affected(connection, &stage.merge(range)).await?, owed })
}

impl PostgresLoader {
    /// Writes all lines but those that are refused.
    pub(super) async fn write_lines(&mut self) -> Result<Vec<Refusal>> {
        let lines = self.lines.len();
        let mut refused = self.isolate(Step::Copy, 0, lines).await?;
        if self.stage.is_some() {
            self.unchanged = self.unchanged.wrapping_add((lines - refused.len()) as u64);
            self.merge_lines(&mut refused).await?;
        }
        Ok(refused.iter().map(|(line, complaint)| self.refuse(complaint, *line)).collect())
    }

    /// Takes the lines that wait into the table. A line that is refused there may have been in its twin's way.
    async fn merge_lines(&mut self, refused: &mut BTreeMap<usize, Complaint>) -> Result<()> {
        let late = self.isolate(Step::Merge, 0, self.lines.len()).await?;
        self.unchanged = self.unchanged.wrapping_sub(late.len() as u64);
        if late.is_empty() {
            return Ok(());
        }
        self.take_back(late.keys()).await?;
        let twins: Vec<usize> = refused.iter().filter(|(_, why)| why.is_twin()).map(|(line, _)| *line).collect();
        for line in twins {
            let Some(why) = self.try_again(line).await? else {
                refused.remove(&line);
                continue;
            };
            refused.insert(line, why);
        }
        refused.extend(late);
        Ok(())
    }

    /// One line the whole way.
    async fn try_again(&mut self, line: usize) -> Result<Option<Complaint>> {
        if let Some(complaint) = self.attempt(Step::Copy, line, line + 1).await? {
            return Ok(Some(complaint));
        }
        self.unchanged = self.unchanged.wrapping_add(1);
        let complaint = self.attempt(Step::Merge, line, line + 1).await?;
        if complaint.is_some() {
            self.unchanged = self.unchanged.wrapping_sub(1);
            self.take_back([line].iter()).await?;
        }
        Ok(complaint)
    }

    async fn take_back(&mut self, lines: impl Iterator<Item = &usize>) -> Result<()> {
        let numbers = lines.map(|line| self.lines.number(*line)).collect();
        let statement = format!("{}; RELEASE SAVEPOINT w; SAVEPOINT w", Stage::without(&numbers));
        self.run(&statement, "write to").await
    }

    /// Takes all lines of a stretch one step further but those that are refused.
    async fn isolate(&mut self, step: Step, from: usize, lines: usize) -> Result<BTreeMap<usize, Complaint>> {
        let mut refused = BTreeMap::new();
        let (mut at, mut window, mut good) = (from, lines, 0);
        // A line that was named while others before it were in the way; void as soon as another one is refused.
        let mut named: Option<(usize, Complaint)> = None;
        while at < lines {
            if let Some((_, complaint)) = named.take_if(|(line, _)| *line == at) {
                refused.insert(at, complaint);
                (at, window, good) = (at + 1, (good * 2).max(WINDOW), 0);
                continue;
            }
            let limit = named.as_ref().map_or(lines, |(line, _)| *line);
            let to = (at + window).min(limit);
            let Some(complaint) = self.attempt(step, at, to).await? else {
                (good, window) = (good + to - at, window.saturating_mul(2));
                at = to;
                continue;
            };
            match complaint.line(to - at).map(|line| at + line) {
                Some(line) => {
                    window = line - at;
                    named = Some((line, complaint));
                }
                None if to - at == 1 => named = Some((at, complaint)),
                None => (named, window) = (None, (to - at).div_ceil(2)),
            }
        }
        Ok(refused)
    }

    /// Takes some lines one step further behind the savepoint. The complaint is about a row's data; the savepoint stands
    /// again then.
    async fn attempt(&mut self, step: Step, from: usize, to: usize) -> Result<Option<Complaint>> {
        let mut connection = self.take("write to")?;
        let done = match (step, &self.stage) {
            (Step::Merge, Some(stage)) => {
                let range = (self.lines.number(from), self.lines.number(to));
                merge(&mut connection, stage, range).await
            }
            _ => send(&mut connection, &self.lines.copy(&self.statement), self.lines.pieces(from, to))
                .await
                .map(|taken| Taken { taken, owed: Some((to - from) as u64) }),
        };
        let (next, outcome) = match done {
            Ok(Taken { taken, owed }) => {
                self.check_all_taken(taken, owed.unwrap_or(taken))?;
                if step == Step::Merge {
                    self.unchanged = self.unchanged.wrapping_sub(taken);
                }
                ("RELEASE SAVEPOINT w; SAVEPOINT w", None)
            }
            Err(error) => match complaint(&error).filter(|complaint| is_about_data(complaint.code())) {
                Some(complaint) => ("ROLLBACK TO SAVEPOINT w", Some(Complaint::new(complaint, self.copied()))),
                None => return Err(failure(error, self.context("write to"))),
            },
        };
        sql::run(&mut connection, next).await.map_err(|error| failure(error, self.context("write to")))?;
        self.connection = Some(connection);
        Ok(outcome)
    }

    fn refuse(&self, complaint: &Complaint, line: usize) -> Refusal {
        self.refuse_row(complaint, self.lines.row(line))
    }

    pub(super) fn refuse_row(&self, complaint: &Complaint, row: usize) -> Refusal {
        let names: Vec<&str> = self.targets.iter().map(|target| target.column.name.as_str()).collect();
        refusal::refusal(complaint, row, &names, &self.constraints)
    }
}
