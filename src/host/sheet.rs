//! Flagged rows as CSV, for whoever would rather put them right in a spreadsheet, and what they come back as.
//!
//! One idea: a sheet is taken back whole or not at all, so it is read and judged to its end before a row is tried. NULL is
//! `\N`, bytes are `\x` and hexadecimal digits, a text that begins with `\` has one more in front: nothing depends on which
//! quotes a spreadsheet writes.

use std::collections::BTreeMap;

use crate::{
    model::{Cell, FaultId, NamedCell, edited, unhex},
    plan::{Masks, Plan, TablePlan},
    protocol::{Retry, ReviewItem, ReviewState},
};

/// What stands before the source columns; `fault` tells whether the row is still the one that was exported.
const FIXED: [&str; 8] = ["#run", "#table", "#row", "#fault", "#key", "#column", "#cause", "#message"];

#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    #[error("the sheet cannot be written: {0}")]
    Write(#[from] csv::Error),
    #[error("the sheet cannot be written: {0}")]
    Flush(#[from] std::io::Error),
    #[error("line {line}: {what}; nothing was imported")]
    Read { line: u64, what: String },
    #[error("the sheet does not begin with the columns {}; import a file that --export wrote", FIXED.join(", "))]
    Header,
}

/// The rows of one table as CSV. `masks`: whose values are left out; none: all are written.
pub fn write(items: &[&ReviewItem], plan: Option<&Plan>, masks: Option<&Masks>) -> Result<Vec<u8>, SheetError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns: Vec<&str> = items.first().map(|item| names(item)).unwrap_or_default();
    writer.write_record(FIXED.iter().chain(&columns))?;
    for item in items {
        let fault = &item.fault;
        let private = masks.and_then(|masks| masks.table(&fault.table));
        let shown = private.map_or_else(|| fault.clone(), |private| private.hide(fault));
        let planned = plan.and_then(|plan| plan.tables.iter().find(|planned| planned.to == fault.table));
        let mut record = vec![
            fault.run.0.clone(),
            fault.table.clone(),
            fault.row.to_string(),
            fault.id.0.clone(),
            planned.map(|planned| key(planned, &shown.cells)).unwrap_or_default(),
            fault.shown_column().to_owned(),
            fault.cause.to_string(),
            shown.message.clone(),
        ];
        record.extend(fault.cells.iter().map(|named| match private {
            Some(private) if private.holds(&named.name) => Cell::PRIVATE_IN_SHEET.to_owned(),
            _ => named.cell.in_sheet(),
        }));
        writer.write_record(&record)?;
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

fn names(item: &ReviewItem) -> Vec<&str> {
    item.fault.cells.iter().map(|named| named.name.as_str()).collect()
}

/// The row's key as the plan names it: `id=5, part=2`.
fn key(planned: &TablePlan, cells: &[NamedCell]) -> String {
    let source = |name: &String| {
        let column = planned.columns.iter().find(|(column, _)| column == name);
        column.and_then(|(_, plan)| plan.from.clone()).unwrap_or_else(|| name.clone())
    };
    let cell = |name: String| {
        let named = cells.iter().find(|named| named.name == name)?;
        Some(format!("{name}={}", named.cell.display()))
    };
    planned.key.iter().map(source).filter_map(cell).collect::<Vec<_>>().join(", ")
}

/// None: a private value that stays as it is.
fn cell_of(text: &str) -> Result<Option<Cell>, String> {
    let Some(escaped) = text.strip_prefix('\\') else { return Ok(Some(Cell::text(text))) };
    match escaped {
        "N" => Ok(Some(Cell::Null)),
        "P" => Ok(None),
        _ if escaped.starts_with('\\') => Ok(Some(Cell::text(escaped))),
        _ => match escaped.strip_prefix('x').and_then(unhex) {
            Some(bytes) => Ok(Some(Cell::Bytes(bytes))),
            None => Err(format!(
                "'{text}' begins with a \\ and is none of \\N (NULL), \\P (private, as it is), \\x and hexadecimal digits (bytes); a text is written as \\{text}"
            )),
        },
    }
}

/// What a sheet says, set against the rows as they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Rows with changes, to be tried again.
    pub retries: Vec<Retry>,
    /// Rows of the sheet that say what they said before: `TABLE:ROW`.
    pub unchanged: Vec<String>,
    /// Rows that this run has not flagged.
    pub unknown: Vec<String>,
    /// Rows that somebody settled since the sheet was written, of which it asks nothing, or nothing else.
    pub settled: Vec<String>,
    /// Rows that somebody settled otherwise, or that were flagged anew, since the sheet was written; and how they are.
    pub meanwhile: Vec<String>,
}

impl Judged {
    /// Whether all of the sheet can be taken.
    pub fn is_sound(&self) -> bool {
        self.unknown.is_empty() && self.meanwhile.is_empty()
    }
}

/// The edits that settled rows were written with.
pub type Settled = BTreeMap<FaultId, Vec<NamedCell>>;

/// Reads a sheet to its end.
pub fn read(bytes: &[u8], run: &str, items: &[ReviewItem], settled: &Settled) -> Result<Judged, SheetError> {
    // What some spreadsheets begin a file with.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(|error| broken(&error))?.clone();
    if !header.iter().take(FIXED.len()).eq(FIXED) {
        return Err(SheetError::Header);
    }
    let columns: Vec<&str> = header.iter().skip(FIXED.len()).collect();
    let known: BTreeMap<(&str, u64), &ReviewItem> =
        items.iter().map(|item| ((item.fault.table.as_str(), item.fault.row), item)).collect();
    let mut judged = Judged::default();
    let mut seen: BTreeMap<FaultId, u64> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let fail = |what: String| SheetError::Read { line, what };
        let field = |at: usize| record.get(at).unwrap_or_default();
        if field(0) != run {
            return Err(fail(format!("the row is of run {}, and run {run} is reviewed", field(0))));
        }
        let row: u64 = field(2).parse().map_err(|_| fail(format!("'{}' is no row's number", field(2))))?;
        let name = format!("{}:{row}", field(1));
        let Some(item) = known.get(&(field(1), row)) else {
            judged.unknown.push(name);
            continue;
        };
        if let Some(before) = seen.insert(item.fault.id.clone(), line) {
            return Err(fail(format!("row {name} is in line {before} already")));
        }
        if item.fault.id.0 != field(3) {
            judged.meanwhile.push(format!("{name} was flagged anew"));
            continue;
        }
        let said = said(item, &columns, |at| field(at + FIXED.len())).map_err(fail)?;
        let changes: Vec<NamedCell> = said.iter().filter(|cell| !item.fault.cells.contains(cell)).cloned().collect();
        match item.state {
            ReviewState::Flagged if changes.is_empty() => judged.unchanged.push(name),
            ReviewState::Flagged => judged.retries.push(Retry { fault: item.fault.id.clone(), cells: changes }),
            _ if changes.is_empty() || is_written_so(item, &said, settled) => judged.settled.push(name),
            state => {
                let by = item.by.as_deref().unwrap_or("somebody");
                let state = if state == ReviewState::Written { "written with other values" } else { "discarded" };
                judged.meanwhile.push(format!("{name} is {state} by {by}"));
            }
        }
    }
    Ok(judged)
}

