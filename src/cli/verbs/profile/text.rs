//! A profile as text, in 80 columns.

use crate::{
    model::{Cell, clean, clip, display_width, thousands},
    protocol::{
        ColumnProfile, Conversion, Duplicates, ExampleRow, HIDDEN, Histogram, Reference, TableProfile, followed, share,
    },
};

/// What of a value is printed.
const VALUE: usize = 40;
/// The longest bar.
const BAR: u64 = 24;
const WIDTH: usize = 80;
/// What is left of a line beside what it is about.
const ROOM: usize = WIDTH - 15;

pub(super) fn print(profile: &TableProfile) {
    println!("{}: {}", profile.table, profile.basis());
    profile.columns.iter().for_each(print_column);
    println!();
    profile.duplicates.iter().for_each(print_duplicates);
    profile.references.iter().for_each(|reference| print_reference(&profile.table, reference));
    profile.conversions.iter().for_each(print_conversion);
    if !profile.conversions.is_empty() && profile.conversions.iter().all(|conversion| conversion.failed == 0) {
        println!("  ✓ every value that was looked at converts");
    }
    profile.remarks.iter().for_each(|remark| println!("  ! {}", clean(remark)));
    if profile.broken_off {
        println!("  ! broken off: all figures are of the rows that were looked at until then");
    }
    println!();
}

fn print_column(column: &ColumnProfile) {
    let private = if column.private { ", private" } else { "" };
    println!("\n{}", self::line(&format!("  {} ({}{private})", column.column, column.ty)));
    let line = |name: &str, text: String| println!("    {name:<11}{}", clip(&text, ROOM));
    print_pieces("rows", &counts(column), ", ");
    line("distinct", column.distinct.words());
    if let (Some(least), Some(greatest)) = (&column.least, &column.greatest)
        && !column.private
    {
        line(
            "range",
            format!("{} to {}", of_type(column, least, VALUE / 2 + 4), of_type(column, greatest, VALUE / 2 + 4)),
        );
    }
    if let Some(span) = column.characters {
        let bytes = column.bytes.filter(|bytes| *bytes != span).map(|bytes| format!(", {} bytes", bytes.words()));
        line("length", format!("{} characters{}", span.words(), bytes.unwrap_or_default()));
    } else if let Some(span) = column.bytes {
        line("length", format!("{} bytes", span.words()));
    }
    print_pieces("looks like", &column.looks(), " or ");
    print_top(column);
    print_patterns(column);
    if let Some(histogram) = &column.histogram {
        print_histogram(histogram);
    }
}

/// A text in quotes, any other value without.
fn of_type(column: &ColumnProfile, cell: &Cell, width: usize) -> String {
    match column.characters {
        Some(_) => value(cell, width),
        None => clip(&clean(&cell.display()), width),
    }
}

/// What there is to say of one thing, in as many lines as it takes; nothing, where there is nothing to say.
fn print_pieces(name: &str, pieces: &[String], between: &str) {
    for (place, line) in flowed(pieces, between).into_iter().enumerate() {
        println!("    {:<11}{line}", if place == 0 { name } else { "" });
    }
}

