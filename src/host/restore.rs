//! Restore points, made for runs and gone back to for whoever asks.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Local};
use datafusion::arrow::record_batch::RecordBatch;
use tokio::sync::watch;

use super::{Workbench, making::Maker};
use crate::{
    endpoint::{Destination, EndpointError, Source, open_source},
    engine::{Journal, Precaution, now_ms},
    ledger::{Ledger, NewPoint, RunRecord},
    model::{Cell, Recipient},
    plan::{HIDDEN, Mapping, Plan, RestoreOptions, SidePlan},
    protocol::{
        Drill, Event, Fate, Held, OthersExport, Outcome, PointMade, PointState, Restoration, RestorePoint,
        RestorePreview, RestoreProgress, RestoreStep, Secret, SideName,
    },
    restore::{self, Export, Identity, Journalled, Keeping, Kept, Order, Purging, RestoreError, Wanted, Way},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Makes a restore point before a run's first write, unless the plan does without.
pub(super) struct Keeper {
    ledger: Ledger,
    destination: Arc<dyn Destination>,
    side: SidePlan,
    base: PathBuf,
    password: Option<Secret>,
    options: RestoreOptions,
    told: watch::Sender<RestoreProgress>,
}

#[async_trait]
impl Precaution for Keeper {
    async fn take(&self, run: &RunRecord, tables: &[&Mapping]) -> Result<Event, String> {
        if !self.options.points {
            let message =
                "NO WAY BACK: the plan says [restore] points = false, so no restore point was made".to_owned();
            return Ok(Event::Remark { message });
        }
        let cleared = restore::clear_drills(&self.ledger, &*self.destination, &run.plan_key).await;
        cleared.map_err(|error| error.to_string())?;
        self.told.send_replace(RestoreProgress::default());
        let kept = self.keep(run, tables).await;
        self.told.send_modify(|progress| progress.step = RestoreStep::Done);
        kept.map(Event::RestorePointMade).map_err(|error| error.to_string())
    }

    async fn journal(&self, run: &RunRecord, mapping: &Mapping) -> Result<Option<Box<dyn Journal>>, EndpointError> {
        let Some(kept) = Journalled::of(&self.ledger, run, &mapping.to.name).await? else { return Ok(None) };
        let journal = kept.journal(&*self.destination, self.copy().await?, recipient(&self.options));
        Ok(journal.map(|journal| Box::new(journal) as Box<dyn Journal>))
    }
}

#[async_trait]
impl Journal for restore::Journal {
    async fn took(&mut self, rows: &RecordBatch) -> Result<(), EndpointError> {
        Ok(restore::Journal::took(self, rows).await?)
    }

    async fn close(&mut self) -> Result<Option<String>, EndpointError> {
        Ok(restore::Journal::close(self).await?)
    }

    fn abandon(&mut self) {
        restore::Journal::abandon(self);
    }
}

impl Keeper {
    /// The destination, opened to be read.
    async fn copy(&self) -> Result<Arc<dyn Source>, EndpointError> {
        let password = self.password.as_ref().map(|secret| secret.0.as_str());
        open_source(&self.side, &self.base, password).await
    }

    async fn keep(&self, run: &RunRecord, tables: &[&Mapping]) -> Result<PointMade, RestoreError> {
        let copy = match tables.iter().any(|mapping| mapping.exists) {
            true => Some(self.copy().await?),
            false => None,
        };
        let made_ms = now_ms();
        let new = NewPoint {
            run: run.id.clone(),
            plan_key: run.plan_key.clone(),
            plan_name: run.plan_name.clone(),
            plan_digest: run.plan_digest.clone(),
            plan_text: run.plan_text.clone(),
            made_ms,
            until_ms: until(made_ms, &self.options),
            by: run.by.clone(),
            before: None,
        };
        let keeping = Keeping {
            ledger: &self.ledger,
            destination: &*self.destination,
            copy,
            address: self.side.url.clone(),
            new,
            max_gb: self.options.max_gb,
            recipient: recipient(&self.options),
            day: day(made_ms),
            told: self.told.clone(),
        };
        let wanted: Vec<Wanted> = tables.iter().map(|mapping| Wanted::of(mapping)).collect();
        let kept = restore::keep(&keeping, &wanted).await?;
        if let Some(copy) = keeping.copy.filter(|_| self.options.drill) {
            self.drill(run, &kept, copy).await?;
        }
        let manifest = kept.manifest;
        Ok(PointMade {
            tables: manifest.tables.len() as u64,
            rows: manifest.rows(),
            bytes: manifest.bytes(),
            until_ms: manifest.until_ms,
            name: manifest.name,
        })
    }
}

impl Keeper {
    /// Tries the way back before the run has written anything.
    async fn drill(&self, run: &RunRecord, kept: &Kept, copy: Arc<dyn Source>) -> Result<(), RestoreError> {
        let way = Way {
            ledger: self.ledger.clone(),
            destination: self.destination.clone(),
            copy,
            address: self.side.url.clone(),
            by: run.by.clone(),
            now_ms: now_ms(),
            identities: kept.identities.clone(),
        };
        let point = kept.manifest.name.clone();
        let drill = restore::drill_locked(&way, &point, &self.told).await?;
        if drill.outcome == Outcome::Passed {
            return Ok(());
        }
        let tables = drill.tables.iter();
        let differs = tables.flat_map(|table| table.differs.iter().map(|what| format!("{}: {what}", table.table)));
        Err(RestoreError::NoWayBack { point, why: differs.chain(drill.remarks).collect() })
    }
}

fn until(made_ms: u64, options: &RestoreOptions) -> u64 {
    made_ms + u64::from(options.keep_days) * DAY_MS
}

fn recipient(options: &RestoreOptions) -> Option<Recipient> {
    options.recipient.as_deref().and_then(Recipient::parse)
}

/// The keys of whoever goes back.
fn identities(file: Option<&Path>) -> Result<Vec<Identity>, RestoreError> {
    file.map_or(Ok(Vec::new()), Identity::read)
}

/// On this host's clock.
fn day(at_ms: u64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms as i64).unwrap_or_default().with_timezone(&Local);
    at.format("%Y_%m_%d").to_string()
}

