//! What a complaint of the server says about a row: the cause, the column, and where in the statement the row stood.

use super::{catalog::Index, error::Complaint};
use crate::model::Cause;

pub(super) fn cause(complaint: &Complaint) -> Cause {
    match complaint.number {
        1022 | 1062 | 1169 | 1586 => Cause::Unique,
        1216 | 1452 => Cause::Reference,
        1048 | 1364 => Cause::Null,
        1264 | 1406 => Cause::Length,
        _ => Cause::Refused,
    }
}

/// The column that the message names; for a duplicate the key's only column.
pub(super) fn column(complaint: &Complaint, columns: &[String], indexes: &[Index]) -> Option<String> {
    let message = complaint.message.as_str();
    let named = match complaint.number {
        1022 | 1062 | 1169 | 1586 => index_column(between(message, "for key '", "'")?, indexes),
        1452 => between(message, "FOREIGN KEY (`", "`)").map(str::to_owned),
        // MariaDB names a column's own check after the column.
        4025 => between(message, "CONSTRAINT `", "`").map(|name| name.rsplit('.').next().unwrap_or(name).to_owned()),
        _ => after_word(message),
    };
    named.filter(|name| columns.contains(name))
}

/// MariaDB says `PRIMARY`, MySQL 8 `table.PRIMARY`.
fn index_column(key: &str, indexes: &[Index]) -> Option<String> {
    let bare = key.rsplit_once('.').map_or(key, |(_, bare)| bare);
    let index = indexes.iter().find(|index| index.name == key).or_else(|| indexes.iter().find(|i| i.name == bare))?;
    if let [column] = index.columns.as_slice() { Some(column.clone()) } else { None }
}

/// `Column 'c' cannot be null`, `... for column 'c' at row 1`, ``... for column `d`.`t`.`c` at row 1``, `Field 'c' ...`.
fn after_word(message: &str) -> Option<String> {
    let full = between(message, "column `", "` at row").map(|path| path.rsplit("`.`").next().unwrap_or(path));
    let plain = || ["column '", "Column '", "Field '"].iter().find_map(|word| between(message, word, "'"));
    full.or_else(plain).map(str::to_owned)
}

fn between<'m>(message: &'m str, start: &str, end: &str) -> Option<&'m str> {
    let (_, rest) = message.rsplit_once(start)?;
    rest.split_once(end).map(|(name, _)| name)
}

/// The row of the statement that the message blames, from 0.
pub(super) fn blamed_row(complaint: &Complaint) -> Option<usize> {
    let (_, rest) = complaint.message.rsplit_once("at row ")?;
    rest.trim().parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_name_the_column() {
        let columns: Vec<String> = ["c", "a", "b"].iter().map(|name| (*name).to_owned()).collect();
        let index = |name: &str, columns: &[&str]| Index {
            name: name.into(),
            unique: true,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            whole: true,
            nullable: false,
            ordered: true,
            kind: "BTREE".into(),
            parts: Vec::new(),
        };
        let indexes = [index("PRIMARY", &["a"]), index("ab", &["a", "b"])];
        for (number, message, expected) in [
            (1048, "Column 'c' cannot be null", Some("c")),
            (1406, "Data too long for column 'c' at row 3", Some("c")),
            (1366, "Incorrect string value: '\\xF0' for column `d`.`t`.`c` at row 2", Some("c")),
            (1364, "Field 'c' doesn't have a default value", Some("c")),
            (1062, "Duplicate entry '1' for key 'PRIMARY'", Some("a")),
            (1062, "Duplicate entry '1' for key 't.PRIMARY'", Some("a")),
            (1062, "Duplicate entry 'for key 'x' for key 'PRIMARY'", Some("a")),
            (1062, "Duplicate entry '1-2' for key 'ab'", None),
            (1452, "... (`d`.`t`, CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `p` (`id`))", Some("b")),
            (4025, "CONSTRAINT `t.c` failed for `d`.`t`", Some("c")),
            (1265, "Data truncated", None),
        ] {
            let complaint = Complaint { number, state: String::new(), message: message.into() };
            assert_eq!(column(&complaint, &columns, &indexes).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn a_row_number_is_taken_from_the_end() {
        let complaint = |message: &str| Complaint { number: 1406, state: String::new(), message: message.into() };
        assert_eq!(blamed_row(&complaint("Data too long for column 'at row 9' at row 3")), Some(2));
        assert_eq!(blamed_row(&complaint("Duplicate entry")), None);
    }
}