/// Whether the row was written with just what the sheet says.
fn is_written_so(item: &ReviewItem, said: &[NamedCell], settled: &Settled) -> bool {
    let edits = settled.get(&item.fault.id).map(Vec::as_slice).unwrap_or_default();
    let written = edited(&item.fault.cells, edits);
    item.state == ReviewState::Written && said.iter().all(|cell| written.contains(cell))
}

/// The row's cells as the sheet has them, without those that it leaves as they are.
fn said<'r>(item: &ReviewItem, columns: &[&str], field: impl Fn(usize) -> &'r str) -> Result<Vec<NamedCell>, String> {
    let mut cells = Vec::new();
    for named in &item.fault.cells {
        let at = columns.iter().position(|column| *column == named.name);
        let at =
            at.ok_or_else(|| format!("the sheet has no column '{}', which {} has", named.name, item.fault.table))?;
        let cell = cell_of(field(at)).map_err(|why| format!("{}: {why}", named.name))?;
        cells.extend(cell.map(|cell| NamedCell { name: named.name.clone(), cell }));
    }
    let unknown = columns.iter().find(|column| item.fault.cells.iter().all(|named| named.name != **column));
    match unknown {
        Some(column) => Err(format!("{} has no column '{column}'", item.fault.table)),
        None => Ok(cells),
    }
}

