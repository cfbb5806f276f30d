//! The text of a new plan.

use std::{collections::BTreeSet, fmt::Write as _};

use toml_edit::{Key, Value};

use super::{CsvOptions, Kind, SecretRef, SidePlan, edit::secret_value, suggest::alike, without_password};
use crate::model::{Advice, Column, Table};

/// A source table, the destination table it goes to, where there is one already, and what rows say of types to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted {
    pub from: Table,
    pub to: Option<Table>,
    pub advice: Vec<Advice>,
}

/// Drafts a plan: both sides, and each source table with the destination table it goes to, where there is one already.
/// Names that differ only in case or word breaks are written as renames; what has no counterpart stands in a comment. A
/// password in a URL is left out.
pub fn draft((name, kind): (&str, Kind), source: &SidePlan, destination: &SidePlan, tables: &[Drafted]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "[plan]\nname = {}", quoted(name));
    if kind != Kind::default() {
        let _ = writeln!(text, "kind = {}", quoted(kind.word()));
    }
    text.push('\n');
    side(&mut text, "source", source);
    side(&mut text, "destination", destination);
    if kind == Kind::Scheduled {
        text.push_str("[when]\nwindow = \"22:00-05:00\"  # a run starts when it opens, on this host's clock\n\n");
    }
    text.push_str(
        "[run]\non_error = \"ask\"  # a row that cannot go as it is: ask | skip | stop | flag\nparallel = 4\n",
    );
    if tables.is_empty() {
        text.push_str("\n# [[table]]\n# from = \"source_table\"\n# to = \"destination_table\"\n");
    } else {
        text.push_str(HELP);
    }
    text.extend(tables.iter().map(draft_table));
    text
}

/// The text of one table, to stand at a plan's end.
pub(super) fn draft_table(Drafted { from, to, advice }: &Drafted) -> String {
    let mut text = String::new();
    table(&mut text, from, to.as_ref());
    if to.is_none() && !advice.is_empty() {
        advise(&mut text, advice);
    }
    text
}

const HELP: &str = "
# Columns map to those of their own name. Under a table, [table.columns] changes that, destination column first:
#   id = \"customer_id\"                    a rename
#   email = { expr = \"lower(email)\" }     an SQL expression over the source columns
# skip = [\"column\"] on a table leaves source columns behind.
";

fn side(text: &mut String, name: &str, side: &SidePlan) {
    let _ = writeln!(text, "[{name}]\nurl = {}", quoted(&without_password(&side.url)));
    if let Some(label) = &side.label {
        let _ = writeln!(text, "label = {}", quoted(label));
    }
    if let Some(password) = &side.password {
        let _ = writeln!(text, "password = {}", secret(password));
    }
    if side.csv != CsvOptions::default() {
        let _ = writeln!(text, "csv = {}", csv(&side.csv));
    }
    text.push('\n');
}

fn secret(password: &SecretRef) -> String {
    secret_value(password).to_string().trim().to_owned()
}

fn csv(csv: &CsvOptions) -> String {
    let default = CsvOptions::default();
    let mut parts = Vec::new();
    let mut part = |differs: bool, key: &str, value: String| {
        if differs {
            parts.push(format!("{key} = {value}"));
        }
    };
    part(csv.delimiter != default.delimiter, "delimiter", quoted(&csv.delimiter.to_string()));
    part(csv.quote != default.quote, "quote", quoted(&csv.quote.to_string()));
    part(csv.header != default.header, "header", csv.header.to_string());
    part(csv.encoding != default.encoding, "encoding", quoted(&csv.encoding));
    part(csv.null != default.null, "null", quoted(&csv.null));
    format!("{{ {} }}", parts.join(", "))
}

fn table(text: &mut String, from: &Table, to: Option<&Table>) {
    let name = to.map_or(&from.name, |to| &to.name);
    let _ = writeln!(text, "\n[[table]]\nfrom = {}\nto = {}", quoted(&from.name), quoted(name));
    if let Some(to) = to {
        columns(text, from, to);
    }
}

/// What is taken stands as it is; what somebody has to decide stands in a comment.
fn advise(text: &mut String, advice: &[Advice]) {
    text.push_str("\n[table.columns]\n");
    for advice in advice {
        let mark = if advice.is_taken() { "" } else { "# " };
        let key = Key::new(&advice.sighting.column);
        let (name, ty) = (key.display_repr(), quoted(&advice.ty.to_string()));
        let _ = writeln!(text, "{mark}{name} = {{ type = {ty} }}  # {}", advice.reason());
    }
}

fn columns(text: &mut String, from: &Table, to: &Table) {
    let matched = likeness(from, to);
    let fed: BTreeSet<&str> = matched.iter().map(|(target, _)| target.name.as_str()).collect();
    let used: BTreeSet<&str> = matched.iter().map(|(_, source)| source.name.as_str()).collect();
    let unmatched = from.columns.iter().map(|column| column.name.as_str()).filter(|name| !used.contains(name));
    comment(text, "unmatched", unmatched);
    let unfed = to.columns.iter().filter(|column| !fed.contains(column.name.as_str()) && !column.may_be_left_out());
    comment(text, "required by the destination, without a source", unfed.map(|column| column.name.as_str()));
    let renames: Vec<_> = matched.iter().filter(|(target, source)| !maps_itself(from, target, source)).collect();
    if !renames.is_empty() {
        text.push_str("\n[table.columns]\n");
    }
    for (target, source) in renames {
        let _ = writeln!(text, "{} = {}", Key::new(&target.name).display_repr(), quoted(&source.name));
    }
}

