mod modes;

use std::fs;

use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    endpoint::{Outlet, Position, Refusal, Reject, SourceBatch},
    model::{Cause, Count, Counts, array_of},
};

struct Fixture {
    folder: TempDir,
    options: CsvOptions,
}

impl Fixture {
    fn empty(change: impl FnOnce(&mut CsvOptions)) -> Self {
        let mut options = CsvOptions::default();
        change(&mut options);
        Self { folder: tempfile::tempdir().unwrap(), options }
    }

    fn new(text: impl AsRef<[u8]>, change: impl FnOnce(&mut CsvOptions)) -> Self {
        let fixture = Self::empty(change);
        fs::write(fixture.file(), text).unwrap();
        fixture
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("t.csv")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    async fn source(&self) -> Csv {
        Csv::connect(self.folder.path(), &self.options, true).await.unwrap()
    }

    async fn destination(&self) -> Csv {
        Csv::connect(self.folder.path(), &self.options, false).await.unwrap()
    }

    /// A destination with the table `t` of these columns.
    async fn created(&self, columns: &[&str]) -> Csv {
        let csv = self.destination().await;
        let columns = columns.iter().map(|name| Column::new(*name, ColumnType::TEXT)).collect();
        csv.create(&Table { name: "t".into(), columns, ..Table::default() }).await.unwrap();
        csv.prepare().await.unwrap();
        csv
    }

    async fn rows(&self) -> Vec<Vec<Cell>> {
        let (rows, rejects) = self.read(1_000_000, 1 << 20).await;
        assert_eq!(rejects, []);
        rows
    }

    /// All rows in ranges of that many, without the rejected ones, and those.
    async fn read(&self, rows: u64, batch_bytes: usize) -> (Vec<Vec<Cell>>, Vec<Reject>) {
        let source = self.source().await;
        let table = source.describe("t").await.unwrap();
        let (mut after, mut all, mut rejects) = (None, Vec::new(), Vec::new());
        // Each range through a snapshot of its own: nothing but the position is kept.
        loop {
            let snapshot = source.snapshot().await.unwrap();
            let Some(range) = snapshot.next_range(&table, after.as_ref(), rows).await.unwrap() else { break };
            let (batches, end) = stretch(&snapshot, &table, &range, batch_bytes).await;
            assert!(batches.iter().map(SourceBatch::rows).sum::<usize>() as u64 <= rows);
            for batch in batches {
                all.extend(cells(&batch.batch));
                rejects.extend(batch.rejects);
            }
            let Some(end) = end else { break };
            after = Some(end);
        }
        assert_eq!(source.count("t").await.unwrap(), (all.len() + rejects.len()) as u64);
        (all, rejects)
    }
}

fn cells(batch: &RecordBatch) -> Vec<Vec<Cell>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell_at(column, row)).collect()).collect()
}

async fn stretch(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    range: &crate::endpoint::Range,
    batch_bytes: usize,
) -> (Vec<SourceBatch>, Option<Position>) {
    let (sender, mut receiver) = Outlet::new(1);
    let gather = async {
        let mut batches = Vec::new();
        while let Some(batch) = receiver.recv().await {
            batches.push(batch);
        }
        batches
    };
    let (end, batches) = tokio::join!(snapshot.read(table, range, batch_bytes, sender), gather);
    (batches, end.unwrap())
}

fn text(text: &str) -> Cell {
    Cell::text(text)
}