impl Workbench {
    /// What makes a restore point for a run of the plan.
    pub(super) async fn keeper(&self) -> Result<Arc<dyn Precaution>, EndpointError> {
        let (side, base, password) = self.side(SideName::Destination).await?;
        let options = self.restore_options().await;
        let (ledger, destination) = (self.ledger().clone(), self.destination().await?);
        let told = self.keeping.clone();
        Ok(Arc::new(Keeper { ledger, destination, side, base, password, options, told }))
    }

    /// How far a restore point is that is made before a run, from now on.
    pub fn keeping(&self) -> watch::Receiver<RestoreProgress> {
        self.keeping.subscribe()
    }

    async fn restore_options(&self) -> RestoreOptions {
        let plan: Option<Plan> = self.read(None).await.ok().map(|(_, plan)| plan);
        plan.map(|plan| plan.restore).unwrap_or_default()
    }

    /// The restore points of this plan, or of this host, the latest first.
    pub async fn restore_points(&self, all: bool) -> Result<Vec<RestorePoint>, RestoreError> {
        let key = self.plan_key().await;
        restore::shown(self.ledger(), (!all).then_some(key.as_str()), now_ms()).await
    }

    /// What going back to this restore point would do; the file's keys read what is encrypted, which is needed where only
    /// some rows of a table were kept.
    pub async fn restore_preview(&self, name: &str, identity: Option<&Path>) -> Result<RestorePreview, RestoreError> {
        let way = self.way(name, identities(identity)?).await?;
        let mut preview = Box::pin(restore::preview(&way, &Maker::of(self), name)).await?;
        let masks = self.masks().await;
        for table in &mut preview.tables {
            let Some(private) = masks.table(&table.table) else { continue };
            let cells = table.shown.iter_mut().flat_map(|shown| shown.rows.iter_mut().flatten());
            cells.filter(|cell| private.holds(&cell.name)).for_each(|named| named.cell = Cell::text(HIDDEN));
        }
        Ok(preview)
    }

