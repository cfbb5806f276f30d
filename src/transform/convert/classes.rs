//! The classes that a plan gives conversions, held to what the conversions do.
//!
//! What is classed exact or widening must take every value of its type there and back, the ones on no calendar and NaN
//! among decimals included; what has no class must have no way.

use proptest::prelude::*;

use super::{Way, *};
use crate::{
    model::{Cell, array_of, calendar, cell_at},
    plan::{Class, classify},
};

const TYPES: &[&str] = &[
    "boolean",
    "tinyint",
    "tinyint unsigned",
    "smallint",
    "smallint unsigned",
    "integer",
    "integer unsigned",
    "bigint",
    "bigint unsigned",
    "decimal(5,0)",
    "decimal(9,0)",
    "decimal(10,2)",
    "decimal(20,0)",
    "decimal(38,10)",
    "decimal(60,20)",
    "numeric",
    "real",
    "double",
    "text",
    "varchar(3)",
    "varchar(10)",
    "varchar(17)",
    "varchar(40)",
    "bytes",
    "bytes(12)",
    "bytes(40)",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "json",
    "other(inet)",
    "other(bit(8))",
    "other(bit varying)",
];

fn ty(name: &str) -> ColumnType {
    name.parse().unwrap()
}

fn pairs() -> impl Iterator<Item = (ColumnType, ColumnType)> {
    TYPES.iter().flat_map(|from| TYPES.iter().map(move |to| (ty(from), ty(to))))
}

/// What values of every type are made of.
#[derive(Clone, Debug)]
struct Seed {
    bits: u64,
    wide: i128,
    text: String,
    bytes: Vec<u8>,
}

fn seed() -> impl Strategy<Value = Seed> {
    let bits = prop_oneof![any::<u64>(), 0..5_u64, Just(u64::MAX), Just(1 << 63), any::<i32>().prop_map(|n| n as u64)];
    let bytes = prop::collection::vec(any::<u8>(), 0..60);
    (bits, any::<i128>(), "\\PC{0,50}", bytes).prop_map(|(bits, wide, text, bytes)| Seed { bits, wide, text, bytes })
}

/// A value of the type, as its cell.
fn value(of: &ColumnType, seed: &Seed) -> Cell {
    let signed = seed.bits.cast_signed();
    let mut text = String::new();
    match of {
        ColumnType::Boolean => text.push_str(if seed.bits.is_multiple_of(2) { "true" } else { "false" }),
        ColumnType::Integer { bits, unsigned: false } => text = (signed >> (64 - bits)).to_string(),
        ColumnType::Integer { bits, .. } => text = (seed.bits >> (64 - bits)).to_string(),
        ColumnType::Decimal { .. } | ColumnType::Numeric if seed.bits.is_multiple_of(16) => text.push_str("NaN"),
        ColumnType::Decimal { precision, scale } => {
            let digits = seed.wide % 10_i128.pow(u32::from(*precision).min(38));
            text = super::tests::decimal_text(digits, scale.unsigned_abs().into());
        }
        ColumnType::Numeric => text = super::tests::decimal_text(seed.wide, (seed.bits % 50) as usize),
        ColumnType::Float { bits: 32 } => text = f32::from_bits(seed.bits as u32).to_string(),
        ColumnType::Float { .. } => text = f64::from_bits(seed.bits).to_string(),
        ColumnType::Text { max } => {
            text = seed.text.chars().take(max.map_or(usize::MAX, |max| max as usize)).collect();
        }
        ColumnType::Bytes { max } => {
            let most = max.map_or(usize::MAX, |max| max as usize).min(seed.bytes.len());
            return Cell::Bytes(seed.bytes[..most].to_vec());
        }
        ColumnType::Date => calendar::push_date(day(seed), &mut text),
        ColumnType::Time => calendar::push_time(signed % 3_600_000_000_000, &mut text),
        ColumnType::Timestamp { zone } => {
            calendar::push_moment(moment(signed), 'T', if *zone { "Z" } else { "" }, &mut text)
        }
        ColumnType::Uuid => text = uuid::Uuid::from_u128(seed.wide.cast_unsigned()).hyphenated().to_string(),
        ColumnType::Json => text = serde_json::to_string(&seed.text).unwrap(),
        ColumnType::Other(_) => text = format!("{:08b}", seed.bits as u8),
    }
    Cell::Text(text)
}

