//! One moment of a folder: the files as they were when it began, and an error if one is changed while it is read.

use std::{collections::BTreeMap, path::PathBuf};

use async_trait::async_trait;

use super::{
    error::blocking,
    file::{CsvFile, Place, Rows, Stamp},
    folder::Folder,
    is_bytes, open,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Outlet, Position, Range, Result, Snapshot, SourceBatch, Until},
    model::Table,
};

#[derive(Clone)]
pub(super) struct Moment {
    folder: Folder,
    stamps: BTreeMap<String, Stamp>,
}

impl Moment {
    pub(super) fn open(folder: Folder) -> Result<Self> {
        let stamp = |(table, path): (String, PathBuf)| Stamp::of(&path).map(|stamp| (table, stamp));
        let stamps = folder.tables()?.into_iter().map(stamp).collect::<Result<_>>()?;
        Ok(Self { folder, stamps })
    }

    /// The file, if it is still what it was.
    fn file(&self, table: &Table) -> Result<CsvFile> {
        let mut file = open(&self.folder, &table.name)?;
        let same = file.columns.iter().map(|column| &column.name).eq(table.columns.iter().map(|column| &column.name));
        if !same {
            return Err(changed(table));
        }
        self.unchanged(table, &file)?;
        // Only whoever asks knows that a column was written from bytes.
        for (column, asked) in file.columns.iter_mut().zip(&table.columns).filter(|(_, asked)| is_bytes(&asked.ty)) {
            column.ty.clone_from(&asked.ty);
        }
        Ok(file)
    }

    fn unchanged(&self, table: &Table, file: &CsvFile) -> Result<()> {
        match self.stamps.get(&table.name) {
            Some(stamp) if *stamp == Stamp::of(&file.path)? => Ok(()),
            _ => Err(changed(table)),
        }
    }

    fn next(&self, table: &Table, after: Option<Position>, rows: u64) -> Result<Option<Range>> {
        let file = self.file(table)?;
        let from = place(&file, after.as_ref())?;
        let follows = file.rows_from(from)?.has_next()?;
        Ok(follows.then_some(Range { after, until: Until::Rows(rows.max(1)) }))
    }

    fn begin(&self, table: &Table, range: &Range) -> Result<Reading> {
        let file = self.file(table)?;
        let rows = file.rows_from(place(&file, range.after.as_ref())?)?;
        let (left, until) = match &range.until {
            Until::Rows(rows) => (*rows, None),
            Until::End => (u64::MAX, None),
            Until::Position(until) => (u64::MAX, Some(Place::parse(until)?)),
        };
        let left = until.map_or(left, |until| until.record.saturating_sub(rows.at.record));
        Ok(Reading { rows, left, file })
    }
}

fn changed(table: &Table) -> EndpointError {
    let context = format!("cannot read {}", table.name);
    EndpointError::new(ErrorKind::Other, context, "its file was changed while it was being read; start a new run")
}

fn place(file: &CsvFile, after: Option<&Position>) -> Result<Place> {
    let Some(after) = after else { return Ok(file.start) };
    let place = Place::parse(after)?;
    if (file.start.offset..=Stamp::of(&file.path)?.size).contains(&place.offset) {
        return Ok(place);
    }
    let context = format!("cannot go on reading {}", file.path.display());
    Err(EndpointError::new(ErrorKind::Other, context, "the file is shorter than what was read of it before"))
}

struct Reading {
    file: CsvFile,
    rows: Rows,
    left: u64,
}

impl Reading {
    fn batch(&mut self, batch_bytes: usize) -> Result<Option<SourceBatch>> {
        let batch = self.rows.batch(self.left, batch_bytes)?;
        self.left -= batch.rows() as u64;
        Ok((batch.rows() > 0).then_some(batch))
    }
}

#[async_trait]
impl Snapshot for Moment {
    async fn next_range(&self, table: &Table, after: Option<&Position>, rows: u64) -> Result<Option<Range>> {
        let (moment, table, after) = (self.clone(), table.clone(), after.cloned());
        blocking(move || moment.next(&table, after, rows)).await
    }

    async fn read(&self, table: &Table, range: &Range, batch_bytes: usize, out: Outlet) -> Result<Option<Position>> {
        let (moment, table, range) = (self.clone(), table.clone(), range.clone());
        let mut reading = {
            let (moment, table) = (moment.clone(), table.clone());
            blocking(move || moment.begin(&table, &range)).await?
        };
        loop {
            let step = move || {
                let batch = reading.batch(batch_bytes)?;
                Ok((reading, batch))
            };
            let (next, batch) = blocking(step).await?;
            reading = next;
            let Some(batch) = batch else { break };
            if out.send(batch).await.is_err() {
                return Ok(Some(reading.rows.at.position()));
            }
            out.settle().await;
        }
        blocking(move || {
            moment.unchanged(&table, &reading.file)?;
            Ok(reading.rows.has_next()?.then(|| reading.rows.at.position()))
        })
        .await
    }
}
