//! MySQL's spelling of what all systems have, and what it can make a table with.
//!
//! Pure. May not talk to a server.

use datafusion::sql::sqlparser::dialect::{Dialect, MySqlDialect};

use super::{sql, types::word_of};
use crate::{
    endpoint::{
        carry::{Carrier, DEFERRAL, MATCH_FULL, SET_DEFAULT},
        formula::{Tongue, common_call, is_text},
    },
    model::{Action, Column, ColumnType, Deferral, ForeignKey, Formula, Index, System, Table},
};

pub(super) struct MysqlTongue;

/// Bytes that an entry of an index may have.
pub(super) const ENTRY: usize = 3072;

/// Characters of a column without a limit that an index takes up, where there is room.
const PREFIX: usize = 255;

impl Tongue for MysqlTongue {
    fn grammar(&self) -> &'static dyn Dialect {
        &MySqlDialect {}
    }

    fn call(&self, name: &str, arguments: &[Formula]) -> Option<Formula> {
        match (name, arguments) {
            ("now" | "localtime" | "localtimestamp", [] | [Formula::Number(_)]) => Some(Formula::Now),
            ("curdate", []) => Some(Formula::Today),
            ("length", [text]) if is_text(text) => Some(Formula::Octets(Box::new(text.clone()))),
            _ => common_call(name, arguments),
        }
    }

    fn name(&self, name: &str) -> String {
        sql::name(name)
    }

    fn text(&self, text: &str) -> String {
        sql::quoted(text)
    }

    fn date(&self, text: &str) -> String {
        sql::quoted(text)
    }

    fn timestamp(&self, text: &str) -> Option<String> {
        Some(sql::quoted(text))
    }

    fn length(&self, of: String) -> String {
        format!("char_length({of})")
    }

    fn octets(&self, of: String) -> String {
        format!("octet_length({of})")
    }

    /// With as many digits as the column keeps: another number is refused.
    fn now(&self, column: &Column) -> Option<String> {
        Some(format!("CURRENT_TIMESTAMP({})", digits(column)))
    }

    /// `CURRENT_TIMESTAMP` is the clock of the session's time zone.
    fn utc(&self, column: &Column) -> String {
        format!("(UTC_TIMESTAMP({}))", digits(column))
    }

    fn today(&self) -> String {
        "(CURRENT_DATE())".into()
    }
}

impl Carrier for MysqlTongue {
    fn system(&self) -> System {
        System::Mysql
    }

    /// Text and bytes without a limit are indexed by as much of their beginning as an entry holds.
    fn index(&self, index: &Index, table: &Table) -> Result<String, String> {
        let columns = index.parts.iter().filter_map(|part| table.column(&part.column));
        let bytes: usize = columns.map(entry_bytes).sum();
        if index.unique && bytes > ENTRY {
            return Err(format!("its columns take up to {bytes} bytes, and MySQL's indexes {ENTRY}"));
        }
        let mut parts = Vec::new();
        let room = ENTRY / 4 / index.parts.len().max(1);
        for part in &index.parts {
            let Some(column) = table.column(&part.column) else { continue };
            if column.ty == ColumnType::Json {
                return Err(format!("MySQL indexes no json, which {} is of", column.name));
            }
            let prefix = prefix(column, room).filter(|_| !index.unique);
            let prefix = prefix.map_or(String::new(), |prefix| format!("({prefix})"));
            let falling = if part.descending { " DESC" } else { "" };
            parts.push(format!("{}{prefix}{falling}", sql::name(&part.column)));
        }
        let kind = if index.unique { "UNIQUE KEY" } else { "KEY" };
        Ok(format!("{kind} ({})", parts.join(", ")))
    }

    fn comments(&self) -> Option<(usize, usize)> {
        Some((2048, 1024))
    }

    fn counts(&self, table: &Table, column: &Column) -> bool {
        super::ddl::is_counted(table, column)
    }

    fn lists_labels(&self, column: &Column) -> bool {
        word_of(&column.native) == "enum"
    }

    fn lacks(&self, key: &ForeignKey) -> Vec<&'static str> {
        let sets_default = [key.on_delete, key.on_update].contains(&Action::SetDefault);
        let lacks = [(sets_default, SET_DEFAULT), (key.deferral != Deferral::Never, DEFERRAL), (key.full, MATCH_FULL)];
        lacks.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect()
    }
}

/// Digits of a second's fraction that a column of time keeps.
fn digits(column: &Column) -> &str {
    column.native.split_once('(').and_then(|(_, rest)| rest.split(')').next()).unwrap_or("0")
}

/// About how many bytes the column takes in an index that takes it whole.
fn entry_bytes(column: &Column) -> usize {
    let characters = |max: Option<u32>| max.map_or(PREFIX, |max| max as usize);
    match &column.ty {
        ColumnType::Text { .. } if matches!(word_of(&column.native), "enum" | "set") => 8,
        ColumnType::Text { max } => 4 * characters(*max) + 2,
        ColumnType::Bytes { max } => characters(*max) + 2,
        _ => 16,
    }
}

/// How many characters of the column an index takes, where it cannot take all.
fn prefix(column: &Column, room: usize) -> Option<usize> {
    let limited = match &column.ty {
        ColumnType::Text { max } | ColumnType::Bytes { max } => max.map(|max| max as usize),
        _ => return None,
    };
    let is_long = matches!(word_of(&column.native), "longtext" | "mediumtext" | "text" | "tinytext")
        || word_of(&column.native).ends_with("blob");
    let fits = limited.is_some_and(|limited| limited <= room) && !is_long;
    let is_enum = matches!(word_of(&column.native), "enum" | "set");
    (!fits && !is_enum).then_some(room.min(PREFIX))
}

