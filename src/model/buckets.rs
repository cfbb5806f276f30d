//! Rows by buckets of their digests, so that two multitudes are told apart while neither is held.
//!
//! One idea: where two sides differ in a few rows, they differ in a few buckets, and only what these hold is looked at row by
//! row, so many at once as memory is given for.

/// Digests of some rows; `false`: they are taken out, and not added.
pub type Digests = (Vec<[u32; 8]>, bool);

/// How many buckets there are.
pub const BUCKETS: usize = 4096;

/// How many digests are held at once.
pub const HELD: u64 = 1_000_000;

/// The bucket of a digest.
pub fn bucket(digest: &[u32; 8]) -> usize {
    digest[7] as usize % BUCKETS
}

/// A digest in short: half of it, which tells rows apart all the same.
pub fn short(digest: &[u32; 8]) -> u128 {
    digest[..4].iter().fold(0, |whole, word| whole << 32 | u128::from(*word))
}

/// The buckets in portions that hold no more rows than are held at once; `rows` says how many a bucket has.
pub fn portions(buckets: &[usize], rows: impl Fn(usize) -> u64) -> Vec<Vec<usize>> {
    let mut portions = vec![Vec::new()];
    let mut held = 0;
    for bucket in buckets {
        let more = rows(*bucket);
        if held > 0 && held + more > HELD {
            portions.push(Vec::new());
            held = 0;
        }
        held += more;
        if let Some(portion) = portions.last_mut() {
            portion.push(*bucket);
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_no_more_than_is_held_at_once_unless_one_bucket_does() {
        let rows = [HELD / 2, HELD / 2, 1, HELD + 7, 0, 3];
        let portions = portions(&[0, 1, 2, 3, 4, 5], |bucket| rows[bucket]);
        assert_eq!(portions, [vec![0, 1], vec![2], vec![3], vec![4, 5]]);
    }
}