/// Each destination column with the source column that is it by name: the same, the same but for case, or alike. No
/// source column is taken twice, and nothing is taken where two are alike.
fn likeness<'t>(from: &'t Table, to: &'t Table) -> Vec<(&'t Column, &'t Column)> {
    let mut pairs: Vec<(&Column, &Column)> = Vec::new();
    let rules: [fn(&str, &str) -> bool; 3] = [|a, b| a == b, |a, b| a.to_lowercase() == b.to_lowercase(), alike];
    for same in rules {
        for target in to.columns.iter().filter(|column| !column.generated) {
            let free = |source: &&Column| !pairs.iter().any(|(_, taken)| taken.name == source.name);
            let mut found = from.columns.iter().filter(free).filter(|source| same(&target.name, &source.name));
            let fed = pairs.iter().any(|(fed, _)| fed.name == target.name);
            if let (false, Some(source), None) = (fed, found.next(), found.next()) {
                pairs.push((target, source));
            }
        }
    }
    pairs.sort_by_key(|(target, _)| to.columns.iter().position(|column| column.name == target.name));
    pairs
}

/// Whether the mapping would find the pair without being told.
fn maps_itself(from: &Table, target: &Column, source: &Column) -> bool {
    let lower = target.name.to_lowercase();
    let same = from.columns.iter().filter(|column| column.name.to_lowercase() == lower).count();
    target.name == source.name || (source.name.to_lowercase() == lower && same == 1)
}

fn comment<'n>(text: &mut String, what: &str, names: impl Iterator<Item = &'n str>) {
    let names: Vec<String> = names.map(|name| name.escape_debug().to_string()).collect();
    if !names.is_empty() {
        let _ = writeln!(text, "# {what}: {}", names.join(", "));
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{ColumnType, Sight, Sighting},
        plan::{parse, resolve},
    };

    fn table_of(name: &str, columns: &[&str]) -> Table {
        let columns = columns.iter().map(|name| Column::new(*name, ColumnType::TEXT)).collect();
        Table { name: name.into(), columns, ..Table::default() }
    }

    fn side_of(url: &str) -> SidePlan {
        SidePlan { url: url.into(), ..SidePlan::default() }
    }

    #[test]
    fn a_draft_is_a_plan_that_resolves() {
        let from = table_of("Customers", &["CustomerId", "EMail", "name", "odd one", "legacy"]);
        let mut to = table_of("customers", &["customer_id", "email", "Name", "odd_one", "tier"]);
        to.columns[4].nullable = false;
        let source = SidePlan {
            password: Some(SecretRef::Env("PW".into())),
            label: Some("production".into()),
            ..side_of("postgres://u:s3cret@h/d")
        };
        let destination = SidePlan {
            csv: CsvOptions { delimiter: ';', null: "NULL".into(), ..CsvOptions::default() },
            ..side_of("csv:out")
        };
        let advice = |column: &str, sight, ty| Advice {
            sighting: Sighting { column: column.into(), sight, values: 2, rows: 10 },
            ty,
        };
        let seen = vec![
            advice("x", Sight::BeyondADay, ColumnType::Other("interval".into())),
            advice("y z", Sight::OffCalendar, ColumnType::TEXT),
        ];
        let drafted =
            |from: &Table, to: Option<&Table>, advice| Drafted { from: from.clone(), to: to.cloned(), advice };
        let tables = [drafted(&from, Some(&to), Vec::new()), drafted(&table_of("a \"b\"", &["x", "y z"]), None, seen)];
        let text = draft(("the \"new\" one", Kind::OneTime), &source, &destination, &tables);
        assert!(!text.contains("s3cret"), "{text}");
        assert!(
            text.contains("\n# unmatched: legacy\n# required by the destination, without a source: tier\n"),
            "{text}"
        );
        assert!(text.contains("\ncustomer_id = \"CustomerId\"\nodd_one = \"odd one\"\n"), "{text}");

        assert!(text.contains("\nx = { type = \"other(interval)\" }  # 2 of the 10 rows looked at are no"), "{text}");
        assert!(text.contains("\n# \"y z\" = { type = \"text\" }  # 2 of the 10 rows"), "{text}");
        let parsed = parse(&text);
        assert_eq!(parsed.problems, [], "{text}");
        let plan = parsed.plan.unwrap();
        assert_eq!(plan.name, "the \"new\" one");
        assert_eq!(plan.source, SidePlan { url: "postgres://u@h/d".into(), ..source });
        assert_eq!(plan.destination, destination);
        assert_eq!(plan.tables.len(), 2);
        let mapping = resolve(&plan.tables[0], &from, Some(&to), &|_| unreachable!());
        let fed: Vec<_> = mapping.columns.iter().filter_map(|column| column.source_column()).collect();
        assert_eq!(fed, ["CustomerId", "EMail", "name", "odd one"]);
        assert_eq!(mapping.unused, ["legacy"]);
    }

    #[test]
    fn nothing_is_guessed_where_two_are_alike() {
        let (from, to) = (table_of("t", &["user_id", "User-Id"]), table_of("t", &["userid"]));
        assert_eq!(likeness(&from, &to), []);
        let (from, to) = (table_of("t", &["a", "A"]), table_of("t", &["A", "a"]));
        let names: Vec<_> = likeness(&from, &to).into_iter().map(|(to, from)| (&to.name[..], &from.name[..])).collect();
        assert_eq!(names, [("A", "A"), ("a", "a")]);
    }

    #[test]
    fn a_draft_without_tables_says_how_to_add_one() {
        let text = draft(("x", Kind::OneTime), &side_of("sqlite:a.db"), &side_of("sqlite:b.db"), &[]);
        assert!(text.contains("# [[table]]"));
        assert!(parse(&text).plan.is_some());
    }
}
