//! The one place where names become SQL.

/// A name as an identifier, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn quoted_list<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `OR ABORT` overrides whatever the table's constraints say about conflicts (`REPLACE` would delete a row, `IGNORE`
/// lose one, `ROLLBACK` end the chunk's transaction).
pub(super) fn insert(table: &str, columns: &[String]) -> String {
    if columns.is_empty() {
        return format!("INSERT OR ABORT INTO {} DEFAULT VALUES", quoted(table));
    }
    insert_rows(table, columns, 1)
}

/// The same of so many rows at once, one's parameters behind the other's.
pub(super) fn insert_rows(table: &str, columns: &[String], rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    let rows = vec![row; rows].join(", ");
    format!("INSERT OR ABORT INTO {} ({}) VALUES {rows}", quoted(table), quoted_list(columns))
}

/// Takes out the row with these columns' values.
pub(super) fn delete_by(table: &str, columns: &[&str]) -> String {
    let same: Vec<String> = columns.iter().map(|column| format!("{} = ?", quoted(column))).collect();
    format!("DELETE FROM {} WHERE {}", quoted(table), same.join(" AND "))
}

pub(super) fn delete_all(table: &str) -> String {
    format!("DELETE FROM {}", quoted(table))
}
