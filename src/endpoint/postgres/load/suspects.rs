//! What a loader does about the rows that the table will probably refuse.
//!
//! One idea: they are looked for only once many of a batch were refused, and are then written behind the others, so that
//! they stand in nobody's way; in the server where it can try them all by itself, else one by one.

use std::collections::BTreeSet;

use datafusion::arrow::{array::UInt32Array, compute::take_record_batch, record_batch::RecordBatch};
use sqlx::postgres::PgConnection;

use super::{
    super::{
        error::{complaint, failure, is_about_data},
        screen::{MANY, Screen, Screening},
        sql,
        trial::{FEW, Outcome, Trial},
    },
    PostgresLoader,
};
use crate::endpoint::{EndpointError, ErrorKind, Refusal, Result};

impl PostgresLoader {
    /// Writes a batch, suspects apart.
    pub(super) async fn write_batch(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let suspects = self.suspects(batch).await?;
        let mut refusals = match suspects.is_empty() {
            true => self.write_rows(batch).await?,
            false => self.write_apart(batch, &suspects).await?,
        };
        self.learn(refusals.len()).await?;
        refusals.sort_by_key(|refusal| refusal.row);
        Ok(refusals)
    }

    /// Keeps what was done behind the savepoint; where the server complained, `None`, and all is as before.
    async fn settle<T>(&mut self, mut connection: PgConnection, done: sqlx::Result<T>) -> Result<Option<T>> {
        let context = self.context("write to");
        let (kept, next) = match done {
            Ok(kept) => (Some(kept), "RELEASE SAVEPOINT w; SAVEPOINT w"),
            Err(error) if complaint(&error).is_some() => (None, "ROLLBACK TO SAVEPOINT w"),
            Err(error) => return Err(failure(error, context)),
        };
        sql::run(&mut connection, next).await.map_err(|error| failure(error, context))?;
        self.connection = Some(connection);
        Ok(kept)
    }

    /// The rows that the table will probably refuse. What cannot be asked is not asked again.
    async fn suspects(&mut self, batch: &RecordBatch) -> Result<BTreeSet<usize>> {
        let (mut screen, trial) = match std::mem::take(&mut self.screening) {
            Screening::On(screen, trial) => (screen, trial),
            other => {
                self.screening = other;
                return Ok(BTreeSet::new());
            }
        };
        if screen.fill(batch).is_err() {
            self.screening = Screening::Never;
            return Ok(BTreeSet::new());
        }
        let mut connection = self.take("write to")?;
        let asked = screen.ask(&mut connection).await;
        let suspects = self.settle(connection, asked).await?;
        self.screening = if suspects.is_some() { Screening::On(screen, trial) } else { Screening::Never };
        Ok(suspects.unwrap_or_default())
    }

    /// After a batch of which so many were refused: screens the next one, or does without again.
    async fn learn(&mut self, refused: usize) -> Result<()> {
        match self.screening {
            Screening::Off if refused >= MANY && self.stage.is_none() => {
                let mut connection = self.take("write to")?;
                let made = Screen::make(&mut connection, &self.name, &self.targets).await;
                let Some(screen) = self.settle(connection, made).await?.flatten() else {
                    self.screening = Screening::Never;
                    return Ok(());
                };
                let mut connection = self.take("write to")?;
                let made = Trial::make(&mut connection, &self.name, &self.targets).await;
                let trial = self.settle(connection, made).await?.flatten();
                self.screening = Screening::On(Box::new(screen), trial.map(Box::new));
            }
            Screening::On(..) if refused < MANY => self.screening = Screening::Off,
            _ => {}
        }
        Ok(())
    }

    /// Writes the suspects behind the others.
    async fn write_apart(&mut self, batch: &RecordBatch, suspects: &BTreeSet<usize>) -> Result<Vec<Refusal>> {
        let (others, theirs): (Vec<usize>, Vec<usize>) = (0..batch.num_rows()).partition(|row| !suspects.contains(row));
        let mut refusals = self.write_rows(&self.part(batch, &others)?).await?;
        refusals.iter_mut().for_each(|refusal| refusal.row = others[refusal.row]);
        let part = self.part(batch, &theirs)?;
        let refused = match self.try_all(&part).await? {
            Some(refused) => refused,
            None => self.write_rows(&part).await?,
        };
        refusals.extend(refused.into_iter().map(|refusal| Refusal { row: theirs[refusal.row], ..refusal }));
        Ok(refusals)
    }

    fn part(&self, batch: &RecordBatch, rows: &[usize]) -> Result<RecordBatch> {
        let places: UInt32Array = rows.iter().map(|row| u32::try_from(*row).ok()).collect();
        let part = take_record_batch(batch, &places);
        part.map_err(|error| EndpointError::new(ErrorKind::Other, self.context("write to"), error.to_string()))
    }

    /// Lets the server try the rows. `None`: it cannot, and nothing of them is written.
    async fn try_all(&mut self, batch: &RecordBatch) -> Result<Option<Vec<Refusal>>> {
        let Screening::On(_, Some(trial)) = &mut self.screening else { return Ok(None) };
        if batch.num_rows() < FEW {
            return Ok(None);
        }
        let filled = trial.fill(batch, &self.targets);
        let Screening::On(_, Some(trial)) = &self.screening else { return Ok(None) };
        let mut refusals = filled.map_err(|error| self.mistyped(error))?;
        let mut connection = self.connection.take().ok_or_else(|| self.lost("write to"))?;
        let outcome = match trial.run(&mut connection).await {
            Ok(outcome) => outcome,
            Err(error) if complaint(&error).is_some_and(|complaint| is_about_data(complaint.code())) => {
                return self.settle(connection, Err(error)).await;
            }
            Err(error) => return Err(failure(error, self.context("write to"))),
        };
        let Outcome { refused, taken } = outcome;
        self.check_all_taken(taken, (trial.lines.len() - refused.len()) as u64)?;
        let told = refused.iter().map(|(line, why)| self.refuse_row(why, trial.lines.row(*line)));
        refusals.extend(told.collect::<Vec<_>>());
        self.settle(connection, Ok(())).await?;
        Ok(Some(refusals))
    }
}