/// Pieces side by side, as many as fit; one that is longer than a line is clipped.
fn flowed(pieces: &[String], between: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let ends = if place + 1 < pieces.len() { between } else { "" };
        let piece = format!("{}{ends}", clip(piece, ROOM - display_width(ends.trim_end())));
        match lines.last_mut() {
            Some(line) if display_width(line) + display_width(piece.trim_end()) <= ROOM => line.push_str(&piece),
            _ => lines.push(piece),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

fn counts(column: &ColumnProfile) -> Vec<String> {
    let of = |rows: u64| format!("{} ({})", thousands(rows), share(rows, column.rows));
    let mut parts = vec![format!("{} NULL", of(column.nulls))];
    for (rows, what) in [
        (column.empty, "empty"),
        (column.blank_ends, "with blanks at an end"),
        (column.non_ascii, "not ASCII"),
        (column.unreadable, "not of the type"),
    ] {
        parts.extend((rows > 0).then(|| format!("{} {what}", of(rows))));
    }
    parts
}

fn print_top(column: &ColumnProfile) {
    // Where every value is another one the first ten say nothing.
    if column.top.first().is_none_or(|first| first.rows < 2) {
        return;
    }
    let sign = if column.top_error > 0 { "~" } else { "" };
    let most = if column.top_error > 0 {
        format!(" (too high by at most {})", thousands(column.top_error))
    } else {
        String::new()
    };
    println!("    top values{most}");
    for frequent in &column.top {
        let rows = format!("{sign}{}", thousands(frequent.rows));
        println!(
            "      {rows:>12}  {:>7}  {}",
            share(frequent.rows, column.rows),
            of_type(column, &frequent.value, VALUE)
        );
    }
}

fn print_patterns(column: &ColumnProfile) {
    if column.patterns.is_empty() {
        return;
    }
    let sign = if column.pattern_error > 0 { "~" } else { "" };
    println!("    patterns");
    for pattern in column.patterns.iter().take(5) {
        let rows = format!("{sign}{}", thousands(pattern.rows));
        println!(
            "      {rows:>12}  {:>7}  {}",
            share(pattern.rows, column.rows),
            clip(&clean(&pattern.pattern), VALUE)
        );
    }
}

fn print_histogram(histogram: &Histogram) {
    let most = histogram.bars.iter().map(|bar| bar.rows).max().unwrap_or(0).max(1);
    if histogram.bars.len() < 2 {
        return;
    }
    println!("    {}", if histogram.of_lengths { "lengths" } else { "histogram (from, and up to the next)" });
    let width = histogram.bars.iter().map(|bar| display_width(&bar.from)).max().unwrap_or(0);
    for bar in &histogram.bars {
        let filled = (bar.rows * BAR).div_ceil(most) as usize;
        println!("      {:>width$}  {:<24}  {}", bar.from, "#".repeat(filled), thousands(bar.rows));
    }
    if histogram.beside > 0 {
        println!("      {} beside it: infinite, or no number", thousands(histogram.beside));
    }
}

fn print_duplicates(found: &Duplicates) {
    let what = match found.key.as_slice() {
        [] => "whole rows".to_owned(),
        key => format!("the key ({})", key.join(", ")),
    };
    let only = if found.one_in > 1 { format!(" (one key in {} was followed)", found.one_in) } else { String::new() };
    match found.surplus {
        0 => println!("{}", line(&format!("  ✓ no duplicates of {what}{only}"))),
        surplus => {
            let surplus = followed(surplus, found.one_in);
            println!("{}", line(&format!("  ✗ {surplus} duplicate(s) of {what}{only}")));
        }
    }
    if found.without_key > 0 {
        println!("      {} row(s) with a NULL in it", thousands(found.without_key));
    }
    print_examples(&found.examples);
}

fn print_reference(table: &str, found: &Reference) {
    let label = found.label(table);
    let (orphans, referring) = (followed(found.orphans, found.one_in), thousands(found.referring));
    let (sign, said) = match (found.declared, found.orphans) {
        (true, 0) => ("✓", format!("{referring} row(s) refer, none to nothing")),
        (true, _) => ("✗", format!("{orphans} of {referring} row(s) refer to nothing")),
        (false, _) => {
            let included = share(found.referring.saturating_sub(found.orphans), found.referring);
            ("?", format!("not declared, but {included} of {referring} row(s) refer so"))
        }
    };
    println!("  {sign} {}\n      {said}", clip(&clean(&label), WIDTH - 4));
    print_examples(&found.examples);
}

fn print_examples(examples: &[ExampleRow]) {
    for example in examples {
        if example.cells.is_empty() {
            println!("      row {} is the same as one before", thousands(example.row));
            continue;
        }
        let cells = example.cells.iter().map(|cell| format!("{} {}", cell.name, value(&cell.cell, VALUE / 2)));
        println!("      row {}: {}", thousands(example.row), clip(&cells.collect::<Vec<_>>().join(", "), 60));
    }
}

fn print_conversion(found: &Conversion) {
    if found.failed == 0 {
        return;
    }
    let (failed, tried) = (thousands(found.failed), thousands(found.tried));
    println!("{}", line(&format!("  ✗ {}: {failed} of {tried} value(s) do not convert", found.column)));
    println!("{}", line(&format!("      expected {}", found.expected)));
    for example in &found.examples {
        let message = if found.private { String::new() } else { clean(&example.message) };
        // Most messages quote it.
        let unsaid = example.value.as_ref().filter(|cell| !message.contains(&clean(&cell.display())));
        let shown = unsaid.map(|cell| format!("{}: ", value(cell, VALUE))).unwrap_or_default();
        println!(
            "      row {}: {}",
            thousands(example.row),
            clip(format!("{shown}{message}").trim_end_matches(": "), 60)
        );
    }
}

fn line(text: &str) -> String {
    clip(&clean(text), WIDTH)
}

fn value(cell: &Cell, width: usize) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) if text == HIDDEN => HIDDEN.to_owned(),
        cell => format!("'{}'", clip(&clean(&cell.display()), width)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_in_a_line_goes_into_the_next_and_nothing_is_lost() {
        let column = ColumnProfile {
            rows: 1_234_567,
            nulls: 150_000,
            empty: 12_000,
            blank_ends: 340_000,
            non_ascii: 70_000,
            unreadable: 99_000,
            ..ColumnProfile::default()
        };
        let pieces = counts(&column);
        let lines = flowed(&pieces, ", ");
        assert!(lines.len() > 1 && lines.iter().all(|line| display_width(line) <= ROOM), "{lines:?}");
        assert_eq!(lines.join(" "), pieces.join(", "));
        assert_eq!(flowed(&["a".into(), "b".into()], " or "), ["a or b"]);
        assert!(display_width(&flowed(&["x".repeat(200)], ", ")[0]) <= ROOM);
        assert!(flowed(&[], ", ").is_empty());
    }
}
