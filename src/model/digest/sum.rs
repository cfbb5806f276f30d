//! Sums of row digests, modulo 2^256, beside their count.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A multiset of rows, as far as SHA-256 tells them apart.
///
/// In text: the number of rows, `:`, and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RowSum {
    pub rows: u64,
    /// The least significant first.
    limbs: [u64; 4],
}

impl RowSum {
    /// Adds a row by its SHA-256, as the eight words that it is.
    pub fn add_row(&mut self, row: [u32; 8]) {
        *self += Self { rows: 1, limbs: limbs(row) };
    }

    /// Takes out rows that were added before.
    pub fn take_out(&mut self, other: Self) {
        let mut borrow = false;
        for (limb, less) in self.limbs.iter_mut().zip(other.limbs) {
            let (without, under) = limb.overflowing_sub(less);
            let (without, again) = without.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (without, under || again);
        }
        self.rows = self.rows.wrapping_sub(other.rows);
    }

    /// The sum alone, in hexadecimal digits.
    pub fn digits(&self) -> String {
        self.limbs.iter().rev().fold(String::with_capacity(64), |mut text, limb| {
            let _ = write!(text, "{limb:016x}");
            text
        })
    }
}

fn limbs(words: [u32; 8]) -> [u64; 4] {
    let limb = |index: usize| u64::from(words[6 - 2 * index]) << 32 | u64::from(words[7 - 2 * index]);
    [limb(0), limb(1), limb(2), limb(3)]
}

impl std::ops::AddAssign for RowSum {
    fn add_assign(&mut self, other: Self) {
        let mut carry = false;
        for (limb, more) in self.limbs.iter_mut().zip(other.limbs) {
            let (with, over) = limb.overflowing_add(more);
            let (with, again) = with.overflowing_add(u64::from(carry));
            (*limb, carry) = (with, over || again);
        }
        self.rows = self.rows.wrapping_add(other.rows);
    }
}

impl std::fmt::Display for RowSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.rows, self.digits())
    }
}

impl std::str::FromStr for RowSum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no sum of rows");
        let (rows, digits) = text.split_once(':').ok_or_else(wrong)?;
        let rows = rows.parse().map_err(|_| wrong())?;
        let limb = |index: usize| {
            let digits = digits.get(16 * (3 - index)..16 * (4 - index)).filter(|_| digits.len() == 64);
            u64::from_str_radix(digits.ok_or_else(wrong)?, 16).map_err(|_| wrong())
        };
        Ok(Self { rows, limbs: [limb(0)?, limb(1)?, limb(2)?, limb(3)?] })
    }
}

impl Serialize for RowSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The rows of a table, or of a part of it, and which columns make them up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDigest {
    /// [`super::RowEncoding::shape`]
    pub shape: String,
    pub sum: RowSum,
}
