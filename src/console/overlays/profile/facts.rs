//! The facts of a profile as lines: what each is, and how it reads.

use super::PARTS;
use crate::{
    console::{theme::Role, widgets::wrap},
    model::{Cell, clean, clip, display_width, thousands},
    protocol::{ColumnProfile, Conversion, Duplicates, ExampleRow, Reference, TableProfile, followed, share},
};

/// A line.
pub(in crate::console) type Fact = Vec<(Role, String)>;

fn named(name: &str, text: impl Into<String>) -> Fact {
    vec![(Role::Muted, format!("{name:<11}")), (Role::Text, text.into())]
}

fn shown(cell: &Cell, width: usize) -> String {
    if *cell == Cell::text("") {
        return "(empty text)".to_owned();
    }
    clip(&clean(&cell.display()), width)
}

/// All parts of a column's facts, this one first.
pub(super) fn of_column(column: &ColumnProfile, width: usize, part: usize) -> Vec<Vec<Fact>> {
    let mut parts: Vec<Vec<Fact>> =
        vec![facts(column, width), values(column, width), histogram(column, width), patterns(column, width)];
    parts.rotate_left(part.min(PARTS.len() - 1));
    parts
}

fn facts(column: &ColumnProfile, width: usize) -> Vec<Fact> {
    let of = |rows: u64| format!("{} ({})", thousands(rows), share(rows, column.rows));
    let room = width.saturating_sub(11);
    let mut facts = vec![
        named("type", clip(&column.ty, room)),
        named("rows", thousands(column.rows)),
        named("NULL", of(column.nulls)),
    ];
    for (name, rows) in [("empty", column.empty), ("blanks", column.blank_ends), ("not ASCII", column.non_ascii)] {
        facts.extend((rows > 0).then(|| named(name, of(rows))));
    }
    if column.unreadable > 0 {
        facts.push(vec![(Role::Error, format!("{:<11}{}", "unreadable", of(column.unreadable)))]);
    }
    facts.push(named("distinct", column.distinct.words()));
    if column.private {
        facts.push(vec![(Role::Warn, "private: values are not shown".to_owned())]);
    } else if let (Some(least), Some(greatest)) = (&column.least, &column.greatest) {
        facts.push(named("least", shown(least, room)));
        facts.push(named("greatest", shown(greatest, room)));
    }
    facts.extend(column.characters.map(|span| named("characters", span.words())));
    facts.extend(
        column.bytes.filter(|bytes| Some(*bytes) != column.characters).map(|span| named("bytes", span.words())),
    );
    facts.extend(
        column
            .digits
            .map(|digits| named("digits", format!("{} before the point, {} behind", digits.whole, digits.fraction))),
    );
    for (place, kind) in column.looks().into_iter().enumerate() {
        facts.push(named(if place == 0 { "looks like" } else { "or" }, clip(&kind, room)));
    }
    facts
}

fn heading(text: &str) -> Fact {
    vec![(Role::Header, text.to_owned())]
}

fn nothing(text: &str) -> Vec<Fact> {
    vec![vec![(Role::Muted, text.to_owned())]]
}

fn values(column: &ColumnProfile, width: usize) -> Vec<Fact> {
    if column.private {
        return nothing("Top values: private");
    }
    if column.values() == 0 {
        return nothing("Top values: there is none");
    }
    if column.top.first().is_none_or(|first| first.rows < 2) {
        return nothing("Top values: none stands out");
    }
    let sign = if column.top_error > 0 { "~" } else { "" };
    let mut lines = vec![match column.top_error {
        0 => heading("Top values"),
        error => heading(&format!("Top values, counts too high by ≤{}", thousands(error))),
    }];
    for frequent in &column.top {
        let count =
            format!("{:>11} {:>7}  ", format!("{sign}{}", thousands(frequent.rows)), share(frequent.rows, column.rows));
        let room = width.saturating_sub(display_width(&count));
        lines.push(vec![(Role::Muted, count), (Role::Text, shown(&frequent.value, room))]);
    }
    lines
}

fn histogram(column: &ColumnProfile, width: usize) -> Vec<Fact> {
    let Some(histogram) = &column.histogram else {
        return nothing(if column.private { "Histogram: private" } else { "Histogram: this type has none" });
    };
    let most = histogram.bars.iter().map(|bar| bar.rows).max().unwrap_or(0).max(1);
    let name = histogram.bars.iter().map(|bar| display_width(&bar.from)).max().unwrap_or(0);
    let room = width.saturating_sub(name + 13).clamp(4, 40) as u64;
    let mut lines =
        vec![heading(if histogram.of_lengths { "Lengths in characters" } else { "Histogram: from, up to the next" })];
    for bar in &histogram.bars {
        let filled = (u128::from(bar.rows) * u128::from(room)).div_ceil(u128::from(most)) as usize;
        let gap = " ".repeat(name.saturating_sub(display_width(&bar.from)));
        lines.push(vec![
            (Role::Muted, format!("{gap}{} ", bar.from)),
            (Role::Gauge, "█".repeat(filled)),
            (Role::Text, format!(" {}", thousands(bar.rows))),
        ]);
    }
    if histogram.beside > 0 {
        lines.push(vec![(Role::Muted, format!("{} infinite, or no number", thousands(histogram.beside)))]);
    }
    lines
}

