//! Rows tried for a file: put into its form, and let go.

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;

use super::{
    dialect::Dialect,
    error::failure,
    folder::Folder,
    open as open_file,
    out::{Out, check_given, write_rows},
};
use crate::{
    endpoint::{Dry, DryLoader, EndpointError, ErrorKind, LoadOptions, Loader, Mark, Refusal, Result},
    model::Table,
};

struct Trial {
    table: String,
    dialect: Dialect,
    /// For each column of the file, the column of the batch that fills it.
    sources: Vec<Option<usize>>,
}

pub(super) fn open(folder: &Folder, table: &Table, dry: Dry, options: &LoadOptions) -> Result<DryLoader> {
    let (dialect, names) = match dry.exists {
        true => {
            let file = open_file(folder, &table.name)?;
            (file.dialect, file.columns.into_iter().map(|column| column.name).collect::<Vec<_>>())
        }
        false => {
            let path = folder.place_for(&table.name)?;
            (folder.dialect(&path), table.columns.iter().map(|column| column.name.clone()).collect())
        }
    };
    let source = |name: &String| options.columns.iter().position(|column| column == name);
    let sources = names.iter().map(source).collect();
    let loader = Trial { table: table.name.clone(), dialect, sources };
    let untold = vec![format!("records of {} were made and not written", table.name)];
    Ok(DryLoader { loader: Box::new(loader), apart: true, untold })
}

impl Trial {
    fn context(&self) -> String {
        format!("cannot write to {}", self.table)
    }
}

#[async_trait]
impl Loader for Trial {
    async fn begin(&mut self) -> Result<()> {
        Ok(())
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let missing = |message| EndpointError::new(ErrorKind::Other, self.context(), message);
        check_given(batch, &self.sources).map_err(missing)?;
        let written = write_rows(&self.dialect, batch, &self.sources, &mut Out::new(None, 0));
        written.map_err(|error| failure(&error, self.context()))
    }

    async fn empty(&mut self) -> Result<()> {
        Ok(())
    }

    async fn commit(&mut self, _mark: &Mark) -> Result<()> {
        Err(EndpointError::new(ErrorKind::Other, self.context(), "what is tried is never committed"))
    }

    async fn rollback(&mut self) -> Result<()> {
        Ok(())
    }
}
