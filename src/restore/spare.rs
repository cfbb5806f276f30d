//! Rows that others added since and that shall be there after the way back too: taken aside, to be written again behind the
//! point's own.
//!
//! One idea: only what is proven to be all that others did is put back, so that nobody takes a changed row for a new one; and
//! whatever keeps a row from going back is found before anything is written.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use datafusion::arrow::{array::Array as _, record_batch::RecordBatch};

use super::{
    Identity, RestoreError, Result,
    definition::{differences, encoding, whole},
    file,
    filing::Filing,
    keep::Seal,
    manifest::{RowsKept, TableKept},
    preview::{Survey, Surveyed, Way},
    shelf::Shelf,
    sift::{Makes, Sieve, Sifted},
};
use crate::{
    model::{Recipient, RowEncoding, Table, TableDigest, buckets::short, cell_at, thousands},
    protocol::{Held, RestoreAct},
};

/// How many keys are told apart at once.
const AT_ONCE: u64 = 1 << 20;
/// How many keys are told.
const TOLD: usize = 3;

/// Rows of others that are in a table after the way back.
#[derive(Clone, Debug)]
pub(super) struct Spared {
    pub(super) digest: TableDigest,
    /// None, where they are there again already.
    pub(super) taken: Option<Taken>,
}

/// Rows that were taken aside.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) folder: PathBuf,
    pub(super) rows: RowsKept,
    /// Who can read them, as long as this process lives.
    pub(super) identities: Vec<Identity>,
}

/// Under which name they lie beside what the point keeps; whoever is cut off leaves them there.
pub(super) fn aside(point: &str) -> String {
    format!("{point}.others")
}

/// Where they are in the meantime; gone with this.
pub(super) struct Aside {
    shelf: Shelf,
    name: String,
}

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = self.shelf.remove(&self.name);
    }
}

/// Takes the rows that others added aside, table by table. Nothing of the destination changes; an error says which tables
/// keep it from being done, and why.
pub(super) async fn spare(
    way: &Way,
    makes: &dyn Makes,
    recipient: Option<Recipient>,
    survey: &mut Survey,
) -> Result<Aside> {
    let shelf = Shelf::of(&way.ledger);
    let aside = Aside { name: aside(&survey.point.name), shelf };
    let folder = aside.shelf.begin(&aside.name)?;
    let seal = Seal::of(recipient);
    let (mut spared, mut refusals) = (BTreeMap::new(), Vec::new());
    let sieve = Sieve::of(way, makes, survey).await?;
    for (place, table) in sieve.tables().enumerate() {
        let name = &table.kept.name;
        let own = encoding(&table.as_read(&*way.destination).unwrap_or_default().columns, &*way.destination);
        let filing = Filing::new(folder.clone(), format!("{place:04}.arrow"), seal.recipients.clone(), own.clone());
        let why = match unfit(table) {
            Some(why) => Some(why),
            None => match sieve.sift(table, filing).await? {
                Err(why) => Some(why),
                Ok(Sifted { besides: Some(besides), .. }) => Some(besides),
                Ok(sifted) => {
                    let rows = tokio::task::spawn_blocking(move || sifted.taker.finish()).await??;
                    let Some(rows) = rows else { continue };
                    let Some(digest) = rows.digest.clone() else { continue };
                    let one = Taken { folder: folder.clone(), rows, identities: seal.own.clone() };
                    verify(&one, own).await?;
                    let why = clashes(way, survey, table, &one).await?;
                    spared.insert(name.clone(), Spared { digest, taken: Some(one) });
                    why
                }
            },
        };
        refusals.extend(why.map(|why| format!("{name}: {why}")));
    }
    if !refusals.is_empty() {
        return Err(RestoreError::NotSpared(refusals));
    }
    for table in &mut survey.tables {
        table.spared = spared.remove(&table.kept.name).or(table.spared.take());
    }
    Ok(aside)
}