    /// Writes what others wrote since the restore point to files in the folder, values of private columns only where these
    /// are asked for. Nothing of the destination changes.
    pub async fn export_others(
        &self,
        name: &str,
        folder: &Path,
        (with_private, identity): (bool, Option<&Path>),
    ) -> Result<OthersExport, RestoreError> {
        let way = self.way(name, identities(identity)?).await?;
        let masks = self.masks().await;
        let hides = |table: &str, column: &str| {
            !with_private && masks.table(table).is_some_and(|private| private.holds(column))
        };
        let export = Export { name: name.to_owned(), folder: folder.to_owned(), hides: &hides };
        Box::pin(restore::export_others(&way, &Maker::of(self), &export)).await
    }

    /// Goes back to this restore point, whose name was typed so; the file's keys read what is encrypted.
    pub async fn restore(
        &self,
        name: &str,
        typed: &str,
        (others, identity): (Fate, Option<&Path>),
        progress: &watch::Sender<RestoreProgress>,
    ) -> Result<Restoration, RestoreError> {
        if typed != name {
            return Err(RestoreError::NotTyped { name: name.to_owned(), typed: typed.to_owned() });
        }
        let way = self.way(name, identities(identity)?).await?;
        let options = self.restore_options().await;
        let order = Order {
            name: name.to_owned(),
            others,
            until_ms: until(way.now_ms, &options),
            max_gb: options.max_gb,
            recipient: recipient(&options),
            day: day(way.now_ms),
        };
        let restored = Box::pin(restore::restore(&way, &Maker::of(self), &order, progress)).await;
        self.forget().await;
        restored
    }

    /// Tries the way back to this restore point on scratch tables, of which none stays.
    pub async fn drill(
        &self,
        name: &str,
        identity: Option<&Path>,
        progress: &watch::Sender<RestoreProgress>,
    ) -> Result<Drill, RestoreError> {
        let way = self.way(name, identities(identity)?).await?;
        Box::pin(restore::drill(&way, name, progress)).await
    }

    /// Tables of which a restore point that stands knows only what its run wrote.
    pub(super) async fn journalled(&self) -> Result<Vec<String>, RestoreError> {
        let mut journalled = Vec::new();
        for point in self.restore_points(false).await? {
            let taken_back = self.ledger().snapshot(&point.run).await?.taken_back.is_some();
            if point.before.is_none() && point.state != PointState::Purged && !taken_back {
                let held = point.tables.into_iter().filter(|table| table.held == Held::Journal);
                journalled.extend(held.map(|table| table.table));
            }
        }
        Ok(journalled)
    }

    /// Takes restore points off this host: those whose time is over, or one.
    pub async fn purge(&self, name: Option<String>, typed: String) -> Result<Vec<String>, RestoreError> {
        let purging = name.map_or(Purging::Expired, |name| Purging::One { name, typed });
        restore::purge(self.ledger(), &purging, now_ms(), self.by()).await
    }

    async fn way(&self, name: &str, identities: Vec<Identity>) -> Result<Way, RestoreError> {
        let point = self.ledger().point(name).await?;
        if point.new.plan_key != self.plan_key().await {
            let plan = &point.new.plan_key;
            return Err(RestoreError::Refused(vec![format!("restore point {name} is of {plan}: open that plan")]));
        }
        let (side, ..) = self.side(SideName::Destination).await?;
        Ok(Way {
            ledger: self.ledger().clone(),
            destination: self.destination().await?,
            copy: self.copy().await?,
            address: side.url,
            by: self.by().to_owned(),
            now_ms: now_ms(),
            identities,
        })
    }
}
