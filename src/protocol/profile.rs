//! What the rows of a table hold, column by column.

use serde::{Deserialize, Serialize};

use super::SideName;
use crate::model::{Cell, ColumnType, Count, NamedCell, thousands};

/// What stands in the place of a private value.
pub const HIDDEN: &str = "(private)";

/// Which rows of a table are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    #[default]
    All,
    /// The first ones, in reading order.
    First(u64),
    /// One in so many, evenly over the table.
    Every(u64),
}

impl Rows {
    /// `all rows`, `the first 10,000 rows`, `one row in 20`.
    pub fn words(self) -> String {
        match self {
            Self::All => "all rows".to_owned(),
            Self::First(rows) => format!("the first {} rows", thousands(rows)),
            Self::Every(step) => format!("one row in {}", thousands(step)),
        }
    }
}

/// How far a profile under way is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiling {
    pub table: String,
    /// Rows read so far.
    pub read: u64,
    pub total: Count,
    /// What is read: the table itself, or one that it refers to.
    pub now: String,
}

/// A table's profile. Figures are of the rows that were looked at, which need not be all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableProfile {
    pub table: String,
    pub side: Option<SideName>,
    /// Which rows were to be looked at.
    pub rows: Rows,
    /// How many were.
    pub looked: u64,
    /// The rows that the table has, as its catalog says.
    pub total: Count,
    /// All rows of the table were looked at.
    pub whole: bool,
    /// It was broken off: what is here is of the rows until then.
    pub broken_off: bool,
    pub at_ms: u64,
    pub elapsed_ms: u64,
    pub columns: Vec<ColumnProfile>,
    /// Of whole rows first, then of each key.
    pub duplicates: Vec<Duplicates>,
    /// What became of the columns of the plan's mapping; empty without one.
    pub conversions: Vec<Conversion>,
    pub references: Vec<Reference>,
    /// What could not be told, and why.
    pub remarks: Vec<String>,
}

impl TableProfile {
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.column == name)
    }

    /// What the figures are of, for a human: `all 1,024 rows`, `the first 10,000 rows of ~5,300,000`.
    pub fn basis(&self) -> String {
        let looked = thousands(self.looked);
        let of = match self.total {
            Count::Exact(total) => format!(" of {}", thousands(total)),
            Count::Estimate(total) => format!(" of ~{}", thousands(total.max(self.looked))),
            Count::Unknown => String::new(),
        };
        match self.rows {
            _ if self.broken_off => format!("broken off after {looked} rows{of}"),
            _ if self.whole && matches!(self.rows, Rows::All | Rows::First(_)) => format!("all {looked} rows"),
            Rows::All => format!("{looked} rows{of}"),
            Rows::First(_) => format!("a sample: the first {looked} rows{of}"),
            Rows::Every(step) => format!("a sample: {looked} rows{of}, one in {}", thousands(step)),
        }
    }
}

/// How many different values there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distinct {
    pub values: u64,
    /// The standard error of an estimate, in percent; nothing: it was counted.
    pub error_percent: Option<f64>,
}

impl Distinct {
    /// `12`, `~1,024,000 (± 0.8 %)`.
    pub fn words(&self) -> String {
        match self.error_percent {
            None => thousands(self.values),
            Some(error) => format!("~{} (± {error:.1} %)", thousands(self.values)),
        }
    }

    /// `12`, `~1,024,000`.
    pub fn short(&self) -> String {
        let sign = if self.error_percent.is_some() { "~" } else { "" };
        format!("{sign}{}", thousands(self.values))
    }
}