/// Why no row can go back into the table, whatever it is.
fn unfit(table: &Surveyed) -> Option<String> {
    match table.act {
        RestoreAct::Drop => return Some("the run made it, and it goes as a whole".to_owned()),
        RestoreAct::File => return Some("it is a file, which is put back as it was".to_owned()),
        RestoreAct::Undo => return Some("others changed rows that the run wrote".to_owned()),
        RestoreAct::Nothing | RestoreAct::Empty | RestoreAct::Reload | RestoreAct::Create => {}
    }
    let (was, now) = (table.kept.definition.as_ref()?, table.now.as_ref()?);
    let changed = differences(was, now);
    (!changed.is_empty()).then(|| format!("it is defined otherwise since: {}", changed.join(", ")))
}

async fn verify(spared: &Taken, own: RowEncoding) -> Result<()> {
    let spared = spared.clone();
    let verify = move || file::verify(&spared.folder, &spared.rows, &own, &spared.identities);
    tokio::task::spawn_blocking(verify).await?
}

/// Which keys of them the point's own rows have, in a sentence.
async fn clashes(way: &Way, survey: &Survey, table: &Surveyed, spared: &Taken) -> Result<Option<String>> {
    let Some(definition) = &table.kept.definition else { return Ok(None) };
    let read = whole(definition, &*way.destination);
    let Some(rows) = table.kept.rows.clone().filter(|_| table.kept.held == Held::Rows) else { return Ok(None) };
    let keys = [&definition.key].into_iter().chain(&definition.unique).filter(|key| !key.is_empty());
    let keys: Vec<Key> = keys.map(|key| Key::of(&read, key, way)).collect();
    let (own, identities, spared) = (survey.folder.clone(), way.identities.clone(), spared.clone());
    let look = move || {
        for key in &keys {
            let taken = key.taken(&spared, (&own, &rows, &identities))?;
            if !taken.is_empty() {
                let taken = taken.join("; ");
                return Ok(Some(format!("rows of the restore point have keys of rows that others added ({taken})")));
            }
        }
        Ok(None)
    };
    tokio::task::spawn_blocking(look).await?
}

/// Columns whose values no two rows share.
struct Key {
    columns: Vec<String>,
    encoding: RowEncoding,
}

impl Key {
    fn of(table: &Table, key: &[String], way: &Way) -> Self {
        let columns = key.iter().filter_map(|name| table.column(name));
        Self { columns: key.to_vec(), encoding: encoding(columns, &*way.destination) }
    }

    /// The first few keys that both have.
    fn taken(
        &self,
        spared: &Taken,
        (folder, rows, identities): (&Path, &RowsKept, &[Identity]),
    ) -> Result<Vec<String>> {
        let parts = u128::from(spared.rows.rows().div_ceil(AT_ONCE).max(1));
        let mut taken = Vec::new();
        for part in 0..parts {
            let mut others = HashMap::new();
            file::read(&spared.folder, &spared.rows, &spared.identities, |batch| {
                self.each(&batch, |row, key| {
                    if key % parts == part {
                        others.insert(key, self.words(&batch, row));
                    }
                });
                true
            })?;
            file::read(folder, rows, identities, |batch| {
                self.each(&batch, |_, key| {
                    if taken.len() < TOLD {
                        taken.extend(others.remove(&key));
                    }
                });
                taken.len() < TOLD
            })?;
        }
        Ok(taken)
    }

    /// Each row that has a key: NULL is like nothing.
    fn each(&self, batch: &RecordBatch, mut take: impl FnMut(usize, u128)) {
        let arrays: Vec<_> = self.columns.iter().filter_map(|name| batch.column_by_name(name)).collect();
        self.encoding.each(batch, |row, key| {
            if arrays.iter().all(|array| array.is_valid(row)) {
                take(row, short(&key));
            }
        });
    }

    fn words(&self, batch: &RecordBatch, row: usize) -> String {
        let cell = |name: &String| {
            let array = batch.column_by_name(name)?;
            Some(format!("{name} = {}", crate::model::clip(&cell_at(array, row).display(), 40)))
        };
        self.columns.iter().filter_map(cell).collect::<Vec<_>>().join(", ")
    }
}

impl Surveyed {
    /// How many rows of others are there when it is gone back.
    pub(super) fn spared_rows(&self) -> u64 {
        self.spared.as_ref().map_or(0, |spared| spared.digest.sum.rows)
    }
}

/// What is to be known of rows of others that go back.
pub(super) fn remark(table: &TableKept, rows: u64) -> String {
    format!("{}: {} row(s) that others added are put back behind its own", table.name, thousands(rows))
}
