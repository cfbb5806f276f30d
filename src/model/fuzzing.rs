//! Bytes from outside, for short fuzzing in tests: a few good ones, damaged.

use proptest::{collection::vec, prelude::*, sample::Index};

/// What happens to a seed.
#[derive(Clone, Debug)]
enum Damage {
    Change(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// Repeats a part of itself elsewhere.
    Repeat(Index, Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    // Bytes that mean something to somebody come more often.
    let byte = || prop_oneof![any::<u8>(), prop::sample::select(b"\"'\n\r,;\0\xff\x80-+0.[]{}=#".to_vec())];
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        (any::<Index>(), vec(byte(), 1..5)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<Index>(), 1usize..9).prop_map(|(at, length)| Damage::Remove(at, length)),
        (any::<Index>(), any::<Index>(), 1usize..40).prop_map(|(from, to, length)| Damage::Repeat(from, to, length)),
    ]
}

fn apply(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let at = |index: &Index, length: usize| index.index(length + 1);
    let length = bytes.len();
    match damage {
        Damage::Change(place, byte) => {
            if let Some(old) = bytes.get_mut(at(place, length)) {
                *old = *byte;
            }
        }
        Damage::Insert(place, new) => drop(bytes.splice(at(place, length)..at(place, length), new.iter().copied())),
        Damage::Remove(place, count) => {
            let from = at(place, length);
            bytes.drain(from..(from + count).min(length));
        }
        Damage::Repeat(from, to, count) => {
            let from = at(from, length);
            let part = bytes[from..(from + count).min(length)].to_vec();
            bytes.splice(at(to, length)..at(to, length), part);
        }
    }
    bytes
}

/// One of the seeds with some damage.
pub fn damaged(seeds: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(seeds.to_vec());
    (seed, vec(damage(), 0..12)).prop_map(|(seed, damages)| damages.iter().fold(seed.to_vec(), apply))
}
