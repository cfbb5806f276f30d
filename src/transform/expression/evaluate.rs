//! Evaluation that knows which rows fail.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray as _, new_null_array},
        compute::{cast, concat},
        datatypes::{
            DataType, Date32Type, Decimal128Type, Decimal256Type, Time64MicrosecondType, TimeUnit,
            TimestampMicrosecondType,
        },
        error::ArrowError,
        record_batch::RecordBatch,
    },
    error::DataFusionError,
};

use super::{Expression, message};
use crate::model::{
    NAN_128, NAN_256,
    calendar::{DAY, is_common_day, is_common_moment},
    text_at,
};

/// A value for each row of a batch; NULL where the row failed.
#[derive(Debug)]
pub(in crate::transform) struct Evaluated {
    pub(in crate::transform) array: ArrayRef,
    /// Rows that fail alone, ascending, and why.
    pub(in crate::transform) failures: Vec<(usize, String)>,
}

impl Expression {
    pub(in crate::transform) fn evaluate(&self, batch: &RecordBatch) -> Result<Evaluated, ArrowError> {
        let mut pieces = Vec::new();
        let mut failures = Vec::new();
        self.bisect(&batch.project(&self.columns)?, 0, &mut pieces, &mut failures);
        let array = match pieces.as_slice() {
            [None] | [] => self.nulls(batch.num_rows())?,
            [Some(array)] => array.clone(),
            _ => self.join(&pieces)?,
        };
        Ok(Evaluated { array, failures })
    }

    /// Puts one piece per row that failed (`None`) and per stretch that did not.
    fn bisect(
        &self,
        batch: &RecordBatch,
        start: usize,
        pieces: &mut Vec<Option<ArrayRef>>,
        failures: &mut Vec<(usize, String)>,
    ) {
        let rows = batch.num_rows();
        match self.once(batch) {
            Ok(array) => pieces.push(Some(array)),
            Err(error) if rows <= 1 => {
                failures.extend((rows == 1).then(|| (start, message::row_words(&error))));
                pieces.push(None);
            }
            Err(_) => {
                let half = rows / 2;
                self.bisect(&batch.slice(0, half), start, pieces, failures);
                self.bisect(&batch.slice(half, rows - half), start + half, pieces, failures);
            }
        }
    }

    fn once(&self, batch: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
        if let (false, Some(odd)) = (self.bare, batch.columns().iter().find_map(odd)) {
            return Err(DataFusionError::Execution(format!("'{odd}' is nothing that an expression can compute with")));
        }
        let array = self.physical.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(match plain(array.data_type()) {
            Some(ty) => cast(&array, &ty)?,
            None => array,
        })
    }

    fn nulls(&self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(new_null_array(&self.ty.arrow(), rows))
    }

    fn join(&self, pieces: &[Option<ArrayRef>]) -> Result<ArrayRef, ArrowError> {
        let first = pieces.iter().flatten().next();
        let ty = first.map_or_else(|| self.ty.arrow(), |array| array.data_type().clone());
        let gap = new_null_array(&ty, 1);
        let parts: Vec<&dyn Array> =
            pieces.iter().map(|piece| piece.as_ref().map_or(gap.as_ref(), |array| array.as_ref())).collect();
        concat(&parts)
    }
}

/// The first value that travels outside of what Arrow's functions understand: they would wrap it, or call it NULL.
fn odd(array: &ArrayRef) -> Option<String> {
    let found = match array.data_type() {
        DataType::Date32 => place(array, array.as_primitive::<Date32Type>().values(), |days| !is_common_day(days)),
        DataType::Time64(TimeUnit::Microsecond) => {
            place(array, array.as_primitive::<Time64MicrosecondType>().values(), |time| !(0..DAY).contains(&time))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let moments = array.as_primitive::<TimestampMicrosecondType>().values();
            place(array, moments, |moment| !is_common_moment(moment))
        }
        DataType::Decimal128(..) => {
            place(array, array.as_primitive::<Decimal128Type>().values(), |number| number == NAN_128)
        }
        DataType::Decimal256(..) => {
            place(array, array.as_primitive::<Decimal256Type>().values(), |number| number == NAN_256)
        }
        _ => None,
    };
    text_at(array, found?)
}

fn place<T: Copy>(array: &ArrayRef, values: &[T], is_odd: impl Fn(T) -> bool) -> Option<usize> {
    let rows = values.iter().enumerate().filter(|(_, value)| is_odd(**value));
    rows.map(|(row, _)| row).find(|row| array.is_valid(*row))
}

/// The form in which a value travels, for the forms of text and bytes that functions happen to give.
fn plain(ty: &DataType) -> Option<DataType> {
    match ty {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => Some(DataType::Utf8),
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => Some(DataType::Binary),
        DataType::Dictionary(_, values) => Some(plain(values).unwrap_or_else(|| values.as_ref().clone())),
        _ => None,
    }
}
