//! The most frequent values, in constant memory.
//!
//! One idea: counters for so many values; when they are used up, all give as much as the middle one has, and those that
//! have nothing left make room. What was given in all is the most by which a count can be too low, and no value that is
//! more frequent than that can be missing.

use std::collections::HashMap;

#[derive(Clone, Debug)]
struct Counter<T> {
    shown: T,
    rows: u64,
}

/// Values by their hashes, each with what is shown of it.
#[derive(Clone, Debug)]
pub(super) struct Counters<T> {
    room: usize,
    counters: HashMap<u64, Counter<T>>,
    given: u64,
}

impl<T: Clone + Ord> Counters<T> {
    /// Exact up to `room` different values.
    pub(super) fn new(room: usize) -> Self {
        Self { room: room.max(2), counters: HashMap::new(), given: 0 }
    }

    pub(super) fn take(&mut self, hash: u64, shown: impl FnOnce() -> T) {
        if let Some(counter) = self.counters.get_mut(&hash) {
            counter.rows += 1;
            return;
        }
        if self.counters.len() >= self.room {
            self.make_room();
        }
        self.counters.insert(hash, Counter { shown: shown(), rows: 1 });
    }

    fn make_room(&mut self) {
        let mut rows: Vec<u64> = self.counters.values().map(|counter| counter.rows).collect();
        let middle = rows.len() / 2;
        let (_, gives, _) = rows.select_nth_unstable(middle);
        let gives = *gives;
        self.given += gives;
        self.counters.retain(|_, counter| {
            counter.rows = counter.rows.saturating_sub(gives);
            counter.rows > 0
        });
    }

    /// By how much a count that is told can be too high.
    pub(super) fn error(&self) -> u64 {
        self.given
    }

    /// The most frequent `most`, with the most that each can have; those only that are surely more frequent than one that
    /// might be missing.
    pub(super) fn told(&self, most: usize) -> Vec<(T, u64)> {
        let sure = |counter: &&Counter<T>| self.given == 0 || counter.rows > self.given;
        let mut told: Vec<(T, u64)> = self
            .counters
            .values()
            .filter(sure)
            .map(|counter| (counter.shown.clone(), counter.rows + self.given))
            .collect();
        told.sort_by(|(left, many), (right, more)| more.cmp(many).then_with(|| left.cmp(right)));
        told.truncate(most);
        told
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn exact(values: &[u64]) -> BTreeMap<u64, u64> {
        let mut counts = BTreeMap::new();
        values.iter().for_each(|value| *counts.entry(*value).or_default() += 1);
        counts
    }

    proptest! {
        #[test]
        fn counts_are_never_too_low_and_too_high_by_no_more_than_said(
            values in proptest::collection::vec(prop_oneof![3 => 0u64..5, 2 => 0u64..400], 0..3_000), room in 4usize..80,
        ) {
            let mut counters = Counters::new(room);
            values.iter().for_each(|value| counters.take(*value, || *value));
            let exact = exact(&values);
            let told = counters.told(usize::MAX);
            for (value, rows) in &told {
                let really = exact[value];
                prop_assert!(*rows >= really && rows - counters.error() <= really, "{value}: {rows} of {really}");
            }
            // What is more frequent than the error allows is among them.
            for (value, rows) in exact.iter().filter(|(_, rows)| **rows > 2 * counters.error()) {
                prop_assert!(told.iter().any(|(there, _)| there == value), "{value} with {rows} is missing");
            }
            prop_assert!(counters.error() <= 2 * values.len() as u64 / room as u64 + 1);
        }

        #[test]
        fn few_values_are_counted(values in proptest::collection::vec(0u64..50, 0..2_000)) {
            let mut counters = Counters::new(50);
            values.iter().for_each(|value| counters.take(*value, || *value));
            let told: BTreeMap<u64, u64> = counters.told(usize::MAX).into_iter().collect();
            prop_assert_eq!((told, counters.error()), (exact(&values), 0));
        }
    }

    #[test]
    fn of_values_that_are_all_different_none_stands_out() {
        let mut counters = Counters::new(16);
        (0..1_000u64).for_each(|value| counters.take(value, || value));
        assert_eq!(counters.told(10), Vec::new());
        (0..2_000).for_each(|_| counters.take(7, || 7));
        assert_eq!(counters.told(10)[0].0, 7);
    }
}
