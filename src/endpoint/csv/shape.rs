//! What the fields of a column look like, for a type to create a column with: a file declares none.
//!
//! One idea: a field is taken for a number or a date only where the value would be written just as the field is. So what
//! has zeros in front, a plus, an exponent or more digits than numbers tend to have stays the text that it is, and a
//! column is of a type only if all of its fields are.

use datafusion::arrow::array::AsArray as _;

use super::file::CsvFile;
use crate::{
    endpoint::Result,
    model::{ColumnType, Sight, Sighting, calendar},
};

/// Rows that are looked at, and about as many bytes.
const ROWS: u64 = 100_000;
const BYTES: usize = 16 << 20;

/// Numbers of more digits are names of something, not amounts.
const DIGITS: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Whole,
    /// With so many digits behind the point.
    Decimal(usize),
    Date,
    /// With this between date and time.
    Moment(char),
    Text,
}

impl Shape {
    fn of(text: &str) -> Self {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let plain =
            !whole.is_empty() && (whole == "0" || !whole.starts_with('0')) && whole.len() + fraction.len() <= DIGITS;
        match () {
            () if plain && digits(whole) && whole == unsigned && text != "-0" => Self::Whole,
            () if plain && digits(whole) && digits(fraction) && !fraction.is_empty() && !is_negative_zero(text) => {
                Self::Decimal(fraction.len())
            }
            () if text.len() == 10 && is_date(text) => Self::Date,
            () => [' ', 'T'].into_iter().find(|between| is_moment(text, *between)).map_or(Self::Text, Self::Moment),
        }
    }

    fn column_type(self) -> Option<ColumnType> {
        Some(match self {
            Self::Whole => ColumnType::BIGINT,
            Self::Decimal(scale) => ColumnType::Decimal { precision: 18, scale: i8::try_from(scale).ok()? },
            Self::Date => ColumnType::Date,
            Self::Moment(_) => ColumnType::Timestamp { zone: false },
            Self::Text => return None,
        })
    }
}

fn is_negative_zero(text: &str) -> bool {
    text.starts_with('-') && !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
}

fn is_date(text: &str) -> bool {
    let day = calendar::read_date(text).ok().map(|(days, _)| days).filter(|days| calendar::is_common_day(*days));
    day.is_some_and(|days| {
        let mut shown = String::new();
        calendar::push_date(days, &mut shown);
        shown == text
    })
}

fn is_moment(text: &str, between: char) -> bool {
    let read = calendar::read_moment(text).ok().filter(|(micros, _)| calendar::is_common_moment(*micros));
    read.is_some_and(|(micros, zone)| {
        let mut shown = String::new();
        calendar::push_moment(micros, between, "", &mut shown);
        zone.is_none() && shown == text
    })
}

/// What the columns are of, as far as all of their fields agree.
pub(super) fn sightings(file: &CsvFile) -> Result<Vec<Sighting>> {
    let mut columns: Vec<(Option<Shape>, u64)> = vec![(None, 0); file.columns.len()];
    let mut rows = file.rows_from(file.start)?;
    let (mut looked, mut bytes) = (0, 0);
    while looked < ROWS && bytes < BYTES {
        let batch = rows.batch(ROWS - looked, 1 << 20)?;
        if batch.rows() == 0 {
            break;
        }
        looked += batch.rows() as u64;
        bytes += batch.batch.get_array_memory_size();
        for ((shape, values), array) in columns.iter_mut().zip(batch.batch.columns()) {
            for text in array.as_string::<i32>().iter().flatten() {
                if *shape == Some(Shape::Text) {
                    break;
                }
                let here = Shape::of(text);
                *shape = Some(shape.filter(|shape| *shape != here).map_or(here, |_| Shape::Text));
                *values += 1;
            }
        }
    }
    let seen = file.columns.iter().zip(columns).filter_map(|(column, (shape, values))| {
        let sight = Sight::Only(shape?.column_type()?);
        Some(Sighting { column: column.name.clone(), sight, values, rows: looked })
    });
    Ok(seen.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_as_its_value_is_has_a_shape() {
        for (text, shape) in [
            ("0", Shape::Whole),
            ("-17", Shape::Whole),
            ("123456789012345", Shape::Whole),
            ("1.50", Shape::Decimal(2)),
            ("-0.05", Shape::Decimal(2)),
            ("2024-02-29", Shape::Date),
            ("2024-02-29 01:02:03", Shape::Moment(' ')),
            ("2024-02-29T01:02:03.250", Shape::Moment('T')),
        ] {
            assert_eq!(Shape::of(text), shape, "{text}");
        }
        for text in [
            "",
            "-",
            "007",
            "00.5",
            "+49",
            "1E5",
            "1e5",
            "-0",
            "-0.00",
            ".5",
            "5.",
            "1,5",
            " 1",
            "1234567890123456",
            "1_000",
            "2024-02-30",
            "2024-2-9",
            "2011-00-00",
            "infinity",
            "2024-02-29 1:02:03",
            "2024-02-29 01:02",
            "2024-02-29T01:02:03Z",
            "2024-02-29 01:02:03.5",
            "12:00:00",
            "true",
            "DE89 3704",
            "\u{0661}",
        ] {
            assert_eq!(Shape::of(text), Shape::Text, "{text:?}");
        }
    }
}
