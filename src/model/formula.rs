//! Expressions that mean the same in every system.
//!
//! May not know any dialect. One idea: a formula holds only what every system computes alike, and each of its columns
//! says which kind of value it was written for, so that whoever writes it anew can see whether it still means the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ColumnType;

/// What a value compares as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Number,
    Text,
    Boolean,
    Date,
    Timestamp,
}

impl Kind {
    /// `None` for types that systems compare in ways of their own.
    pub fn of(ty: &ColumnType) -> Option<Self> {
        match ty {
            ColumnType::Boolean => Some(Self::Boolean),
            ColumnType::Text { .. } => Some(Self::Text),
            ColumnType::Date => Some(Self::Date),
            ColumnType::Timestamp { .. } => Some(Self::Timestamp),
            ty if ty.is_number() => Some(Self::Number),
            _ => None,
        }
    }

    /// Whether values of this kind compare in a column of type `ty` as they did. Truth values do as 0 and 1.
    pub fn fits(self, ty: &ColumnType) -> bool {
        let found = Self::of(ty);
        found == Some(self) || (self == Self::Boolean && matches!(ty, ColumnType::Integer { .. }))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Formula {
    Column {
        name: String,
        kind: Kind,
    },
    /// As its digits.
    Number(String),
    Text(String),
    Boolean(bool),
    /// `2024-02-29`.
    Date(String),
    /// `2024-02-29 23:59:59.5`, a wall clock's.
    Timestamp(String),
    Null,
    /// The current date and time of whoever asks.
    Now,
    /// The current moment, the same everywhere.
    Instant,
    Today,
    /// In characters.
    Length(Box<Formula>),
    /// In bytes.
    Octets(Box<Formula>),
    /// `+`, `-` or `*`.
    Arithmetic(Box<Formula>, char, Box<Formula>),
    Compare(Box<Formula>, Comparison, Box<Formula>),
    In(Box<Formula>, Vec<Formula>),
    IsNull(Box<Formula>),
    And(Vec<Formula>),
    Or(Vec<Formula>),
    Not(Box<Formula>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparison {
    /// Every dialect spells them alike.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether it asks for order, which for text is a matter of collation.
    pub fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }
}

impl Formula {
    /// The kind of value that it yields; `None` for NULL.
    pub fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Column { kind, .. } => *kind,
            Self::Number(_) | Self::Length(_) | Self::Octets(_) | Self::Arithmetic(..) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Date(_) | Self::Today => Kind::Date,
            Self::Timestamp(_) | Self::Now | Self::Instant => Kind::Timestamp,
            Self::Null => return None,
            _ => Kind::Boolean,
        })
    }

    /// Its parts, one level down.
    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Length(one) | Self::Octets(one) | Self::IsNull(one) | Self::Not(one) => vec![one],
            Self::Arithmetic(left, _, right) | Self::Compare(left, _, right) => vec![left, right],
            Self::In(value, list) => std::iter::once(&**value).chain(list).collect(),
            Self::And(all) | Self::Or(all) => all.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it or a part of it is what is looked for.
    pub fn has(&self, wanted: &dyn Fn(&Self) -> bool) -> bool {
        wanted(self) || self.parts().into_iter().any(|part| part.has(wanted))
    }

    /// The columns it mentions, with the kind each was written for; one may come twice.
    pub fn columns(&self) -> Vec<(&str, Kind)> {
        match self {
            Self::Column { name, kind } => vec![(name, *kind)],
            _ => self.parts().into_iter().flat_map(Self::columns).collect(),
        }
    }

    /// The same over columns of other names; `None` where one has none.
    pub fn renamed(&self, names: &BTreeMap<String, String>) -> Option<Self> {
        let boxed = |part: &Self| part.renamed(names).map(Box::new);
        let all = |parts: &[Self]| parts.iter().map(|part| part.renamed(names)).collect::<Option<Vec<_>>>();
        Some(match self {
            Self::Column { name, kind } => Self::Column { name: names.get(name)?.clone(), kind: *kind },
            Self::Length(one) => Self::Length(boxed(one)?),
            Self::Octets(one) => Self::Octets(boxed(one)?),
            Self::IsNull(one) => Self::IsNull(boxed(one)?),
            Self::Not(one) => Self::Not(boxed(one)?),
            Self::Arithmetic(left, sign, right) => Self::Arithmetic(boxed(left)?, *sign, boxed(right)?),
            Self::Compare(left, how, right) => Self::Compare(boxed(left)?, *how, boxed(right)?),
            Self::In(value, list) => Self::In(boxed(value)?, all(list)?),
            Self::And(parts) => Self::And(all(parts)?),
            Self::Or(parts) => Self::Or(all(parts)?),
            plain => plain.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Box<Formula> {
        Box::new(Formula::Column { name: name.into(), kind: Kind::Number })
    }

    #[test]
    fn columns_are_found_and_renamed_however_deep() {
        let low = Formula::Compare(column("a"), Comparison::AtLeast, Box::new(Formula::Number("0".into())));
        let sum = Formula::Arithmetic(column("a"), '+', column("b"));
        let list = Formula::In(Box::new(sum), vec![Formula::Number("1".into()), *column("c")]);
        let formula = Formula::Or(vec![Formula::Not(Box::new(low)), list]);
        let names =
            |formula: &Formula| formula.columns().iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&formula), ["a", "a", "b", "c"]);
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let renamed = formula.renamed(&map(&[("a", "x"), ("b", "b"), ("c", "z")])).unwrap();
        assert_eq!(names(&renamed), ["x", "x", "b", "z"]);
        assert_eq!(formula.renamed(&map(&[("a", "x"), ("b", "b")])), None);
    }

    #[test]
    fn a_kind_fits_only_where_values_compare_as_they_did() {
        let ty = |name: &str| name.parse::<ColumnType>().unwrap();
        assert!(Kind::Number.fits(&ty("decimal(10,2)")) && Kind::Boolean.fits(&ty("tinyint")));
        assert!(!Kind::Number.fits(&ty("text")) && !Kind::Text.fits(&ty("uuid")) && !Kind::Date.fits(&ty("text")));
    }
}