/// One column of a profile. Values of a private one are left out: its counts and lengths stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub column: String,
    #[serde(rename = "type")]
    pub ty: String,
    pub private: bool,
    pub rows: u64,
    pub nulls: u64,
    /// Empty texts, which are not NULL.
    pub empty: u64,
    /// Texts with blanks at either end.
    pub blank_ends: u64,
    /// Texts with characters beyond ASCII.
    pub non_ascii: u64,
    /// Values that are not of the column's own type; the other figures are without them.
    pub unreadable: u64,
    pub distinct: Distinct,
    /// The most frequent first.
    pub top: Vec<Frequent>,
    /// A count of `top` may be too high by at most so much; 0: all are exact.
    pub top_error: u64,
    /// By the type's own order.
    pub least: Option<Cell>,
    pub greatest: Option<Cell>,
    /// Of texts, in characters.
    pub characters: Option<Span>,
    /// Of texts and bytes.
    pub bytes: Option<Span>,
    /// Of numbers: the most digits before and behind the point.
    pub digits: Option<Digits>,
    pub histogram: Option<Histogram>,
    /// The most frequent first: `999-AA`.
    pub patterns: Vec<Pattern>,
    /// As [`ColumnProfile::top_error`].
    pub pattern_error: u64,
    /// What texts look like, and how many do.
    pub kinds: Vec<Kind>,
}

impl ColumnProfile {
    /// Values that are there and of the column's type.
    pub fn values(&self) -> u64 {
        self.rows.saturating_sub(self.nulls + self.unreadable)
    }

    /// What all values look like that are more than an empty text, if there are any: the first of [`ColumnProfile::kinds`]
    /// that is true of each.
    pub fn looks_like(&self) -> Option<&Kind> {
        let filled = self.values().saturating_sub(self.empty);
        self.kinds.iter().find(|kind| filled > 0 && kind.rows == filled)
    }

    /// What all values look like, dates of two readings both ways; else what most of them do, with its share.
    pub fn looks(&self) -> Vec<String> {
        let filled = self.values().saturating_sub(self.empty);
        let word = |kind: &Kind| match &kind.format {
            Some(format) => format!("{} {format}", kind.name),
            None => kind.name.clone(),
        };
        let all: Vec<String> = self.kinds.iter().filter(|kind| kind.rows == filled).map(word).collect();
        if !all.is_empty() {
            return all;
        }
        let most = self.kinds.iter().max_by_key(|kind| kind.rows).filter(|kind| kind.rows * 2 > filled);
        most.map(|kind| format!("{} in {}", word(kind), share(kind.rows, filled))).into_iter().collect()
    }

    /// Takes every value of the column out of it; counts and lengths stay.
    pub fn hide(&mut self) {
        self.private = true;
        self.top.clear();
        self.least = self.least.take().map(|_| Cell::text(HIDDEN));
        self.greatest = self.greatest.take().map(|_| Cell::text(HIDDEN));
        self.patterns.clear();
        if self.histogram.as_ref().is_some_and(|histogram| !histogram.of_lengths) {
            self.histogram = None;
        }
    }

    /// NULL, empty text, distinct values, longest text and pattern in a few words: `12 % NULL · 3 distinct · ≤15 · 999-AA`.
    pub fn in_short(&self) -> String {
        let mut parts = Vec::new();
        parts.extend((self.nulls > 0).then(|| format!("{} NULL", share(self.nulls, self.rows))));
        parts.extend((self.unreadable > 0).then(|| format!("{} unreadable", thousands(self.unreadable))));
        parts.push(match self.distinct.values {
            values if values > 0 && values == self.values() && self.distinct.error_percent.is_none() => {
                "unique".to_owned()
            }
            _ => format!("{} distinct", self.distinct.short()),
        });
        parts.extend(self.characters.map(|span| format!("≤{}", thousands(span.longest))));
        parts.extend(match (&self.patterns.first(), self.looks_like()) {
            (_, Some(kind)) => Some(kind.name.clone()),
            (Some(pattern), None) => Some(pattern.pattern.clone()),
            (None, None) => None,
        });
        parts.join(" · ")
    }
}

