//! Which tables are too large to be kept whole, and which of them can only be kept so.

use super::{RestoreError, Wanted};
use crate::model::{ColumnType, Mode, Table};

pub(super) const GB: u64 = 1 << 30;

/// Why a table can only be kept whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Replaced,
    NoKey,
    FloatKey,
    NoMarks(String),
    File,
}

impl std::fmt::Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Replaced => f.write_str("the run replaces all of its rows"),
            Self::NoKey => f.write_str("it has no unique key, free of NULL and written by the run, to find rows by"),
            Self::FloatKey => f.write_str("its key is of floats, which no row can be found by exactly"),
            Self::NoMarks(why) => write!(f, "without marks nobody could tell which rows the run wrote ({why})"),
            Self::File => f.write_str("it is a file"),
        }
    }
}

/// What speaks against keeping only the rows that a run takes the place of. `marks`: why none can be kept.
pub(super) fn whole_only(wanted: &Wanted, definition: &Table, marks: Option<String>) -> Option<Whole> {
    let is_float =
        |name: &String| definition.column(name).is_some_and(|column| matches!(column.ty, ColumnType::Float { .. }));
    match () {
        () if wanted.mode == Mode::Replace => Some(Whole::Replaced),
        () if wanted.key.is_empty() => Some(Whole::NoKey),
        () if wanted.key.iter().any(is_float) => Some(Whole::FloatKey),
        () => marks.map(Whole::NoMarks),
    }
}

/// `definition`: of a table that is larger than is kept whole.
pub(super) fn too_large(definition: &Table, max_gb: u32, why: Whole) -> RestoreError {
    let over = u64::from(max_gb) + 1;
    let gb = definition.bytes.map_or(over, |bytes| bytes.div_ceil(GB).max(over));
    RestoreError::TooLarge { table: definition.name.clone(), gb, max_gb, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Column;

    #[test]
    fn only_what_can_be_found_row_by_row_and_told_apart_afterwards_needs_not_be_kept_whole() {
        let columns = vec![Column::new("id", ColumnType::BIGINT), Column::new("ratio", ColumnType::DOUBLE)];
        let table = Table { name: "t".into(), bytes: Some(3 * GB + 1), columns, ..Table::default() };
        let wanted = |mode, key: &[&str]| Wanted {
            name: "t".into(),
            exists: true,
            mode,
            written: table.columns.clone(),
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            touched: None,
        };
        let why =
            |mode, key: &[&str], marks: Option<&str>| whole_only(&wanted(mode, key), &table, marks.map(str::to_owned));
        assert_eq!(why(Mode::Upsert, &["id"], None), None);
        assert_eq!(why(Mode::Insert, &["id"], None), None);
        assert_eq!(why(Mode::Insert, &[], None), Some(Whole::NoKey));
        assert_eq!(why(Mode::Upsert, &["id", "ratio"], None), Some(Whole::FloatKey));
        assert_eq!(why(Mode::Replace, &["id"], None), Some(Whole::Replaced));
        assert_eq!(why(Mode::Upsert, &["id"], Some("no grant")), Some(Whole::NoMarks("no grant".into())));
        let told = too_large(&table, 3, Whole::NoMarks("no grant".into())).to_string();
        assert!(told.starts_with("t is 4 GB, and [restore] max_gb = 3;") && told.contains("(no grant)"), "{told}");
    }
}
