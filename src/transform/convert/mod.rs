//! Values of one type as values of another: exactly, or the row fails.
//!
//! May not touch anything but `model` and Arrow. Where Arrow's own casts are exact they are used (with `safe`, so that
//! what does not fit turns NULL and is found); where they round, wrap, trim or guess, the conversion is ours.
//!
//! What is decided here, beyond the obvious:
//! - Blanks around a number, a date or a boolean are a fault: `trim()` is there to say that they mean nothing.
//! - A text without a zone is no instant: into a timestamp with zone it is a fault. One with a zone is no wall clock.
//! - Between timestamps with and without zone, the wall clock is that of UTC. A plan must class that as lossy.
//! - A timestamp loses its time of day on the way to a date, a decimal its far digits on the way to a float: a plan
//!   must class both as lossy. Nothing else is ever lost.
//! - A UUID is 16 bytes as bytes, and 16 bytes are a UUID. Any other text is its UTF-8 bytes.

mod bits;
mod boolean;
mod bytes;
mod canonical;
mod decimal;
mod float;
mod integer;
mod length;
mod number;
mod read;
mod text;
mod timestamp;

#[cfg(test)]
mod classes;
#[cfg(test)]
mod tests;

use datafusion::arrow::{array::ArrayRef, error::ArrowError};

use crate::model::{Cause, ColumnType};

pub(super) use canonical::column_type;
pub(super) use length::too_long;
pub(super) use read::Texts;

/// Why one value did not make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) row: usize,
    pub(super) cause: Cause,
    pub(super) message: String,
}

/// The converted values, NULL where one failed, and the failures in ascending order.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) array: ArrayRef,
    pub(super) failures: Vec<Failure>,
}

impl Converted {
    fn whole(array: ArrayRef) -> Self {
        Self { array, failures: Vec::new() }
    }
}

type Kernel = fn(&ArrayRef, &ColumnType) -> Result<Converted, ArrowError>;

/// The way from one type to another.
#[derive(Clone, Debug)]
pub(super) struct Conversion {
    from: ColumnType,
    to: ColumnType,
    kernel: Kernel,
}

impl Conversion {
    /// `None` where no value of the one is a value of the other.
    pub(super) fn between(from: &ColumnType, to: &ColumnType) -> Option<Self> {
        Some(Self { from: from.clone(), to: to.clone(), kernel: kernel(from, to)? })
    }

    pub(super) fn apply(&self, array: &ArrayRef) -> Result<Converted, ArrowError> {
        let canonical = canonical::of(array, &self.from.arrow())?;
        let mut converted = (self.kernel)(&canonical.array, &self.to)?;
        if !canonical.failures.is_empty() {
            converted.failures.extend(canonical.failures);
            converted.failures.sort_by_key(|failure| failure.row);
        }
        Ok(converted)
    }
}

/// The way from one type to another, by way of a third where the plan means more than the destination holds.
#[derive(Clone, Debug)]
pub(super) struct Way(Vec<Conversion>);

impl Way {
    pub(super) fn between(from: &ColumnType, meant: Option<&ColumnType>, to: &ColumnType) -> Option<Self> {
        let Some(meant) = meant.filter(|meant| *meant != from) else {
            return Some(Self(vec![Conversion::between(from, to)?]));
        };
        Some(Self(vec![Conversion::between(from, meant)?, Conversion::between(meant, to)?]))
    }

    /// Each value fails once: where one step failed the next finds NULL.
    pub(super) fn apply(&self, array: &ArrayRef) -> Result<Converted, ArrowError> {
        let mut converted = Converted::whole(array.clone());
        for step in &self.0 {
            let next = step.apply(&converted.array)?;
            converted.failures.extend(next.failures);
            converted.failures.extend(too_long(&next.array, &step.to));
            converted.array = next.array;
        }
        converted.failures.sort_by_key(|failure| failure.row);
        converted.failures.dedup_by_key(|failure| failure.row);
        Ok(converted)
    }
}

/// The array itself: every value of the one is one of the other, and travels alike.
fn same(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    Ok(Converted::whole(array.clone()))
}

fn kernel(from: &ColumnType, to: &ColumnType) -> Option<Kernel> {
    use ColumnType::{
        Boolean, Bytes, Date, Decimal, Float, Integer, Json, Numeric, Other, Text, Time, Timestamp, Uuid,
    };
    let kernel: Kernel = match (from, to) {
        (Text { .. }, Text { .. }) | (Bytes { .. }, Bytes { .. }) => same,
        (Decimal { .. }, Decimal { .. }) if from == to => decimal::within,
        _ if from == to => same,
        (Integer { .. }, to) if to.bits().is_some() => bits::of_integer,
        (from, Integer { .. }) if from.is_bits() => bits::to_integer,
        (from, Decimal { .. } | Numeric | Float { .. } | Json) if from.is_bits() => return None,
        (Integer { .. } | Decimal { .. } | Numeric | Float { .. }, to) if to.is_bits() => return None,
        (Bytes { .. }, Text { .. } | Json) => bytes::to_text,
        (Bytes { .. }, Uuid) => bytes::to_uuid,
        (Uuid, Bytes { .. }) => bytes::from_uuid,
        (Text { .. } | Json, Bytes { .. }) => bytes::from_text,
        (Text { .. } | Uuid | Json | Numeric | Other(_), Text { .. } | Other(_)) => same,
        (Bytes { .. }, _) | (_, Bytes { .. }) => return None,
        (_, Text { .. } | Other(_)) => text::to_text,
        (Text { .. } | Other(_), Uuid) => text::to_uuid,
        (Text { .. } | Numeric | Other(_) | Boolean | Integer { .. } | Decimal { .. } | Float { .. }, Json) => {
            text::to_json
        }
        (Text { .. } | Other(_) | Integer { .. } | Decimal { .. } | Float { .. }, Numeric) => text::to_numeric,
        (Text { .. } | Other(_) | Integer { .. } | Decimal { .. } | Numeric, Boolean) => boolean::to_boolean,
        (Boolean, Decimal { .. } | Numeric | Float { .. }) => boolean::to_number,
        (Integer { .. }, Integer { .. }) => integer::resize,
        (Numeric, Integer { .. }) => integer::of_numeric,
        (Text { .. } | Other(_) | Boolean | Decimal { .. } | Float { .. }, Integer { .. }) => integer::to_integer,
        (Numeric, Decimal { .. }) => decimal::of_numeric,
        (Text { .. } | Other(_) | Integer { .. } | Decimal { .. } | Float { .. }, Decimal { .. }) => {
            decimal::to_decimal
        }
        (Text { .. } | Other(_) | Integer { .. } | Decimal { .. } | Float { .. } | Numeric, Float { .. }) => {
            float::to_float
        }
        (Text { .. } | Other(_) | Timestamp { .. }, Date) => timestamp::to_date,
        (Text { .. } | Other(_), Time) => timestamp::to_time,
        (Text { .. } | Other(_) | Date | Timestamp { .. }, Timestamp { .. }) => timestamp::to_timestamp,
        _ => return None,
    };
    Some(kernel)
}
