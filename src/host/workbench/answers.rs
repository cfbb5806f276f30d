//! Every question of a console, and which room answers it.

use std::path::Path;

use super::{Told, Workbench, migrations, told};
use crate::{
    plan::Document,
    protocol::{Answer, Ask, ReviewItem},
};

impl Workbench {
    /// Everything but [`Ask::Start`] and [`Ask::Restore`], which are the host's own. An error is a sentence with what to do next.
    pub async fn answer(&self, ask: Ask) -> Told<Answer> {
        match ask {
            Ask::Migrations => Ok(Answer::Migrations(self.migrations().await?)),
            Ask::Open { path } => self.open(Document::load(path).map_err(|error| error.to_string())?).await,
            Ask::New(new) => self.open(migrations::create(&self.folder, &new)?).await,
            Ask::Plan => Ok(self.plan_answer().await),
            Ask::Save { text } => self.save(text).await,
            Ask::Connect { side, password } => self.connect(side, password).await,
            Ask::Tables { side } => {
                let tables = self.catalog(side).await?.tables().await;
                Ok(Answer::Tables(tables.map_err(|error| told(&error))?))
            }
            Ask::Describe { side, table } => {
                let table = self.catalog(side).await?.describe(&table).await;
                Ok(Answer::Table(Box::new(table.map_err(|error| told(&error))?)))
            }
            Ask::Count { side, table } => {
                Ok(Answer::Count(self.catalog(side).await?.count(&table).await.map_err(|error| told(&error))?))
            }
            Ask::Preview { side, table, spot, limit } => self.preview(side, &table, &spot, limit).await,
            Ask::Mapping { table, text } => Ok(Answer::Mapping(Box::new(self.mapping(&table, text).await?))),
            Ask::Trial { table, text, offset, limit } => {
                Ok(Answer::Trial(self.trial(&table, text, offset, limit).await?))
            }
            Ask::Select { tables, selected } => self.select(tables, selected).await,
            Ask::Check => Ok(Answer::Checks(self.check().await)),
            Ask::Start { .. } => Err("a run is started by the host".into()),
            Ask::Review { run } => {
                Ok(Answer::Review(self.review(run).await?.into_iter().map(ReviewItem::told).collect()))
            }
            Ask::PreviewFix { faults, fix } => Ok(Answer::FixPreview(Box::new(self.preview_fix(&faults, fix).await?))),
            Ask::RetryMany { faults, fix } => Ok(Answer::Retried(Box::new(self.retry_fixed(faults, fix).await?))),
            Ask::StopRetrying => {
                self.stop_retrying();
                Ok(Answer::Done)
            }
            Ask::RestorePoints { all } => {
                Ok(Answer::RestorePoints(self.restore_points(all).await.map_err(|error| error.to_string())?))
            }
            Ask::RestorePreview { name } => {
                let preview = self.restore_preview(&name, None).await.map_err(|error| error.to_string())?;
                Ok(Answer::RestorePreview(Box::new(preview)))
            }
            Ask::Restore { .. } => Err("the way back is gone by the host".into()),
            Ask::ExportOthers { name, folder, identity } => {
                let how = (false, identity.as_deref().map(Path::new));
                let exported = self.export_others(&name, Path::new(&folder), how).await;
                Ok(Answer::OthersExported(Box::new(exported.map_err(|error| error.to_string())?)))
            }
            Ask::Purge { name, typed } => {
                Ok(Answer::Purged(self.purge(name, typed).await.map_err(|error| error.to_string())?))
            }
            Ask::Validate | Ask::StopValidation => Err("a validation is started by the host".into()),
            Ask::ReviewSample(_) => Err("samples are reviewed by the host".into()),
            Ask::Profile { .. } | Ask::StopProfile => Err("a profile is begun by the host".into()),
            Ask::Profiled { side, table } => Ok(Answer::Profile(self.profiled(side, &table).await.map(Box::new))),
            Ask::Functions => Ok(Answer::Functions(crate::transform::function_names())),
            Ask::Log => Ok(Answer::Log { facts: self.last_facts().await?, lines: self.last_lines().await }),
            Ask::Validation => Ok(Answer::Validation(self.last_validation().await)),
            Ask::ValidatedTable { table } => Ok(Answer::ValidatedTable(Box::new(self.validated_table(&table).await?))),
            Ask::Act { fault, action } => Ok(Answer::Acted(Box::new(self.act(&fault, action).await?.told()))),
        }
    }
}
