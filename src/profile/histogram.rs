//! A histogram of one width, in one pass, although nobody knows beforehand how far the values reach.
//!
//! One idea: widths are powers of two, and a stretch begins at a multiple of its width. Where the values reach further than
//! there are stretches for, the width doubles and two neighbours become one: so counts stay exact, and the result does not
//! depend on the order of the rows.

use std::collections::BTreeMap;

/// The most stretches while it is made.
const STRETCHES: i64 = 64;
/// The most bars that are told.
const BARS: i64 = 20;
/// A place must be a number that counting on does not lose.
const FURTHEST: f64 = (1u64 << 52) as f64;

#[derive(Clone, Debug)]
pub(super) struct Stretches {
    /// Whole numbers have no stretch below 1.
    whole: bool,
    /// The exponent of two of the width; nothing: only zeros so far.
    power: Option<i32>,
    zeros: u64,
    rows: BTreeMap<i64, u64>,
    pub(super) beside: u64,
}

/// From, to (left out), rows.
pub(super) type Stretch = (f64, f64, u64);

impl Stretches {
    pub(super) fn new(whole: bool) -> Self {
        Self { whole, power: whole.then_some(0), zeros: 0, rows: BTreeMap::new(), beside: 0 }
    }

    pub(super) fn take(&mut self, value: f64) {
        if !value.is_finite() {
            self.beside += 1;
            return;
        }
        let power = match self.power {
            Some(power) => power,
            None if value == 0.0 => {
                self.zeros += 1;
                return;
            }
            None => self.begin(value),
        };
        let mut place = value / exp2(power);
        if place.abs() > FURTHEST {
            self.widen(exponent(value) - 50);
            place = value / exp2(self.power.unwrap_or(power));
        }
        *self.rows.entry(place.floor() as i64).or_default() += 1;
        while self.reach() >= STRETCHES {
            self.widen(self.power.unwrap_or(0) + 1);
        }
    }

    /// So fine that even the least difference that a value of this size can have shows.
    fn begin(&mut self, value: f64) -> i32 {
        let power = (exponent(value) - 50).max(-1_000);
        self.power = Some(power);
        if self.zeros > 0 {
            self.rows.insert(0, self.zeros);
        }
        power
    }

    fn reach(&self) -> i64 {
        match (self.rows.first_key_value(), self.rows.last_key_value()) {
            (Some((first, _)), Some((last, _))) => last - first,
            _ => 0,
        }
    }

    fn widen(&mut self, to: i32) {
        let Some(power) = self.power.filter(|power| *power < to) else { return };
        let by = (to - power).min(62);
        let narrow = std::mem::take(&mut self.rows);
        for (place, rows) in narrow {
            *self.rows.entry(place >> by).or_default() += rows;
        }
        self.power = Some(power + by);
        if power + by < to {
            self.widen(to);
        }
    }

    /// At most twenty bars of one width, empty ones in between among them.
    pub(super) fn told(&self) -> Vec<Stretch> {
        let Some(power) = self.power else {
            return if self.zeros > 0 { vec![(0.0, 0.0, self.zeros)] } else { Vec::new() };
        };
        let (Some((first, _)), Some((last, _))) = (self.rows.first_key_value(), self.rows.last_key_value()) else {
            return Vec::new();
        };
        let width = exp2(power);
        if first == last && !self.whole {
            return vec![(*first as f64 * width, (*first + 1) as f64 * width, self.rows.values().sum())];
        }
        let group = (last - first + 1 + BARS - 1) / BARS;
        let bars = (last - first) / group + 1;
        let bar = |bar: i64| {
            let from = first + bar * group;
            let rows = self.rows.range(from..from + group).map(|(_, rows)| rows).sum();
            (from as f64 * width, (from + group) as f64 * width, rows)
        };
        (0..bars).map(bar).collect()
    }
}

fn exp2(power: i32) -> f64 {
    f64::from(power).exp2()
}

/// The power of two that the value is at least, and twice of which it is less.
fn exponent(value: f64) -> i32 {
    value.abs().log2().floor() as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64], whole: bool) -> Vec<Stretch> {
        let mut stretches = Stretches::new(whole);
        values.iter().for_each(|value| stretches.take(*value));
        stretches.told()
    }

    fn holds(values: &[f64], bars: &[Stretch]) {
        assert!(bars.len() <= 20, "{bars:?}");
        let total: u64 = bars.iter().map(|(_, _, rows)| rows).sum();
        assert_eq!(total, values.len() as u64);
        for (from, to, rows) in bars.iter().filter(|(from, to, _)| from < to) {
            let within = values.iter().filter(|value| (*from..*to).contains(value)).count() as u64;
            assert_eq!(*rows, within, "{from} to {to} of {bars:?}");
        }
        let widths: Vec<f64> = bars.iter().map(|(from, to, _)| to - from).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{bars:?}");
        assert!(bars.windows(2).all(|pair| pair[0].1 == pair[1].0), "{bars:?}");
    }

    proptest! {
        #[test]
        fn every_bar_has_just_the_values_between_its_ends(
            values in proptest::collection::vec(prop_oneof![-1e6..1e6, Just(0.0), -1.0..1.0], 1..300)
        ) {
            holds(&values, &of(&values, false));
        }

        #[test]
        fn whole_numbers_stand_in_whole_bars(values in proptest::collection::vec(-5_000i64..5_000, 1..300)) {
            let values: Vec<f64> = values.into_iter().map(|value| value as f64).collect();
            let bars = of(&values, true);
            holds(&values, &bars);
            prop_assert!(bars.iter().all(|(from, to, _)| from.fract() == 0.0 && to - from >= 1.0));
        }

        #[test]
        fn the_order_of_rows_means_nothing(values in proptest::collection::vec(-1e9..1e9, 2..100), seed in any::<u64>()) {
            let mut other = values.clone();
            other.rotate_left((seed % values.len() as u64) as usize);
            other.reverse();
            prop_assert_eq!(of(&values, false), of(&other, false));
        }
    }

    #[test]
    fn what_lies_far_apart_or_close_together_or_nowhere_has_its_place() {
        holds(&[1e300, 1e-300, -1e300], &of(&[1e300, 1e-300, -1e300], false));
        holds(&[1e-300, 0.0, 5.0], &of(&[1e-300, 0.0, 5.0], false));
        assert_eq!(of(&[7.0; 5], true), [(7.0, 8.0, 5)]);
        assert_eq!(of(&[0.0; 5], false), [(0.0, 0.0, 5)]);
        assert_eq!(of(&[], false), []);
        let mut stretches = Stretches::new(false);
        [f64::NAN, f64::INFINITY, 1.0].into_iter().for_each(|value| stretches.take(value));
        assert_eq!((stretches.beside, stretches.told().len()), (2, 1));
    }
}
