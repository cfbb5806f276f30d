//! `parse_date(text, pattern)` and `parse_timestamp(text, pattern)`.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Date32Array, TimestampMicrosecondArray},
        datatypes::{DataType, Field, FieldRef, TimeUnit},
    },
    error::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};

use super::{
    arguments::{as_texts, coerce, literal, texts, unfit},
    pattern::{Moment, Pattern},
};

const USAGE: &str = "parse_date(text, 'MM/DD/YYYY')";

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ParseDate {
    /// Whether the time of day is read as well.
    timed: bool,
    signature: Signature,
}

impl ParseDate {
    pub(super) fn date() -> Self {
        Self { timed: false, signature: Signature::user_defined(Volatility::Immutable) }
    }

    pub(super) fn timestamp() -> Self {
        Self { timed: true, ..Self::date() }
    }

    fn pattern(&self, text: &str) -> Result<Pattern> {
        let pattern = text.parse::<Pattern>().map_err(|error| DataFusionError::Plan(error.to_string()))?;
        match (self.timed, pattern.is_timed()) {
            (false, true) => {
                Err(DataFusionError::Plan(format!("'{text}' has a time of day; use parse_timestamp for it")))
            }
            (true, false) => Err(DataFusionError::Plan(format!("'{text}' has no time of day; use parse_date for it"))),
            _ => Ok(pattern),
        }
    }
}

impl ScalarUDFImpl for ParseDate {
    fn name(&self) -> &str {
        if self.timed { "parse_timestamp" } else { "parse_date" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(if self.timed { DataType::Timestamp(TimeUnit::Microsecond, None) } else { DataType::Date32 })
    }

    fn return_field_from_args(&self, call: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.pattern(literal(self.name(), "pattern", &call)?)?;
        Ok(Arc::new(Field::new(self.name(), self.return_type(&[])?, true)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), USAGE, types)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (texts, pattern) = texts(self.name(), &call)?;
        let pattern = self.pattern(&pattern)?;
        let moments = as_texts(&texts)?.iter().map(|text| text.map(|text| read(&pattern, text)).transpose());
        Ok(ColumnarValue::Array(if self.timed {
            let micros = moments.map(|moment| Ok(moment?.map(Moment::micros)));
            Arc::new(micros.collect::<Result<TimestampMicrosecondArray>>()?)
        } else {
            let days = moments.map(|moment| Ok(moment?.map(|moment| moment.days)));
            Arc::new(days.collect::<Result<Date32Array>>()?)
        }))
    }
}

fn read(pattern: &Pattern, text: &str) -> Result<Moment> {
    pattern.read(text).ok_or_else(|| {
        let kind = if pattern.is_timed() { "date and time" } else { "date" };
        unfit(format!("'{text}' is not a {kind} of the form {pattern}"))
    })
}
