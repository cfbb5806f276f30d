//! Values as text, and texts that must have a form: UUID, JSON, decimal numbers.

use std::borrow::Cow;

use datafusion::arrow::{array::ArrayRef, error::ArrowError, util::display::FormatOptions};
use serde::de::IgnoredAny;
use uuid::Uuid;

use crate::model::ColumnType;

use super::{
    Converted,
    number::Number,
    read::{Texts, kept, strings},
};

/// The text that [`crate::model::cell_at`] shows: one notation everywhere.
pub(super) fn to_text(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    Ok(strings(array, |row| Ok(texts.at(row))))
}

/// The usual 36 characters (braces and missing hyphens are read as well), in lower case.
pub(super) fn to_uuid(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    Ok(strings(array, |row| {
        let text = texts.at(row);
        match Uuid::try_parse(&text) {
            Ok(uuid) => Ok(Cow::Owned(uuid.hyphenated().to_string())),
            Err(_) => Err(format!("'{text}' is not a UUID")),
        }
    }))
}

/// The text as it is, if it is JSON.
pub(super) fn to_json(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    let is_json = |text: &str| match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("'{text}' is not JSON: {error}")),
    };
    if let Some(kept) = kept(array, is_json) {
        return Ok(kept);
    }
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    Ok(strings(array, |row| {
        let text = texts.at(row);
        is_json(&text).map(|()| text)
    }))
}

/// All digits of the number and nothing else: no exponent, no zeros in front.
pub(super) fn to_numeric(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    Ok(strings(array, |row| {
        let text = texts.at(row);
        match (Number::parse(&text), text.as_ref()) {
            (Some(number), _) => Ok(Cow::Owned(number.plain())),
            // A number without limits knows these too; who takes numbers only refuses them.
            (None, "NaN" | "Infinity" | "-Infinity") => Ok(text),
            (None, "inf") => Ok(Cow::Borrowed("Infinity")),
            (None, "-inf") => Ok(Cow::Borrowed("-Infinity")),
            (None, _) => Err(format!("'{text}' is not a decimal number")),
        }
    }))
}
