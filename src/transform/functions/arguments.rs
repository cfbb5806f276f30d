//! What our functions' arguments have in common: a text of the row, and a literal that says what to do with it.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, StringArray},
        datatypes::DataType,
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs},
};

/// The text of a row that a function cannot take.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unfit(String);

pub(super) fn unfit(message: String) -> DataFusionError {
    DataFusionError::External(Box::new(Unfit(message)))
}

/// `(text, 'literal')` in whatever form the text comes.
pub(super) fn coerce(function: &str, usage: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let text = |ty: &DataType| {
        matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
            || matches!(ty, DataType::Dictionary(_, values) if values.is_string())
    };
    match types {
        [first, second] if text(first) && text(second) => Ok(vec![DataType::Utf8, DataType::Utf8]),
        _ => Err(DataFusionError::Plan(format!("{function} is written {usage} and takes two texts"))),
    }
}

/// The second argument, once the expression is compiled.
pub(super) fn literal<'a>(function: &str, what: &str, call: &ReturnFieldArgs<'a>) -> Result<&'a str> {
    match call.scalar_arguments.get(1).copied().flatten() {
        Some(
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)),
        ) => Ok(text),
        _ => Err(DataFusionError::Plan(format!("the {what} of {function} must be written out in single quotes"))),
    }
}

/// The texts of the rows and the literal, while the expression is evaluated.
pub(super) fn texts(function: &str, call: &ScalarFunctionArgs) -> Result<(ArrayRef, String)> {
    let wrong = || DataFusionError::Plan(format!("{function} takes a text and a literal"));
    let [texts, ColumnarValue::Scalar(ScalarValue::Utf8(Some(literal)))] = call.args.as_slice() else {
        return Err(wrong());
    };
    let texts = texts.to_array(call.number_rows)?;
    if texts.data_type() == &DataType::Utf8 { Ok((texts, literal.clone())) } else { Err(wrong()) }
}

pub(super) fn as_texts(array: &ArrayRef) -> Result<&StringArray> {
    array.as_string_opt::<i32>().ok_or_else(|| DataFusionError::Plan("expected text".into()))
}
