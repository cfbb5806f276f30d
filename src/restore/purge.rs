//! Restore points whose time is over, taken off this host.

use super::{RestoreError, Result, shelf::Shelf, spare::aside};
use crate::ledger::{Ledger, PointPhase, PointRecord};

/// Which are purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purging {
    /// All whose time is over.
    Expired,
    /// This one; before its time only if its name was typed.
    One { name: String, typed: String },
}

/// Takes the rows away, and puts on record that they are gone; returns the names. What a restore that was cut off needs
/// stays, and the way back of a run that can be gone on with.
pub async fn purge(ledger: &Ledger, purging: &Purging, now_ms: u64, by: &str) -> Result<Vec<String>> {
    let mut purged = Vec::new();
    let points = match purging {
        Purging::One { name, .. } => vec![ledger.point(name).await?],
        Purging::Expired => ledger.points(None).await?,
    };
    for point in points {
        if wants(purging, &point, now_ms)? {
            match (purging, wanted(ledger, &point).await?) {
                (_, None) => {}
                (Purging::Expired, Some(_)) => continue,
                (Purging::One { .. }, Some(why)) => return Err(why),
            }
            let shelf = Shelf::of(ledger);
            shelf.remove(&point.name)?;
            shelf.remove(&aside(&point.name))?;
            ledger.point_purged(&point.name, now_ms, by).await?;
            purged.push(point.name);
        }
    }
    Ok(purged)
}

fn wants(purging: &Purging, point: &PointRecord, now_ms: u64) -> Result<bool> {
    let expired = now_ms >= point.new.until_ms;
    match (purging, point.phase) {
        (Purging::Expired, phase) => Ok(phase == PointPhase::Ready && expired),
        (Purging::One { .. }, PointPhase::Purged) => Err(RestoreError::Purged(point.name.clone())),
        (Purging::One { .. }, PointPhase::Making) => Err(RestoreError::Unfinished(point.name.clone())),
        (Purging::One { typed, .. }, PointPhase::Ready) if !expired && *typed != point.name => {
            Err(RestoreError::NotTyped { name: point.name.clone(), typed: typed.clone() })
        }
        (Purging::One { .. }, PointPhase::Ready) => Ok(true),
    }
}

/// Why it has to stay: its own run is not over, and keeps in it what is still to be written over, or a restore uses it.
async fn wanted(ledger: &Ledger, point: &PointRecord) -> Result<Option<RestoreError>> {
    let name = point.name.clone();
    let unfinished = ledger.unfinished(&point.new.plan_key).await?.map(|run| run.id);
    Ok(match unfinished {
        Some(run) if run == point.new.run && point.new.before.is_none() => Some(RestoreError::RunOpen { name, run }),
        _ => is_in_use(ledger, &name).await?.then_some(RestoreError::InUse(name)),
    })
}

/// Whether a restore that is not over goes by it, or would go back to it.
async fn is_in_use(ledger: &Ledger, name: &str) -> Result<bool> {
    for point in ledger.points(None).await? {
        let restores = ledger.restores(&point.name).await?;
        let uses = |point: &str, before: &str| point == name || before == name;
        if restores.iter().any(|restore| restore.ended_ms.is_none() && uses(&restore.point, &restore.before)) {
            return Ok(true);
        }
    }
    Ok(false)
}
