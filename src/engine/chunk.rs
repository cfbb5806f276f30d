//! A chunk's rows on their way into the open transaction, and its commit.
//!
//! One idea: the ledger knows of a chunk before the destination has it and after, and of what the chunk takes the place of
//! before that is gone; so whatever dies in between, somebody can tell.

use datafusion::arrow::{
    array::BooleanArray, compute::filter_record_batch, error::ArrowError, record_batch::RecordBatch,
};

use super::{
    attempt::{AttemptError, Lane},
    rows::Faults,
    writing::Writing,
};
use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Mark, Refusal},
    ledger::{ChunkRecord, Ledger},
    model::{Fault, NamedCell, RowSum, RunId, batch_of},
    transform::{Applied, TransformError},
};

/// Pending in the ledger, then durable in the destination, then final in the ledger. When the commit's outcome is
/// unknown, the destination decides.
pub(super) async fn commit_chunk(
    ledger: &Ledger,
    destination: &dyn Destination,
    lane: &mut Lane,
    record: &ChunkRecord,
) -> Result<(), AttemptError> {
    let mark = &record.mark;
    let entry = match &mut lane.journal {
        Some(journal) => journal.close().await?,
        None => None,
    };
    ledger.chunk_pending(record, entry.as_deref(), super::now_ms()).await?;
    let committed = match &mut lane.loader {
        Some(loader) => loader.commit(mark).await,
        None => Err(EndpointError::new(ErrorKind::Lost, "cannot commit", "the connection is gone")),
    };
    if let Err(error) = committed {
        lane.loader = None;
        return match settle(ledger, destination, &lane.writing, mark).await? {
            true => Ok(()),
            false => Err(error.into()),
        };
    }
    ledger.chunk_committed(&mark.run, &mark.table, mark.chunk).await?;
    Ok(())
}

/// Asks the destination whether a pending chunk stands, and keeps what it says.
pub(super) async fn settle(
    ledger: &Ledger,
    destination: &dyn Destination,
    writing: &Writing,
    mark: &Mark,
) -> Result<bool, AttemptError> {
    let stands = writing.stands(destination, mark).await.map_err(AttemptError::Unsure)?;
    match stands {
        true => ledger.chunk_committed(&mark.run, &mark.table, mark.chunk).await?,
        false => ledger.chunk_void(&mark.run, &mark.table, mark.chunk).await?,
    }
    Ok(stands)
}

/// The digest of a row that was written, or why it was not.
pub(super) type Tried = Result<RowSum, Box<Fault>>;

/// Takes one row, given as source cells, through transform and loader into the open chunk; the fault if it fails.
pub(super) async fn write_row(
    run: &RunId,
    lane: &mut Lane,
    row: u64,
    cells: &[NamedCell],
) -> Result<Tried, AttemptError> {
    let mapping = lane.mapping.clone();
    let made = Faults { run, mapping: &mapping };
    let batch = match batch_of(&mapping.from, cells) {
        Ok(batch) => batch,
        Err(error) => return Ok(Err(made.unusable(row, cells.to_vec(), error).into())),
    };
    let (mut applied, digest) = transform(lane, &batch).await?;
    if let Some(failed) = applied.faults.pop() {
        return Ok(Err(made.transformed(row, cells.to_vec(), failed).into()));
    }
    if applied.batch.num_rows() == 0 {
        return Ok(Err(made.left_out(row, cells.to_vec()).into()));
    }
    let Some(loader) = &mut lane.loader else {
        return Err(EndpointError::new(ErrorKind::Lost, "cannot write a row", "the connection is gone").into());
    };
    match loader.write(&applied.batch).await?.pop() {
        Some(refusal) => Ok(Err(made.refused(row, cells.to_vec(), &applied.batch, refusal).into())),
        None => {
            journal_rows(lane, &applied.batch, &[]).await?;
            Ok(Ok(digest))
        }
    }
}

/// Has the journal keep what the rows of the batch take the place of that the destination took.
pub(super) async fn journal_rows(
    lane: &mut Lane,
    batch: &RecordBatch,
    refused: &[Refusal],
) -> Result<(), AttemptError> {
    let Some(journal) = lane.journal.as_mut().filter(|_| refused.len() < batch.num_rows()) else { return Ok(()) };
    if refused.is_empty() {
        return Ok(journal.took(batch).await?);
    }
    let taken = |row: usize| refused.binary_search_by_key(&row, |refusal| refusal.row).is_err();
    let taken: BooleanArray = (0..batch.num_rows()).map(|row| Some(taken(row))).collect();
    let taken = filter_record_batch(batch, &taken);
    let failed = |error: ArrowError| EndpointError::new(ErrorKind::Other, "cannot tell rows apart", error.to_string());
    Ok(journal.took(&taken.map_err(failed)?).await?)
}

/// The rows as the destination gets them, and their digest. Off the async threads, which must stay free to answer.
fn transform(
    lane: &Lane,
    batch: &RecordBatch,
) -> impl Future<Output = Result<(Applied, RowSum), AttemptError>> + use<> {
    let (transform, encoding, batch) = (lane.transform.clone(), lane.encoding.clone(), batch.clone());
    let work = move || {
        let applied = transform.apply(&batch)?;
        let digest = encoding.sum(&applied.batch);
        Ok::<_, TransformError>((applied, digest))
    };
    async move { Ok(tokio::task::spawn_blocking(work).await??) }
}
