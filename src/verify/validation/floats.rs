//! The exact sum of floats, whatever their order.
//!
//! One idea: every float is a whole number of the smallest one there is, so that a number wide enough for all of them adds
//! them up without rounding, and two sides that hold the same values have the same sum to the last bit.

/// Words of 64 bits each; the last also takes what many rows add up to.
const WORDS: usize = 34;
const MANTISSA_BITS: u32 = 52;
const EXPONENT: u64 = 0x7ff;

/// A sum in units of the smallest float, 2 to the -1074; and how often there was what is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FloatSum {
    words: [i128; WORDS],
    nans: i64,
    /// Positive and negative ones.
    infinities: [i64; 2],
}

impl Default for FloatSum {
    fn default() -> Self {
        Self { words: [0; WORDS], nans: 0, infinities: [0; 2] }
    }
}

impl FloatSum {
    /// Adds the value so many times.
    pub(super) fn add(&mut self, value: f64, times: i64) {
        if value.is_nan() {
            self.nans += times;
        } else if value.is_infinite() {
            self.infinities[usize::from(value < 0.0)] += times;
        } else {
            self.add_finite(value, times);
        }
    }

    fn add_finite(&mut self, value: f64, times: i64) {
        let bits = value.to_bits();
        let (exponent, fraction) = (bits >> MANTISSA_BITS & EXPONENT, bits & ((1 << MANTISSA_BITS) - 1));
        let (mantissa, shift) = match exponent {
            0 => (fraction, 0),
            exponent => (fraction | 1 << MANTISSA_BITS, exponent - 1),
        };
        let wide = u128::from(mantissa) << (shift % 64);
        let times = i128::from(if value < 0.0 { -times } else { times });
        let at = (shift / 64) as usize;
        for (place, word) in [(at, wide as u64), (at + 1, (wide >> 64) as u64)] {
            if let Some(sum) = self.words.get_mut(place) {
                *sum += i128::from(word) * times;
            }
        }
    }

    /// The same sum in the one form that it has.
    pub(super) fn settled(mut self) -> Self {
        let mut carry = 0_i128;
        let last = WORDS - 1;
        for (place, word) in self.words.iter_mut().enumerate() {
            *word += carry;
            carry = if place == last { 0 } else { *word >> 64 };
            *word -= carry << 64;
        }
        self
    }

    /// About how much it is, for a human.
    pub(super) fn about(&self) -> f64 {
        if self.nans > 0 {
            return f64::NAN;
        }
        // Below nothing the highest words are all ones, and none of them is a float.
        let negative = self.clone().settled().words[WORDS - 1] < 0;
        let mut whole = self.clone();
        if negative {
            whole.words.iter_mut().for_each(|word| *word = -*word);
        }
        let words = whole.settled().words;
        let sum = words.iter().enumerate().rev().fold(0.0, |sum, (place, word)| sum + scaled(*word as f64, place));
        match self.infinities {
            [0, 0] if negative => -sum,
            [0, 0] => sum,
            [_, 0] => f64::INFINITY,
            [0, _] => f64::NEG_INFINITY,
            _ => f64::NAN,
        }
    }
}

/// The word's worth, in two steps since the factor alone is beyond what a float holds.
fn scaled(word: f64, place: usize) -> f64 {
    let power = place as i32 * 64 - 1074;
    let half = power / 2;
    word * 2_f64.powi(half) * 2_f64.powi(power - half)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(values: &[f64]) -> FloatSum {
        let mut sum = FloatSum::default();
        values.iter().for_each(|value| sum.add(*value, 1));
        sum.settled()
    }

    #[test]
    fn small_values_are_not_lost_beside_large_ones() {
        let values = [1e16, 1.0, -1e16, 1e-300, 5e-324, f64::MAX, -f64::MAX];
        assert_eq!(sum(&values), sum(&[1.0, 1e-300, 5e-324]));
        assert_ne!(sum(&[0.1, 0.2]), sum(&[0.3]), "0.1 and 0.2 are not 0.3, exactly");
        assert_eq!(sum(&[0.0]), sum(&[-0.0]));
        assert_ne!(sum(&[1.0]), sum(&[1.0, f64::NAN]));
        assert_ne!(sum(&[f64::INFINITY]), sum(&[f64::NEG_INFINITY]));
    }

    #[test]
    fn about_how_much_it_is_can_be_told() {
        for (values, about) in [(&[1.5, 2.25][..], 3.75), (&[-1.5, 0.5], -1.0), (&[], 0.0), (&[1e300, 1e300], 2e300)] {
            let told = sum(values).about();
            assert!((told - about).abs() <= about.abs() * 1e-12, "{told} for {about}");
        }
        assert!(sum(&[f64::NAN]).about().is_nan() && sum(&[f64::INFINITY]).about().is_infinite());
    }

    proptest! {
        #[test]
        fn order_makes_no_difference_and_what_is_taken_out_is_gone(
            values in prop::collection::vec(any::<f64>(), 0..40),
            more in prop::collection::vec(any::<f64>(), 0..40),
        ) {
            let mut backwards = values.clone();
            backwards.reverse();
            prop_assert_eq!(sum(&values), sum(&backwards));
            let mut all = FloatSum::default();
            values.iter().chain(&more).for_each(|value| all.add(*value, 1));
            more.iter().for_each(|value| all.add(*value, -1));
            prop_assert_eq!(all.settled(), sum(&values));
        }
    }
}