/// `12.3 %`, floored, and never 0 or 100 where it is not: `<0.1 %`, `>99.9 %`.
pub fn share(part: u64, of: u64) -> String {
    match (part, of) {
        (0, _) | (_, 0) => "0 %".to_owned(),
        (part, of) if part >= of => "100 %".to_owned(),
        (part, of) => match (u128::from(part) * 1_000 / u128::from(of)) as u64 {
            0 => "<0.1 %".to_owned(),
            // Floored, this is all that is less than everything.
            tenths if tenths >= 999 => ">99.9 %".to_owned(),
            tenths => format!("{}.{} %", tenths / 10, tenths % 10),
        },
    }
}

/// A value and how many rows have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frequent {
    /// Long ones are cut.
    pub value: Cell,
    pub rows: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub shortest: u64,
    pub longest: u64,
}

impl Span {
    /// `3 to 40`, `12`.
    pub fn words(&self) -> String {
        match self.shortest == self.longest {
            true => thousands(self.longest),
            false => format!("{} to {}", thousands(self.shortest), thousands(self.longest)),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digits {
    pub whole: u32,
    pub fraction: u32,
}

/// Values in stretches of one width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The lengths of texts in characters, and not the values themselves.
    pub of_lengths: bool,
    pub bars: Vec<Bar>,
    /// Values that have no place on it: infinite ones, and what is no number.
    pub beside: u64,
}

/// Values from `from` up to `to`, that one left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    pub from: String,
    pub to: String,
    pub rows: u64,
}

/// Digits as `9`, letters as `A` and `a`, all else as it is; a run of more than three small letters is `a+`, one of more
/// than six capital ones `A+`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    pub pattern: String,
    pub rows: u64,
}

/// What a text looks like: `integer`, `decimal`, `date`, `timestamp`, `boolean`, `uuid`, `email`, `json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    pub name: String,
    /// Of dates, as `parse_date` takes it.
    pub format: Option<String>,
    pub rows: u64,
}

/// Rows of which there is more than one alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Duplicates {
    /// The columns that are alike; none: all are.
    pub key: Vec<String>,
    /// Rows that are there once more than needed.
    pub surplus: u64,
    /// Only one key in so many was followed, and the count is an estimate; 1: all were.
    pub one_in: u64,
    /// Rows whose key has a NULL, which is like no other.
    pub without_key: u64,
    /// Second rows of a kind, by their numbers and what they have in common.
    pub examples: Vec<ExampleRow>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExampleRow {
    /// In reading order, from 1.
    pub row: u64,
    pub cells: Vec<NamedCell>,
}

/// What the plan's mapping makes of a column's values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// The destination column.
    pub column: String,
    pub expected: String,
    pub private: bool,
    /// Rows that were tried, those that the filter leaves behind not among them.
    pub tried: u64,
    /// Rows that would be faults.
    pub failed: u64,
    pub examples: Vec<Unfit>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unfit {
    /// In reading order, from 1.
    pub row: u64,
    /// Nothing, where more than one source column feeds it.
    pub value: Option<Cell>,
    pub message: String,
}

/// Rows that refer to rows of another table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    pub columns: Vec<String>,
    pub table: String,
    pub referenced: Vec<String>,
    /// The catalog declares it; else its names and types suggest it.
    pub declared: bool,
    /// Rows that refer to something: none of the columns is NULL.
    pub referring: u64,
    /// Of them, those that refer to nothing that is there.
    pub orphans: u64,
    /// As [`Duplicates::one_in`].
    pub one_in: u64,
    pub examples: Vec<ExampleRow>,
}

impl Reference {
    /// `orders (customer_id) -> customers (id)`, as `table` has it.
    pub fn label(&self, table: &str) -> String {
        format!("{table} ({}) -> {} ({})", self.columns.join(", "), self.table, self.referenced.join(", "))
    }
}

/// `5`, `~1,200` where only some keys were followed.
pub fn followed(rows: u64, one_in: u64) -> String {
    let sign = if one_in > 1 { "~" } else { "" };
    format!("{sign}{}", thousands(rows))
}

