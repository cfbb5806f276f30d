//! Rows of the source whose key is in the destination already.
//!
//! One idea: digests of keys are compared, as a validation does, so that what the two systems write differently is the same
//! key. What is held at once and how long is looked are bounded: it is a look before a run, and no proof.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    copied,
    kept::Kept,
    locate::key_encoding,
    reading::{Block, Extent, Reader, ValidateError, Visit},
    told::Told,
};
use crate::{
    binding::{Bound, encoding},
    endpoint::{Destination, Source},
    model::{
        Column,
        buckets::{HELD, short},
    },
};

/// So many rows, or so long, is looked.
const LOOKED_AT: u64 = 2_000_000;
const PATIENCE: Duration = Duration::from_secs(10);
/// So many keys are shown.
const SHOWN: usize = 5;

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collided {
    /// Rows of the source that were looked at.
    pub looked_at: u64,
    /// Of those, rows whose key is there.
    pub rows: u64,
    /// `id = 7`
    pub examples: Vec<String>,
    /// Every row was looked at.
    pub whole: bool,
}

/// Looks for keys of the source in the destination, of which `copy` is the same opened to be read. `None`: the mapping has
/// no key to look for, or the destination holds more rows than can be held.
pub async fn collisions(
    bound: &Bound,
    source: &dyn Source,
    copy: &dyn Source,
    destination: &dyn Destination,
) -> Result<Option<Collided>, ValidateError> {
    let mapping = &bound.mapping;
    let padding = |column: &Column| destination.padding(column);
    let (Some(transform), Some(key)) = (bound.transform.clone(), key_encoding(mapping, padding)) else {
        return Ok(None);
    };
    let there = destination.count(&mapping.to.name).await?;
    if there == 0 || there > HELD {
        return Ok((there == 0).then(|| Collided { whole: true, ..Collided::default() }));
    }
    let reader = Reader {
        snapshot: copy.snapshot().await?,
        table: Arc::new(copied(mapping, copy.system())),
        transform: None,
        encoding: Arc::new(encoding(mapping, destination)),
        key: Some(key),
        side: "destination",
        told: Arc::new(Told::nobody()),
    };
    let extent = Extent::Whole { chunk_rows: 50_000 };
    let keys = reader.show(&extent, Keys::default()).await?;
    let coming = Reader {
        snapshot: source.snapshot().await?,
        table: Arc::new(mapping.from.clone()),
        transform: Some(Arc::new(transform)),
        side: "source",
        ..reader
    };
    let look = Look {
        keys: keys.0,
        until: Instant::now() + PATIENCE,
        found: Collided::default(),
        finds_by: mapping.finds_by.clone(),
    };
    let mut look = coming.show(&extent, look).await?;
    look.found.whole = look.found.looked_at < LOOKED_AT && Instant::now() < look.until;
    Ok(Some(look.found))
}

#[derive(Default)]
struct Keys(HashSet<u128>);

impl Visit for Keys {
    fn visit(&mut self, block: Block) -> bool {
        self.0.extend(block.keys.iter().map(short));
        true
    }
}

struct Look {
    keys: HashSet<u128>,
    until: Instant,
    found: Collided,
    finds_by: Vec<String>,
}

impl Visit for Look {
    fn visit(&mut self, block: Block) -> bool {
        for (index, key) in block.keys.iter().enumerate() {
            self.found.looked_at += 1;
            if !self.keys.contains(&short(key)) {
                continue;
            }
            self.found.rows += 1;
            if self.found.examples.len() < SHOWN {
                let key = Kept::of(&block, index).cells.into_iter().filter(|cell| self.finds_by.contains(&cell.name));
                let key: Vec<String> = key.map(|cell| format!("{} = {}", cell.name, cell.cell.display())).collect();
                self.found.examples.push(key.join(", "));
            }
        }
        self.found.looked_at < LOOKED_AT && Instant::now() < self.until
    }
}