fn batch(columns: &[&str], rows: &[Vec<Cell>]) -> RecordBatch {
    let array = |index: usize| -> ArrayRef {
        let cells: Vec<Cell> = rows.iter().map(|row| row[index].clone()).collect();
        array_of(&ColumnType::TEXT, &cells).unwrap()
    };
    let columns = columns.iter().enumerate().map(|(index, name)| (*name, array(index), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn mark(chunk: u64) -> Mark {
    let counts = Counts { read: 2, written: 2, ..Counts::default() };
    Mark { run: RunId("run".into()), table: "t".into(), chunk, end: None, counts, retried: String::new() }
}

async fn loader(csv: &Csv, columns: &[&str]) -> Box<dyn Loader> {
    let table = csv.describe("t").await.unwrap();
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    csv.open(&table, &LoadOptions { columns, ..LoadOptions::default() }).await.unwrap()
}

/// Writes one chunk and commits it.
async fn load(csv: &Csv, chunk: u64, columns: &[&str], rows: &[Vec<Cell>]) -> Vec<Refusal> {
    let mut loader = loader(csv, columns).await;
    loader.begin().await.unwrap();
    let refusals = loader.write(&batch(columns, rows)).await.unwrap();
    loader.commit(&mark(chunk)).await.unwrap();
    refusals
}

#[tokio::test]
async fn quoted_and_unquoted_are_told_apart() {
    let fixture = Fixture::new("id,note\r\n1,\"two\nlines, \"\"quoted\"\"\"\r\n2,\r\n3,\"\"\r\n\r\n4, a\0b ", |_| {});
    assert_eq!(
        fixture.rows().await,
        [
            [text("1"), text("two\nlines, \"quoted\"")],
            [text("2"), Cell::Null],
            [text("3"), text("")],
            [text("4"), text(" a\0b ")],
        ]
    );
    let fixture = Fixture::new("id;note\n1;'NULL'\n2;NULL\n3;\n", |options| {
        (options.delimiter, options.quote, options.null) = (';', '\'', "NULL".into());
    });
    assert_eq!(fixture.rows().await, [[text("1"), text("NULL")], [text("2"), Cell::Null], [text("3"), text("")]]);
}

#[tokio::test]
async fn columns_get_names_of_their_own() {
    let names = |text: &'static str, header: bool| async move {
        let fixture = Fixture::new(text, |options| options.header = header);
        let table = fixture.source().await.describe("t").await.unwrap();
        assert!(table.columns.iter().all(|column| column.nullable && column.ty == ColumnType::TEXT));
        (table.columns.into_iter().map(|column| column.name).collect::<Vec<_>>(), table.rows)
    };
    assert_eq!(names("a,,a,a_2,a\n1,2,3,4,5\n", true).await.0, ["a", "column_2", "a_3", "a_2", "a_4"]);
    assert_eq!(names("a,b\n1,2", false).await, (vec!["column_1".into(), "column_2".into()], Count::Exact(2)));
    assert_eq!(names("\n\na,b\n1,2\n", true).await.0, ["a", "b"]);
    assert_eq!(names("", true).await, (vec![], Count::Exact(0)));
    assert_eq!(names("\u{feff}id,b\n1,2", true).await, (vec!["id".into(), "b".into()], Count::Exact(1)));
}

#[tokio::test]
async fn encodings_are_read_strictly() {
    let latin = Fixture::new(b"name\nJos\xe9\n", |options| options.encoding = "latin1".into());
    assert_eq!(latin.rows().await, [[text("José")]]);
    let utf16: Vec<u8> =
        "\u{feff}na\u{a0a}me,b\r\n\"é,😀\",\u{2c2c}\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let utf16 = Fixture::new(utf16, |_| {});
    assert_eq!(utf16.rows().await, [[text("é,😀"), text("\u{2c2c}")]]);
    let broken = Fixture::new(b"id,name\n1,Jos\xe9\n2,fine\n", |_| {});
    let (rows, rejects) = broken.read(10, 1 << 20).await;
    assert_eq!(rows, [[text("2"), text("fine")]]);
    assert_eq!(rejects[0].cells, [text("1"), Cell::Bytes(b"Jos\xe9".to_vec())]);
    assert_eq!((rejects[0].column, rejects[0].message.as_str()), (1, "line 2: not valid UTF-8"));
}

#[tokio::test]
async fn ragged_records_are_rejected_with_their_line() {
    let fixture = Fixture::new("a,b\n1,\"x\ny\"\n2\n3,4,5,6\n7,8\n\"9\"x,0\n", |_| {});
    let (rows, rejects) = fixture.read(2, 1).await;
    assert_eq!(rows, [[text("1"), text("x\ny")], [text("7"), text("8")]]);
    let shown: Vec<(&str, usize, &[Cell])> =
        rejects.iter().map(|reject| (reject.message.as_str(), reject.column, reject.cells.as_slice())).collect();
    assert_eq!(
        shown,
        [
            ("line 4: 1 fields where the file has 2 columns", 1, [text("2"), Cell::Null].as_slice()),
            ("line 5: 4 fields where the file has 2 columns", 1, [text("3"), text("4,5,6")].as_slice()),
            ("line 7: text follows a closing quote", 1, [text("9x"), text("0")].as_slice()),
        ]
    );
    let source = fixture.source().await;
    let page = source.preview(&source.describe("t").await.unwrap(), &Spot::Row(1), 2).await.unwrap();
    assert_eq!(page.rows, [[text("2"), Cell::Null], [text("3"), text("4,5,6")]]);
    assert_eq!(page.total, Count::Exact(5));
}

#[tokio::test]
async fn every_position_goes_on_with_the_same_rows() {
    let content: String = (0..50).map(|n| format!("{n},\"line\né{n}\",{}\r\n\r\n", "x".repeat(n))).collect();
    let content = format!("id,b,c\r\n{content}");
    let utf16: Vec<u8> = content.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf8 = Fixture::new(&content, |_| {});
    let wide = Fixture::new(utf16, |options| options.encoding = "utf-16le".into());
    let whole = utf8.rows().await;
    assert_eq!(whole.len(), 50);
    for fixture in [utf8, wide] {
        for rows in [1, 2, 7, 49, 50, 51] {
            assert_eq!(fixture.read(rows, 64).await, (whole.clone(), vec![]), "{rows} a range");
        }
    }
}

#[tokio::test]
async fn the_end_is_told_with_the_last_row() {
    let fixture = Fixture::new("a\n1\n2\n3\n", |_| {});
    let source = fixture.source().await;
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let range = snapshot.next_range(&table, None, 2).await.unwrap().unwrap();
    let (_, end) = stretch(&snapshot, &table, &range, 100).await;
    assert_eq!(end.as_ref().unwrap().0, r#"{"offset":6,"record":2,"line":4}"#);
    let range = snapshot.next_range(&table, end.as_ref(), 1).await.unwrap().unwrap();
    let (batches, end) = stretch(&snapshot, &table, &range, 100).await;
    assert_eq!((batches[0].rows(), end), (1, None));
    let nothing = Position(r#"{"offset":8,"record":3,"line":5}"#.into());
    assert_eq!(snapshot.next_range(&table, Some(&nothing), 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_changes_under_the_reader_is_an_error() {
    let fixture = Fixture::new("a\n1\n2\n3\n", |_| {});
    let source = fixture.source().await;
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let range = snapshot.next_range(&table, None, 1).await.unwrap().unwrap();
    let (sender, mut receiver) = Outlet::new(1);
    fs::write(fixture.file(), "a\n1\n2\n3\n4\n").unwrap();
    let (end, _) = tokio::join!(snapshot.read(&table, &range, 100, sender), receiver.recv());
    assert!(end.unwrap_err().to_string().contains("changed while it was being read"));
    assert!(snapshot.next_range(&table, None, 1).await.is_err());
}

#[tokio::test]
async fn a_folder_is_a_database_and_so_is_a_file() {
    let fixture = Fixture::new("a\n1\n", |_| {});
    let path = fixture.folder.path();
    fs::write(path.join("people.tsv"), "x\ty,z\n1\t2\n").unwrap();
    fs::write(path.join("t.tsv"), "other\n").unwrap();
    fs::write(path.join("notes.txt"), "no table").unwrap();
    fs::write(path.join(".hidden.csv"), "a\n").unwrap();
    let source = fixture.source().await;
    let tables = source.tables().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["people", "t", "t.tsv"]);
    assert_eq!((tables[1].rows, tables[1].bytes), (Count::Exact(1), Some(4)));
    assert_eq!(source.describe("people").await.unwrap().columns[1].name, "y,z");
    assert_eq!(source.describe("notes").await.unwrap_err().kind, ErrorKind::NoTable);
    let single = Csv::connect(&path.join("people.tsv"), &fixture.options, true).await.unwrap();
    assert_eq!(single.tables().await.unwrap().len(), 1);
    let missing = Csv::connect(&path.join("nowhere"), &fixture.options, true).await.err().unwrap();
    assert_eq!(missing.kind, ErrorKind::NoDatabase);
    let made = Csv::connect(&path.join("out/new"), &fixture.options, false).await.unwrap();
    assert_eq!(made.tables().await.unwrap(), []);
    let one = Csv::connect(&path.join("one.csv"), &fixture.options, false).await.unwrap();
    let table =
        |name: &str| Table { name: name.into(), columns: vec![Column::new("a", ColumnType::TEXT)], ..Table::default() };
    assert!(one.create(&table("two")).await.is_err());
    one.create(&table("one")).await.unwrap();
    assert_eq!(one.tables().await.unwrap()[0].name, "one");
    assert!(made.create(&table("../evil")).await.is_err());
}

#[tokio::test]
async fn a_source_is_never_written() {
    let fixture = Fixture::new("a\n1\n", |_| {});
    let source = fixture.source().await;
    let table = source.describe("t").await.unwrap();
    assert_eq!(source.create(&table).await.unwrap_err().kind, ErrorKind::Permission);
    assert_eq!(source.prepare().await.unwrap_err().kind, ErrorKind::Permission);
    assert_eq!(source.open(&table, &LoadOptions::default()).await.err().unwrap().kind, ErrorKind::Permission);
    assert_eq!(fs::read_dir(fixture.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn files_are_written_with_as_few_quotes_as_can_be() {
    let fixture = Fixture::empty(|_| {});
    let csv = fixture.created(&["id", "a,b", "c"]).await;
    let existing = csv.describe("t").await.unwrap();
    assert!(csv.create(&existing).await.unwrap_err().to_string().contains("already"));
    let rows = [vec![text("1"), text("say \"hi\""), Cell::Null], vec![text("2"), text(""), text("two\nlines")]];
    assert_eq!(load(&csv, 0, &["id", "a,b", "c"], &rows).await, []);
    assert_eq!(fixture.text(), "id,\"a,b\",c\n1,\"say \"\"hi\"\"\",\n2,\"\",\"two\nlines\"\n");
    // Columns that are not written are NULL, whatever their order.
    load(&csv, 1, &["c", "id"], &[vec![text("z"), text("3")]]).await;
    assert!(fixture.text().ends_with("\n3,,z\n"));
    assert_eq!(csv.marks(&RunId("run".into())).await.unwrap(), [mark(0), mark(1)]);
    assert_eq!(csv.tables().await.unwrap().len(), 1);
    assert_eq!(csv.permissions(true, &[existing]).await.unwrap(), Vec::<String>::new());
    let bytes = RecordBatch::try_from_iter_with_nullable([(
        "c",
        array_of(&ColumnType::Bytes { max: None }, &[Cell::Bytes(vec![0, 255])]).unwrap(),
        true,
    )])
    .unwrap();
    let mut loader = loader(&csv, &["c"]).await;
    loader.begin().await.unwrap();
    loader.write(&bytes).await.unwrap();
    loader.commit(&mark(2)).await.unwrap();
    assert!(fixture.text().ends_with("\n,,\\x00ff\n"));
}

#[tokio::test]
async fn what_the_encoding_cannot_say_is_refused() {
    let fixture = Fixture::empty(|options| options.encoding = "windows-1252".into());
    let csv = fixture.created(&["id", "name"]).await;
    let rows = [vec![text("1"), text("José")], vec![text("2"), text("😀")], vec![text("3"), text("€")]];
    let refusals = load(&csv, 0, &["id", "name"], &rows).await;
    assert_eq!(refusals.len(), 1);
    assert_eq!(
        (refusals[0].row, refusals[0].cause, refusals[0].column.as_deref()),
        (1, Cause::Conversion, Some("name"))
    );
    assert_eq!(fs::read(fixture.file()).unwrap(), b"id,name\n1,Jos\xe9\n3,\x80\n");
}

/// What a process that dies leaves: a ledger that says `open`, and a part of a chunk behind the recorded length.
#[tokio::test]
async fn a_crash_leaves_whole_chunks_only() {
    let fixture = Fixture::empty(|_| {});
    let csv = fixture.created(&["id"]).await;
    load(&csv, 0, &["id"], &[vec![text("1")], vec![text("2")]]).await;
    let committed = fixture.text();
    let mut dying = loader(&csv, &["id"]).await;
    dying.begin().await.unwrap();
    dying.write(&batch(&["id"], &[vec![text("3")]])).await.unwrap();
    assert_eq!(fixture.text(), format!("{committed}3\n"));
    let ledger = sidecar::load(fixture.folder.path()).unwrap();
    assert!(ledger.files["t.csv"].open);
    drop(dying);
    assert_eq!(fixture.text(), committed, "a loader that is dropped cleans up");
    // A process that is killed cannot: the rows are there, even half of one, and no mark.
    for rest in ["3\n", "3\n\"4", "3\n4\n5\n"] {
        fs::write(fixture.file(), format!("{committed}{rest}")).unwrap();
        sidecar::update(fixture.folder.path(), |ledger| {
            ledger.files.get_mut("t.csv").unwrap().open = true;
            Ok(())
        })
        .unwrap();
        let next = fixture.destination().await;
        assert_eq!(next.marks(&RunId("run".into())).await.unwrap(), [mark(0)]);
        let mut again = loader(&next, &["id"]).await;
        again.begin().await.unwrap();
        assert_eq!(fixture.text(), committed);
        again.rollback().await.unwrap();
    }
    load(&csv, 1, &["id"], &[vec![text("3")]]).await;
    assert_eq!(fixture.rows().await.len(), 3);
    // The same chunk again is an error and leaves nothing.
    let committed = fixture.text();
    let mut twice = loader(&csv, &["id"]).await;
    twice.begin().await.unwrap();
    twice.write(&batch(&["id"], &[vec![text("3")]])).await.unwrap();
    assert_eq!(twice.commit(&mark(1)).await.unwrap_err().kind, ErrorKind::Data);
    twice.begin().await.unwrap();
    twice.rollback().await.unwrap();
    assert_eq!(fixture.text(), committed);
}

#[tokio::test]
async fn what_others_appended_between_runs_is_theirs_to_keep() {
    let fixture = Fixture::new("id\n1", |_| {});
    let csv = fixture.destination().await;
    csv.prepare().await.unwrap();
    load(&csv, 0, &["id"], &[vec![text("2")]]).await;
    assert_eq!(fixture.text(), "id\n1\n2\n", "a last line without end is ended first");
    fs::write(fixture.file(), "id\n1\n2\n3\n").unwrap();
    load(&csv, 1, &["id"], &[vec![text("4")]]).await;
    assert_eq!(fixture.text(), "id\n1\n2\n3\n4\n");
    fs::write(fixture.file(), "id\n").unwrap();
    let error = loader(&csv, &["id"]).await.begin().await.unwrap_err();
    assert!(error.to_string().contains("shorter"), "{error}");
}

#[tokio::test]
async fn loaders_of_one_file_take_turns() {
    let fixture = Fixture::empty(|_| {});
    let csv = fixture.created(&["id"]).await;
    let mut first = loader(&csv, &["id"]).await;
    first.begin().await.unwrap();
    let other = csv.clone();
    let second = tokio::spawn(async move { load(&other, 1, &["id"], &[vec![text("second")]]).await });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    first.write(&batch(&["id"], &[vec![text("first")]])).await.unwrap();
    assert!(!second.is_finished());
    // Another process does not wait.
    let stranger = fixture.destination().await;
    assert_eq!(loader(&stranger, &["id"]).await.begin().await.unwrap_err().kind, ErrorKind::Busy);
    first.commit(&mark(0)).await.unwrap();
    second.await.unwrap();
    assert_eq!(fixture.text(), "id\nfirst\nsecond\n");
}

#[tokio::test]
async fn a_file_without_header_keeps_the_columns_it_was_created_with() {
    let fixture = Fixture::empty(|options| options.header = false);
    let csv = fixture.created(&["id", "name"]).await;
    load(&csv, 0, &["name", "id"], &[vec![text("\u{feff}Ann"), text("1")]]).await;
    assert_eq!(fixture.text(), "1,\"\u{feff}Ann\"\n");
    let names = |table: Table| table.columns.into_iter().map(|column| column.name).collect::<Vec<_>>();
    assert_eq!(names(csv.describe("t").await.unwrap()), ["id", "name"]);
}

fn any_cell() -> impl Strategy<Value = Cell> {
    let special = prop::sample::select(vec![
        "", ",", "\"", "\"\"", "\r", "\n", "\r\n", "N", "\u{feff}", "\0", " ", "é😀", "\\x00",
    ]);
    prop_oneof![
        Just(Cell::Null),
        special.prop_map(Cell::text),
        any::<String>().prop_map(Cell::Text),
        "[a,\"\r\nN]{0,6}".prop_map(Cell::Text),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec(prop::collection::vec(any_cell(), 3), 0..12),
        width in 1usize..=3,
        encoding in prop::sample::select(vec!["utf-8", "utf-16le", "utf-16be"]),
        null in prop::sample::select(vec!["", "N", "\\N"]),
        header: bool,
        range in 1u64..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::empty(|options| {
                (options.encoding, options.null, options.header) = (encoding.into(), null.into(), header);
            });
            let columns = &["a", "b", "c"][..width];
            let rows: Vec<Vec<Cell>> = rows.into_iter().map(|row| row[..width].to_vec()).collect();
            let csv = fixture.created(columns).await;
            let (first, second) = rows.split_at(rows.len() / 2);
            load(&csv, 0, columns, first).await;
            load(&csv, 1, columns, second).await;
            let (read, rejects) = fixture.read(range, 50).await;
            assert_eq!(rejects, []);
            assert_eq!(read, rows);
        });
    }
}