fn broken(error: &csv::Error) -> SheetError {
    let line = error.position().map_or(1, csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the line has {len} fields, and the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "the file is not UTF-8; save it as UTF-8".to_owned(),
        _ => error.to_string(),
    };
    SheetError::Read { line, what }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{Cause, Fault, RunId},
        plan::Document,
    };

    fn item(row: u64, cells: Vec<Cell>) -> ReviewItem {
        let names = ["id", "name", "blob"];
        let cells = names.into_iter().zip(cells);
        let fault = Fault {
            id: FaultId(format!("f{row}")),
            run: RunId("r".into()),
            table: "people".into(),
            row,
            column: Some("id".into()),
            target: Some("id".into()),
            value: None,
            expected: "Integer".into(),
            cause: Cause::Conversion,
            message: "no integer".into(),
            cells: cells.map(|(name, cell)| NamedCell { name: name.into(), cell }).collect(),
            digest: String::new(),
        };
        ReviewItem { fault, state: ReviewState::Flagged, by: None, reason: None }
    }

    fn of(row: u64) -> ReviewItem {
        item(row, vec![Cell::text("x1"), Cell::Null, Cell::Bytes(vec![0, 255])])
    }

    fn sheet(items: &[ReviewItem]) -> String {
        let items: Vec<&ReviewItem> = items.iter().collect();
        String::from_utf8(write(&items, None, None).unwrap()).unwrap()
    }

    #[test]
    fn null_empty_bytes_and_backslashes_are_told_apart() {
        let items = [item(1, vec![Cell::text(""), Cell::Null, Cell::Bytes(Vec::new())]), of(2)];
        let text = sheet(&items);
        assert!(
            text.contains(",,\\N,\\x\r\n") || text.contains(",\"\",\\N,\\x\n") || text.contains(",,\\N,\\x\n"),
            "{text}"
        );
        let judged = read(text.as_bytes(), "r", &items, &Settled::new()).unwrap();
        assert_eq!((judged.unchanged.len(), judged.retries.len()), (2, 0));
    }

    #[test]
    fn what_was_changed_comes_back_as_edits() {
        let items = [of(1), of(2)];
        let text = sheet(&items).replacen("x1,\\N,\\x00ff", "1,,\\N", 1);
        let judged = read(text.as_bytes(), "r", &items, &Settled::new()).unwrap();
        assert_eq!(judged.unchanged, ["people:2"]);
        let cells = [Cell::text("1"), Cell::text(""), Cell::Null];
        let found: Vec<Cell> = judged.retries[0].cells.iter().map(|named| named.cell.clone()).collect();
        assert_eq!((judged.retries.len(), found), (1, cells.to_vec()));
    }

    #[test]
    fn rows_that_are_not_what_they_were_are_named() {
        let mut items = vec![of(1), of(2), of(3), of(4)];
        let text = sheet(&items).replacen("x1,", "1,", 1);
        items[0].state = ReviewState::Discarded;
        items[0].by = Some("ada".into());
        items[1].fault.id = FaultId("other".into());
        items.remove(2);
        let judged = read(text.as_bytes(), "r", &items, &Settled::new()).unwrap();
        assert_eq!(judged.meanwhile, ["people:1 is discarded by ada", "people:2 was flagged anew"]);
        assert_eq!((judged.unknown.as_slice(), judged.is_sound()), (["people:3".to_owned()].as_slice(), false));
    }

    #[test]
    fn what_was_settled_as_the_sheet_says_keeps_nothing_from_being_taken() {
        let mut items = vec![of(1), of(2), of(3), of(4), of(5)];
        let edits = |text: &str| vec![NamedCell { name: "id".into(), cell: Cell::text(text) }];
        let settled = Settled::from([(FaultId("f1".into()), edits("1")), (FaultId("f2".into()), edits("9"))]);
        let text = sheet(&items).replacen("x1,", "1,", 2).replacen(
            "f5,,id,conversion,no integer,x1",
            "f5,,id,conversion,no integer,5",
            1,
        );
        for item in &mut items[..2] {
            item.state = ReviewState::Written;
        }
        items[2].state = ReviewState::Written;
        items[3].state = ReviewState::Discarded;
        let judged = read(text.as_bytes(), "r", &items, &settled).unwrap();
        assert_eq!(judged.settled, ["people:1", "people:3", "people:4"], "as it says, or it asks nothing");
        assert_eq!(judged.meanwhile, ["people:2 is written with other values by somebody"]);
        assert_eq!(judged.retries.len(), 1, "people:5 is still to be written");
        // One that changes more than the sheet does is another row.
        let more = [edits("1"), vec![NamedCell { name: "name".into(), cell: Cell::text("Eve") }]].concat();
        let settled = Settled::from([(FaultId("f1".into()), more), (FaultId("f2".into()), edits("1"))]);
        let judged = read(text.as_bytes(), "r", &items, &settled).unwrap();
        assert_eq!(judged.meanwhile, ["people:1 is written with other values by somebody"]);
    }

    #[test]
    fn what_is_wrong_with_a_sheet_is_said_with_its_line() {
        let items = [of(1), of(2)];
        let text = sheet(&items);
        let said = |text: &str| read(text.as_bytes(), "r", &items, &Settled::new()).unwrap_err().to_string();
        assert!(said("a,b\n1,2\n").contains("--export"));
        assert!(said(&text.replacen("x1", "\\q", 1)).contains("line 2: id: '\\q' begins with a \\"));
        assert!(said(&text.replacen("\nr,people,2", "\nr,people,two", 1)).contains("line 3: 'two' is no row's number"));
        assert!(said(&text.replacen("\nr,", "\nq,", 1)).contains("line 2: the row is of run q"));
        assert!(said(&text.replace(",name,", ",nom,")).contains("has no column 'name'"));
        assert!(said(&format!("{text}r,people\n")).contains("line 4: the line has 2 fields"));
        let twice = format!("{text}{}", text.lines().nth(1).unwrap());
        assert!(said(&twice).contains("line 4: row people:1 is in line 2 already"));
    }

    #[test]
    fn private_values_are_left_out_and_stay_as_they_are() {
        let text = "[source]\nurl = \"csv:a\"\n[destination]\nurl = \"csv:b\"\n[[table]]\nfrom = \"people\"\nkey = [\"id\"]\n\
                    [table.columns]\nname = { private = true }\n";
        let plan = Document::from_text(text.to_owned()).plan.unwrap();
        let item = item(1, vec![Cell::text("7"), Cell::text("Ada"), Cell::Null]);
        let masks = Masks::of(&plan);
        let text = String::from_utf8(write(&[&item], Some(&plan), Some(&masks)).unwrap()).unwrap();
        assert!(!text.contains("Ada") && text.contains("\\P") && text.contains("id=7"), "{text}");
        let judged = read(text.as_bytes(), "r", std::slice::from_ref(&item), &Settled::new()).unwrap();
        assert_eq!(judged.unchanged, ["people:1"]);
        let open = String::from_utf8(write(&[&item], Some(&plan), None).unwrap()).unwrap();
        assert!(open.contains("Ada"), "{open}");
    }

    fn any_cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Null),
            "\\PC{0,8}|\\\\[NPx\\\\]{0,3}|[,\"\r\n ]{0,4}".prop_map(Cell::Text),
            proptest::collection::vec(any::<u8>(), 0..4).prop_map(Cell::Bytes),
        ]
    }

    proptest! {
        #[test]
        fn any_row_comes_back_as_it_went(cells in proptest::collection::vec(any_cell(), 3)) {
            let items = [item(1, cells)];
            let judged = read(sheet(&items).as_bytes(), "r", &items, &Settled::new()).unwrap();
            prop_assert_eq!(judged.unchanged, ["people:1"]);
        }
    }
}