fn patterns(column: &ColumnProfile, width: usize) -> Vec<Fact> {
    if column.patterns.is_empty() {
        return nothing(if column.private { "Patterns: private" } else { "Patterns: of texts only" });
    }
    let sign = if column.pattern_error > 0 { "~" } else { "" };
    let mut lines = vec![heading("Patterns: 9 a digit, A and a letters, a+ more of them")];
    for pattern in &column.patterns {
        let count =
            format!("{:>11} {:>7}  ", format!("{sign}{}", thousands(pattern.rows)), share(pattern.rows, column.rows));
        let room = width.saturating_sub(display_width(&count));
        lines.push(vec![(Role::Muted, count), (Role::Text, clip(&clean(&pattern.pattern), room))]);
    }
    lines
}

/// What is to be said of the rows as a whole.
pub(super) fn of_table(found: &TableProfile, width: usize) -> Vec<Fact> {
    let mut lines = Vec::new();
    let mut say = |role: Role, text: &str| {
        let wrapped = wrap(&clean(text), width).into_iter().enumerate();
        lines.extend(wrapped.map(|(place, line)| vec![(role, if place == 0 { line } else { format!("  {line}") })]));
    };
    found.duplicates.iter().for_each(|twice| duplicates(twice, &mut say));
    found.references.iter().for_each(|reference| references(&found.table, reference, &mut say));
    let unfit: Vec<&Conversion> = found.conversions.iter().filter(|conversion| conversion.failed > 0).collect();
    if unfit.is_empty() && !found.conversions.is_empty() {
        say(Role::Ok, "✓ every value that was looked at converts");
    }
    unfit.into_iter().for_each(|conversion| conversions(conversion, &mut say));
    found.remarks.iter().for_each(|remark| say(Role::Warn, &format!("! {remark}")));
    lines
}

type Say<'s> = &'s mut dyn FnMut(Role, &str);

fn duplicates(found: &Duplicates, say: Say<'_>) {
    let what = if found.key.is_empty() { "whole rows".to_owned() } else { format!("({})", found.key.join(", ")) };
    let only = if found.one_in > 1 { format!(", of one key in {}", found.one_in) } else { String::new() };
    match found.surplus {
        0 => say(Role::Ok, &format!("✓ no duplicates of {what}{only}")),
        surplus => say(Role::Error, &format!("✗ {} duplicates of {what}{only}", followed(surplus, found.one_in))),
    }
    if found.without_key > 0 {
        say(Role::Muted, &format!("    {} rows with a NULL in it", thousands(found.without_key)));
    }
    examples(&found.examples, say);
}

fn references(table: &str, found: &Reference, say: Say<'_>) {
    let label = found.label(table);
    let (orphans, referring) = (followed(found.orphans, found.one_in), thousands(found.referring));
    match (found.declared, found.orphans) {
        (true, 0) => say(Role::Ok, &format!("✓ {label}: {referring} rows refer, none to nothing")),
        (true, _) => say(Role::Error, &format!("✗ {label}: {orphans} of {referring} rows refer to nothing")),
        (false, _) => {
            let included = share(found.referring.saturating_sub(found.orphans), found.referring);
            say(Role::Muted, &format!("? {label}: not declared, but {included} of {referring} rows refer so"));
        }
    }
    examples(&found.examples, say);
}

fn examples(rows: &[ExampleRow], say: Say<'_>) {
    for row in rows {
        if row.cells.is_empty() {
            say(Role::Text, &format!("    row {} is the same as one before", thousands(row.row)));
            continue;
        }
        let cells: Vec<String> =
            row.cells.iter().map(|cell| format!("{} {}", cell.name, shown(&cell.cell, 30))).collect();
        say(Role::Text, &format!("    row {}: {}", thousands(row.row), cells.join(", ")));
    }
}

fn conversions(found: &Conversion, say: Say<'_>) {
    let (failed, tried) = (thousands(found.failed), thousands(found.tried));
    say(
        Role::Error,
        &format!("✗ {}: {failed} of {tried} values do not convert; expected {}", found.column, found.expected),
    );
    for example in &found.examples {
        let message = if found.private { String::new() } else { clean(&example.message) };
        // Most messages quote it.
        let unsaid = example.value.as_ref().filter(|cell| !message.contains(&clean(&cell.display())));
        let value = unsaid.map(|cell| format!("{}: ", shown(cell, 30))).unwrap_or_default();
        let said = format!("    row {}: {value}{message}", thousands(example.row));
        say(Role::Text, said.trim_end_matches(": "));
    }
}
