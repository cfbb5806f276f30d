//! `split_name(text, 'first' | 'middle' | 'last' | 'suffix')`.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::StringArray,
        datatypes::{DataType, Field, FieldRef},
    },
    error::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};

use super::{
    arguments::{as_texts, coerce, literal, texts, unfit},
    name::Name,
};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SplitName {
    signature: Signature,
}

impl SplitName {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SplitName {
    fn name(&self) -> &str {
        "split_name"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, call: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        part(literal(self.name(), "part", &call)?)?;
        Ok(Arc::new(Field::new(self.name(), DataType::Utf8, true)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), "split_name(text, 'last')", types)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (texts, wanted) = texts(self.name(), &call)?;
        let take = part(&wanted)?;
        let parts = as_texts(&texts)?.iter().map(|text| text.map(|text| split(text).map(take)).transpose());
        let parts = parts.map(|part| part.map(Option::flatten));
        Ok(ColumnarValue::Array(Arc::new(parts.collect::<Result<StringArray>>()?)))
    }
}

fn split(text: &str) -> Result<Name> {
    Name::split(text).ok_or_else(|| unfit(format!("cannot tell the parts of '{text}' apart")))
}

fn part(name: &str) -> Result<fn(Name) -> Option<String>> {
    match name {
        "first" => Ok(|name| Some(name.first)),
        "middle" => Ok(|name| name.middle),
        "last" => Ok(|name| Some(name.last)),
        "suffix" => Ok(|name| name.suffix),
        other => Err(DataFusionError::Plan(format!(
            "split_name has no part '{other}'; parts are 'first', 'middle', 'last' and 'suffix'"
        ))),
    }
}
