//! How often each key comes, in constant memory.
//!
//! One idea: where there are too many to follow all, those are followed whose hash ends in so many zeros, and of these
//! every row is counted. So which key is followed does not depend on when it comes: what is said of these keys is exact, and
//! one in so many of all.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// Keys that are followed at once; some 10 MB.
pub(super) const ROOM: usize = 1 << 18;

#[derive(Clone, Debug)]
pub(super) struct Keys {
    room: usize,
    /// So many zeros a hash must end in.
    zeros: u32,
    rows: HashMap<u64, u32>,
}

impl Keys {
    pub(super) fn new(room: usize) -> Self {
        Self { room: room.max(1), zeros: 0, rows: HashMap::new() }
    }

    fn follows(&self, hash: u64) -> bool {
        hash.trailing_zeros() >= self.zeros
    }

    /// How many rows have had this key, with this one; nothing where the key is not followed.
    pub(super) fn take(&mut self, hash: u64) -> Option<u32> {
        if !self.follows(hash) {
            return None;
        }
        let rows = self.rows.entry(hash).or_default();
        *rows = rows.saturating_add(1);
        let rows = *rows;
        while self.rows.len() > self.room {
            self.zeros += 1;
            let zeros = self.zeros;
            self.rows.retain(|hash, _| hash.trailing_zeros() >= zeros);
        }
        Some(rows)
    }

    /// Whether the key came; nothing where it is not followed.
    pub(super) fn holds(&self, hash: u64) -> Option<bool> {
        self.follows(hash).then(|| self.rows.contains_key(&hash))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Keys that are held.
    pub(super) fn held(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn one_in(&self) -> u64 {
        1 << self.zeros.min(63)
    }

    /// The rows beyond the first of each key.
    pub(super) fn surplus(&self) -> u64 {
        let rows: u64 = self.rows.values().map(|rows| u64::from(rows.saturating_sub(1))).sum();
        rows.saturating_mul(self.one_in())
    }
}

/// A hash of bytes.
pub(super) fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// One hash of several. Each of them is one of values already, so that little has to be done.
pub(super) fn together(hashes: impl IntoIterator<Item = u64>) -> u64 {
    let mut hashes = hashes.into_iter();
    let first = hashes.next().unwrap_or_default();
    hashes.fold(first, |all, next| {
        let mixed = (all.rotate_left(23) ^ next).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn hash(value: u64) -> u64 {
        hash_of(&value.to_le_bytes())
    }

    proptest! {
        #[test]
        fn while_there_is_room_all_is_exact(values in proptest::collection::vec(0u64..300, 0..1_000)) {
            let mut keys = Keys::new(300);
            let mut exact: BTreeMap<u64, u64> = BTreeMap::new();
            for value in &values {
                let rows = exact.entry(*value).or_default();
                *rows += 1;
                prop_assert_eq!(keys.take(hash(*value)), Some(*rows as u32));
            }
            let surplus: u64 = exact.values().map(|rows| rows - 1).sum();
            prop_assert_eq!((keys.surplus(), keys.one_in()), (surplus, 1));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn beyond_it_what_is_told_of_some_is_about_right_for_all(salt in any::<u64>(), twice in 1_000u64..8_000) {
            let mut keys = Keys::new(2_048);
            let once = 20_000;
            for value in (0..once).chain(0..twice) {
                keys.take(hash(value ^ salt));
            }
            prop_assert!(keys.one_in() > 1 && keys.rows.len() <= 2_048);
            let off = (keys.surplus() as f64 - twice as f64).abs();
            // Of one key in 16 every double is seen: a binomial of that share.
            let deviation = (twice as f64 * keys.one_in() as f64).sqrt();
            prop_assert!(off < 6.0 * deviation, "{} of {twice}", keys.surplus());
        }
    }

    #[test]
    fn what_did_not_come_is_told_only_of_keys_that_are_followed() {
        let mut keys = Keys::new(4);
        for key in 1..=3u64 {
            keys.take(hash(key));
        }
        assert_eq!((keys.holds(hash(3)), keys.holds(hash(9))), (Some(true), Some(false)));
        for key in 1..=100u64 {
            keys.take(hash(key));
        }
        assert!((1..=200u64).all(|key| keys.holds(hash(key)).is_none_or(|held| held == (key <= 100))));
        assert!((1..=100u64).any(|key| keys.holds(hash(key)).is_none()) && !keys.is_empty());
        assert_ne!(together([1, 2]), together([2, 1]));
        assert_eq!(together([7]), 7);
    }
}