/// The labels as a type, if there can be such a one: a blank at the end is cut, and with it labels would be alike.
pub(super) fn labelled(labels: &[String]) -> Option<String> {
    let fits = |label: &String| label.chars().count() <= 255 && !label.ends_with(' ') && !label.contains('\0');
    let quoted: Vec<String> = labels.iter().map(|label| sql::quoted(label)).collect();
    (!labels.is_empty() && labels.len() <= 3000 && labels.iter().all(fits))
        .then(|| format!("enum({})", quoted.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        endpoint::formula::{default, expression, literal, write},
        model::IndexPart,
    };

    #[test]
    fn the_servers_own_words_are_understood() {
        let columns = [("a", "integer"), ("s", "varchar(9)"), ("d", "date"), ("x y", "decimal(10,2)")]
            .map(|(name, ty)| Column::new(name, ty.parse().unwrap()));
        for (text, meant) in [
            ("`a` > 0 and `s` in ('x','it\\'s')", "((`a` > 0) AND (`s` IN ('x', 'it''s')))"),
            ("`a` between 1 and 5", "((`a` >= 1) AND (`a` <= 5))"),
            ("char_length(`s`) > 2 or `s` is null", "((char_length(`s`) > 2) OR (`s` IS NULL))"),
            ("length(`s`) <= 8", "(octet_length(`s`) <= 8)"),
            ("`d` > '2020-02-29'", "(`d` > '2020-02-29')"),
            ("`x y` + 1 <> -1", "((`x y` + 1) <> -1)"),
            ("((`a` >= 1) and (`s` <> _utf8mb4'z'))", "((`a` >= 1) AND (`s` <> 'z'))"),
        ] {
            let formula = expression(&MysqlTongue, text, &columns, None).formula;
            assert_eq!(formula.and_then(|formula| write(&MysqlTongue, &formula)).as_deref(), Some(meant), "{text}");
        }
        for text in
            ["`s` like 'a%'", "`s` regexp 'a'", "`d` > '2020-00-00'", "`s` > 'm'", "`a` div 2 = 1", "json_valid(`s`)"]
        {
            assert_eq!(expression(&MysqlTongue, text, &columns, None).formula, None, "{text}");
        }
        let named = expression(&MysqlTongue, "`x y` > `a` * 2", &columns, None).columns;
        assert_eq!(named, ["a", "x y"]);
    }

    #[test]
    fn defaults_go_both_ways() {
        let column = |ty: &str, native: &str| Column { native: native.into(), ..Column::new("c", ty.parse().unwrap()) };
        for (ty, native, formula, written) in [
            ("timestamp", "datetime(6)", Formula::Now, Some("CURRENT_TIMESTAMP(6)")),
            ("timestamp", "datetime(6)", Formula::Instant, Some("(UTC_TIMESTAMP(6))")),
            ("date", "date", Formula::Today, Some("(CURRENT_DATE())")),
            ("tinyint", "tinyint(1)", Formula::Boolean(true), Some("1")),
            ("text", "longtext", Formula::Text("it's".into()), Some("'it''s'")),
            ("integer", "int", Formula::Text("x".into()), None),
        ] {
            assert_eq!(literal(&MysqlTongue, &formula, &column(ty, native)).as_deref(), written, "{ty}");
        }
        for (text, ty, meant) in [
            ("'abc'", "text", Some(Formula::Text("abc".into()))),
            ("current_timestamp()", "timestamptz", Some(Formula::Instant)),
            ("CURRENT_TIMESTAMP", "timestamp", Some(Formula::Now)),
            ("'0000-00-00'", "date", None),
            ("b'1'", "boolean", Some(Formula::Boolean(true))),
            ("b'0'", "bigint unsigned", Some(Formula::Number("0".into()))),
            ("b'101'", "bigint unsigned", None),
            ("0.00", "decimal(4,2)", Some(Formula::Number("0.00".into()))),
            ("uuid()", "text", None),
        ] {
            assert_eq!(default(&MysqlTongue, text, &column(ty, "")), meant, "{text}");
        }
    }

    #[test]
    fn an_index_takes_as_much_of_a_long_column_as_it_may() {
        let column = |name: &str, ty: &str, native: &str| Column {
            native: native.into(),
            ..Column::new(name, ty.parse().unwrap())
        };
        let columns = vec![
            column("a", "text", "longtext"),
            column("b", "varchar(300)", "varchar(300)"),
            column("c", "bigint", "bigint"),
            column("j", "json", "json"),
        ];
        let table = Table { columns, ..Table::default() };
        let over = |names: &[&str]| {
            let parts = names.iter().map(|name| IndexPart { column: (*name).into(), descending: *name == "c" });
            MysqlTongue.index(&Index { parts: parts.collect(), ..Index::default() }, &table)
        };
        assert_eq!(over(&["a", "c"]).unwrap(), "KEY (`a`(255), `c` DESC)");
        assert_eq!(over(&["b"]).unwrap(), "KEY (`b`)");
        assert_eq!(over(&["a", "b", "c", "c"]).unwrap(), "KEY (`a`(192), `b`(192), `c` DESC, `c` DESC)");
        assert!(over(&["j"]).unwrap_err().contains("json"));
    }
}
