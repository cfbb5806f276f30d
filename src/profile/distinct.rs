//! How many different values there are, in constant memory: the least hashes that were seen.
//!
//! One idea: of values hashed evenly over 64 bits, the k least hashes are as good as all: while there are fewer, they are
//! counted; and where the k-th lies says how densely the others lie. The standard error is 1 / sqrt(k - 2).

use crate::protocol::Distinct;

#[derive(Clone, Debug)]
pub(super) struct LeastHashes {
    /// How many are kept.
    least: usize,
    /// Twice as many at most; sorted and cut when full.
    hashes: Vec<u64>,
    /// No hash above this is among the least.
    bound: u64,
    cut: bool,
}

impl LeastHashes {
    /// Exact up to `least` different values.
    pub(super) fn new(least: usize) -> Self {
        Self { least: least.max(16), hashes: Vec::new(), bound: u64::MAX, cut: false }
    }

    pub(super) fn take(&mut self, hash: u64) {
        if hash > self.bound {
            return;
        }
        self.hashes.push(hash);
        if self.hashes.len() >= 2 * self.least {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        if self.hashes.len() > self.least {
            self.hashes.truncate(self.least);
            self.cut = true;
        }
        if self.cut && self.hashes.len() == self.least {
            self.bound = self.hashes.last().copied().unwrap_or(u64::MAX);
        }
    }

    pub(super) fn told(&mut self) -> Distinct {
        self.settle();
        let kept = self.hashes.len();
        if !self.cut {
            return Distinct { values: kept as u64, error_percent: None };
        }
        let share = (self.bound as f64 + 1.0) / (u64::MAX as f64 + 1.0);
        let values = ((kept - 1) as f64 / share).round().max(kept as f64) as u64;
        Distinct { values, error_percent: Some(100.0 / ((kept - 2) as f64).sqrt()) }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use proptest::prelude::*;

    use super::*;

    fn hash(value: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn few_are_counted(values in proptest::collection::vec(0u64..200, 0..2_000)) {
            let mut least = LeastHashes::new(256);
            values.iter().for_each(|value| least.take(hash(*value)));
            let exact: std::collections::BTreeSet<&u64> = values.iter().collect();
            prop_assert_eq!(least.told(), Distinct { values: exact.len() as u64, error_percent: None });
        }

        #[test]
        fn many_are_estimated_within_five_standard_errors(count in 2_000u64..60_000, salt in any::<u64>(), again in 1u64..4) {
            let mut least = LeastHashes::new(1_024);
            for value in (0..count).cycle().take((count * again) as usize) {
                least.take(hash(value ^ salt));
            }
            let told = least.told();
            let error = told.error_percent.unwrap() / 100.0;
            let off = (told.values as f64 - count as f64).abs() / count as f64;
            prop_assert!(off < 5.0 * error, "{count}: {told:?}");
            prop_assert!((error - 0.0313).abs() < 0.001, "{error}");
        }
    }

    #[test]
    fn exactly_as_many_as_are_kept_are_counted() {
        let mut least = LeastHashes::new(100);
        (0..100).cycle().take(1_000).for_each(|value| least.take(hash(value)));
        assert_eq!(least.told(), Distinct { values: 100, error_percent: None });
        least.take(hash(100));
        assert!(least.told().error_percent.is_some());
    }
}