impl TableProfile {
    /// Takes the values of the columns out of it that are `private`, by name, on either side.
    pub fn hide(&mut self, private: impl Fn(&str) -> bool) {
        self.columns.iter_mut().filter(|column| private(&column.column)).for_each(ColumnProfile::hide);
        let rows = self.duplicates.iter_mut().flat_map(|found| &mut found.examples);
        let rows = rows.chain(self.references.iter_mut().flat_map(|found| &mut found.examples));
        for cell in rows.flat_map(|row| &mut row.cells).filter(|cell| private(&cell.name)) {
            cell.cell = Cell::text(HIDDEN);
        }
        for conversion in self.conversions.iter_mut().filter(|conversion| private(&conversion.column)) {
            conversion.private = true;
            for example in &mut conversion.examples {
                example.value = example.value.take().map(|_| Cell::text(HIDDEN));
                example.message = HIDDEN.to_owned();
            }
        }
    }
}

/// Whether two types have values in common, so that a column of the one can refer to one of the other.
pub fn compares(one: &ColumnType, other: &ColumnType) -> bool {
    one == other || (one.is_number() && other.is_number()) || (is_plain_text(one) && is_plain_text(other))
}

fn is_plain_text(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Text { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_nothing_or_all_only_where_it_is() {
        assert_eq!((share(0, 10).as_str(), share(10, 10).as_str(), share(0, 0).as_str()), ("0 %", "100 %", "0 %"));
        assert_eq!((share(1, 1_000_000).as_str(), share(999_999, 1_000_000).as_str()), ("<0.1 %", ">99.9 %"));
        assert_eq!(share(1, 3), "33.3 %");
    }

    #[test]
    fn a_sample_never_looks_like_a_total() {
        let profile = |rows, whole, broken_off| TableProfile {
            rows,
            looked: 1_000,
            total: Count::Estimate(5_000),
            whole,
            broken_off,
            ..TableProfile::default()
        };
        for (rows, whole, broken_off, words) in [
            (Rows::All, true, false, "all 1,000 rows"),
            (Rows::First(1_000), false, false, "a sample: the first 1,000 rows of ~5,000"),
            (Rows::First(9_000), true, false, "all 1,000 rows"),
            (Rows::Every(5), true, false, "a sample: 1,000 rows of ~5,000, one in 5"),
            (Rows::All, false, true, "broken off after 1,000 rows of ~5,000"),
        ] {
            assert_eq!(profile(rows, whole, broken_off).basis(), words);
        }
    }

    #[test]
    fn nothing_of_a_private_value_stays() {
        let cell = || Cell::text("secret");
        let mut profile = TableProfile {
            columns: vec![ColumnProfile {
                column: "mail".into(),
                rows: 3,
                top: vec![Frequent { value: cell(), rows: 2 }],
                least: Some(cell()),
                greatest: Some(cell()),
                patterns: vec![Pattern { pattern: "secret".into(), rows: 2 }],
                histogram: Some(Histogram {
                    bars: vec![Bar { from: "secret".into(), ..Bar::default() }],
                    ..Histogram::default()
                }),
                characters: Some(Span { shortest: 6, longest: 6 }),
                ..ColumnProfile::default()
            }],
            conversions: vec![Conversion {
                column: "mail".into(),
                examples: vec![Unfit { row: 1, value: Some(cell()), message: "'secret' is none".into() }],
                ..Conversion::default()
            }],
            duplicates: vec![Duplicates {
                examples: vec![ExampleRow { row: 2, cells: vec![NamedCell { name: "mail".into(), cell: cell() }] }],
                ..Duplicates::default()
            }],
            ..TableProfile::default()
        };
        profile.hide(|name| name == "mail");
        assert!(!format!("{profile:?}").contains("secret"), "{profile:?}");
        assert_eq!((profile.columns[0].rows, profile.columns[0].characters.unwrap().longest), (3, 6));
    }
}