/// On no calendar too, as long as it reads as it is shown.
fn day(seed: &Seed) -> i32 {
    match (seed.bits % 8, calendar::Day::of(seed.bits as i32)) {
        (0, _) => i32::MAX,
        (1, _) => calendar::OddDay::new((seed.bits >> 8) as u32 % 10_000, 0, 31).map_or(0, calendar::OddDay::days),
        (_, calendar::Day::Odd(_)) => 0,
        (2, _) => seed.bits as i32 % 2_000_000_000,
        _ => (seed.bits as i32) % 3_000_000,
    }
}

fn moment(micros: i64) -> i64 {
    if matches!(calendar::Moment::of(micros), calendar::Moment::Odd(..)) { i64::MIN } else { micros }
}

/// There and back; the first thing that went wrong.
fn there_and_back(from: &ColumnType, to: &ColumnType, cell: &Cell) -> Result<(), String> {
    let array = array_of(from, std::slice::from_ref(cell)).map_err(|error| format!("{from}: {error}"))?;
    let step = |from: &ColumnType, via: Option<&ColumnType>, to: &ColumnType, array: &ArrayRef| {
        let way = Way::between(from, via, to).ok_or_else(|| format!("no way from {from} to {to}"))?;
        let made = way.apply(array).map_err(|error| error.to_string())?;
        match made.failures.first() {
            Some(failure) => Err(format!("{from} to {to}: {}", failure.message)),
            None => Ok(made.array),
        }
    };
    let there = step(from, None, to, &array)?;
    // As text it says what it is, but no text is taken for a decimal that is none.
    if *cell == Cell::text("NaN") && matches!(to, ColumnType::Text { .. }) && cell_at(&there, 0) == *cell {
        return Ok(());
    }
    // Not every safe way has a way back: a JSON is no number, but its text is one.
    let whole = matches!((from, to), (ColumnType::Boolean, ColumnType::Float { .. }));
    let stop = if whole { ColumnType::BIGINT } else { ColumnType::TEXT };
    let via = Some(&stop).filter(|_| classify(to, from).is_none());
    let back = step(to, via, from, &there)?;
    // NaN is not itself, but its text is.
    let same = *back == *array || cell_at(&back, 0) == cell_at(&array, 0);
    if same {
        Ok(())
    } else {
        Err(format!("{from} to {to}: {} came back as {}", cell_at(&array, 0).display(), cell_at(&back, 0).display()))
    }
}

#[test]
fn what_has_no_class_has_no_way_and_the_other_way_round() {
    let differs =
        |(from, to): &(ColumnType, ColumnType)| classify(from, to).is_none() != Way::between(from, None, to).is_none();
    let differing: Vec<String> = pairs().filter(differs).map(|(from, to)| format!("{from} to {to}")).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn what_is_safe_is_a_good_part() {
    let safe = |(from, to): &(ColumnType, ColumnType)| classify(from, to).is_some_and(|class| class <= Class::Widening);
    assert!(pairs().filter(safe).count() > 200, "the property below would say little");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exact_or_widening_never_faults_nor_loses(seed in seed()) {
        for (from, to) in pairs().filter(|(from, to)| classify(from, to).is_some_and(|class| class <= Class::Widening)) {
            let cell = value(&from, &seed);
            let outcome = there_and_back(&from, &to, &cell);
            prop_assert!(outcome.is_ok(), "{:?} {:?}", outcome, cell);
        }
    }
}
