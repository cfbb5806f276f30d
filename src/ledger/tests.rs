//! What stands in the ledger whatever moment the power goes.

use super::{ChunkRecord, FaultRecord, FaultState, Ledger, NewPoint, NewRun, PointPhase};
use crate::model::{
    Cause, Cell, Counts, Decision, Fault, FaultId, Mark, NamedCell, Position, RunId, RunPhase, Scope, TableDigest,
    row_digest,
};
use crate::protocol::Outcome;

fn digest(rows: u64) -> TableDigest {
    TableDigest { shape: "s".into(), sum: format!("{rows}:{rows:064x}").parse().unwrap() }
}

fn run() -> RunId {
    RunId("run-1".into())
}

async fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&folder.path().join("state")).await.unwrap();
    let new = NewRun {
        id: run(),
        plan_key: "/plans/a.toml".into(),
        plan_name: "a".into(),
        plan_digest: "d1".into(),
        plan_text: String::new(),
        instant_ms: 1,
        by: "ada".into(),
        unmarked: false,
    };
    ledger.begin_run(&new).await.unwrap();
    (folder, ledger)
}

fn fault(row: u64) -> Fault {
    let cells = vec![NamedCell { name: "id".into(), cell: Cell::text("ABC") }];
    Fault {
        id: FaultId(format!("fault-{row}")),
        run: run(),
        table: "t".into(),
        row,
        column: Some("id".into()),
        target: None,
        value: Some(Cell::text("ABC")),
        expected: "Integer".into(),
        cause: Cause::Conversion,
        message: "bad".into(),
        digest: row_digest(&cells),
        cells,
    }
}

fn mark(chunk: u64) -> Mark {
    Mark {
        run: run(),
        table: "t".into(),
        chunk,
        end: Some(Position("9".into())),
        counts: Counts { read: 2, written: 1, flagged: 1, ..Counts::default() },
        retried: String::new(),
    }
}

fn by_rule(row: u64) -> FaultRecord {
    FaultRecord { by: Some("plan: on_error = flag".into()), ..FaultRecord::new(fault(row), FaultState::Flagged) }
}

#[tokio::test]
async fn a_flagged_row_is_in_review_once_its_chunk_is_committed_and_not_before() {
    let (_folder, ledger) = ledger().await;
    let chunk = ChunkRecord { mark: mark(0), faults: vec![by_rule(2)], digest: digest(1) };
    ledger.chunk_pending(&chunk, None, 5).await.unwrap();
    assert!(ledger.review(&run()).await.unwrap().is_empty());
    ledger.chunk_committed(&run(), "t", 0).await.unwrap();
    let review = ledger.review(&run()).await.unwrap();
    assert_eq!(review.len(), 1);
    assert_eq!(review[0].fault, fault(2));
    assert_eq!(review[0].by.as_deref(), Some("plan: on_error = flag"));
}

#[tokio::test]
async fn after_a_crash_the_marks_of_the_destination_decide() {
    let (_folder, ledger) = ledger().await;
    for chunk in [0, 1] {
        let record = ChunkRecord { mark: mark(chunk), faults: vec![by_rule(chunk + 1)], digest: digest(1) };
        ledger.chunk_pending(&record, None, 5).await.unwrap();
    }
    ledger.reconcile(&run(), &[mark(0)]).await.unwrap();
    let rows: Vec<u64> = ledger.review(&run()).await.unwrap().iter().map(|record| record.fault.row).collect();
    assert_eq!(rows, [1], "the chunk that did not arrive flags nothing");
    assert_eq!(ledger.committed_chunks(&run()).await.unwrap(), [("t".to_owned(), 0)]);
    assert!(ledger.pending_chunks(&run()).await.unwrap().is_empty());
    assert!(ledger.standing_answers(&run()).await.unwrap().is_empty(), "a rule is no answer");
}

#[tokio::test]
async fn what_is_kept_of_a_chunk_counts_as_long_as_the_chunk_may_stand() {
    let (_folder, ledger) = ledger().await;
    let record = |chunk| ChunkRecord { mark: mark(chunk), faults: vec![], digest: digest(1) };
    for (chunk, entry) in [(2, Some("c")), (0, Some("a")), (1, Some("b")), (3, None)] {
        ledger.chunk_pending(&record(chunk), entry, 5).await.unwrap();
    }
    let table = mark(0).table;
    assert_eq!(
        ledger.journal(&run(), &table).await.unwrap(),
        ["c", "a", "b"],
        "in the order in which they were written"
    );
    ledger.reconcile(&run(), &[mark(0), mark(2)]).await.unwrap();
    assert_eq!(ledger.journal(&run(), &table).await.unwrap(), ["c", "a"]);
    ledger.chunk_pending(&record(1), Some("again"), 6).await.unwrap();
    assert_eq!(ledger.journal(&run(), &table).await.unwrap(), ["c", "a", "again"]);
}

#[tokio::test]
async fn an_answer_outlives_a_crash_until_its_row_is_committed() {
    let (_folder, ledger) = ledger().await;
    let flag = Decision::Flag;
    ledger.raise(&[fault(1), fault(2), fault(3)], 0).await.unwrap();
    ledger.decide(&fault(1), &flag, Scope::Row, "ada", None, 5, "d1").await.unwrap();
    ledger.decide(&fault(2), &Decision::Stop, Scope::Row, "ada", None, 6, "d1").await.unwrap();
    ledger.void_open(&run()).await.unwrap();
    let standing = ledger.standing_answers(&run()).await.unwrap();
    assert_eq!(standing.len(), 1, "a stop is asked about anew, an open question too");
    assert_eq!((standing[0].fault.row, &standing[0].decision, standing[0].by.as_str()), (1, &flag, "ada"));
    let faults = vec![FaultRecord::new(fault(1), FaultState::Flagged)];
    let record = || ChunkRecord { mark: mark(0), faults: faults.clone(), digest: digest(1) };
    ledger.chunk_pending(&record(), None, 7).await.unwrap();
    ledger.reconcile(&run(), &[]).await.unwrap();
    assert_eq!(ledger.standing_answers(&run()).await.unwrap().len(), 1, "its chunk was rolled back");
    ledger.chunk_pending(&record(), None, 8).await.unwrap();
    ledger.reconcile(&run(), &[mark(0)]).await.unwrap();
    assert!(ledger.standing_answers(&run()).await.unwrap().is_empty());
    assert_eq!(ledger.review(&run()).await.unwrap()[0].by.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_retry_that_arrived_counts_as_written_even_if_nobody_could_say_so() {
    let (_folder, ledger) = ledger().await;
    ledger
        .chunk_pending(&ChunkRecord { mark: mark(0), faults: vec![by_rule(2)], digest: digest(1) }, None, 5)
        .await
        .unwrap();
    ledger.chunk_committed(&run(), "t", 0).await.unwrap();
    let retry = Mark { chunk: Mark::FIRST_RETRY + 7, retried: fault(2).id.0, ..mark(0) };
    ledger
        .chunk_pending(&ChunkRecord { mark: retry.clone(), faults: vec![], digest: digest(2) }, None, 6)
        .await
        .unwrap();
    ledger.reconcile(&run(), &[mark(0), retry]).await.unwrap();
    assert_eq!(ledger.fault(&fault(2).id).await.unwrap().state, FaultState::Written);
}

#[tokio::test]
async fn runs_are_found_by_the_beginning_of_their_id_and_by_plan() {
    let (_folder, ledger) = ledger().await;
    assert_eq!(ledger.run("run-").await.unwrap().phase, RunPhase::Running);
    assert!(ledger.run("").await.is_err() && ledger.run("other").await.is_err());
    assert!(ledger.unfinished("/plans/a.toml").await.unwrap().is_some());
    ledger.retire_plan("/plans/a.toml").await.unwrap();
    assert!(ledger.unfinished("/plans/a.toml").await.unwrap().is_none());
}

#[tokio::test]
async fn digests_add_up_over_what_is_committed_and_only_where_they_can_be_compared() {
    let (_folder, ledger) = ledger().await;
    let record = |chunk, digest| ChunkRecord { mark: mark(chunk), faults: vec![], digest };
    for chunk in 0..3 {
        ledger.chunk_pending(&record(chunk, digest(chunk + 1)), None, 5).await.unwrap();
    }
    assert!(ledger.digests(&run()).await.unwrap().is_empty());
    let table = mark(0).table;
    for chunk in 0..2 {
        ledger.chunk_committed(&run(), &table, chunk).await.unwrap();
    }
    assert_eq!(ledger.digests(&run()).await.unwrap()[&table], Some(digest(3)));
    let other = TableDigest { shape: "t".into(), ..digest(3) };
    ledger.chunk_pending(&record(2, other), None, 5).await.unwrap();
    ledger.chunk_committed(&run(), &table, 2).await.unwrap();
    assert_eq!(ledger.digests(&run()).await.unwrap()[&table], None);
    ledger.held_before(&run(), &table, 7).await.unwrap();
    assert_eq!(ledger.held(&run()).await.unwrap()[&table], 7);
}

#[tokio::test]
async fn a_name_of_a_restore_point_is_given_once() {
    let (_folder, ledger) = ledger().await;
    let new = |run: &str| NewPoint { run: RunId(run.into()), plan_key: "p".into(), ..NewPoint::default() };
    let base = "migration_2024_06_12_backup";
    assert_eq!(ledger.claim_point(base, &new("run-1")).await.unwrap(), base);
    assert_eq!(ledger.claim_point(base, &new("run-2")).await.unwrap(), format!("{base}_2"));
    assert_eq!(ledger.claim_point(base, &new("run-3")).await.unwrap(), format!("{base}_3"));
    // Of what could not be made nothing is left, its name neither; what was purged keeps its own.
    ledger.point_void(&format!("{base}_2")).await.unwrap();
    ledger.point_ready(base, &[], 0, "m").await.unwrap();
    ledger.point_void(base).await.unwrap();
    ledger.point_purged(base, 5, "ada").await.unwrap();
    assert_eq!(ledger.claim_point(base, &new("run-4")).await.unwrap(), format!("{base}_2"));
    assert_eq!(ledger.point(base).await.unwrap().phase, PointPhase::Purged);
    assert!(ledger.point("another").await.is_err());
}

#[tokio::test]
async fn a_restore_is_unfinished_until_it_is_over_and_leaves_a_trail() {
    let (_folder, ledger) = ledger().await;
    let new = NewPoint { run: run(), plan_digest: "d1".into(), ..NewPoint::default() };
    let name = ledger.claim_point("b", &new).await.unwrap();
    ledger.point_ready(&name, &[], 0, "m").await.unwrap();
    let point = ledger.point(&name).await.unwrap();
    ledger.begin_restore("r", &point, "b_2", (7, "ada")).await.unwrap();
    let mut restore = ledger.restores(&name).await.unwrap().pop().unwrap();
    assert_eq!((restore.before.as_str(), restore.ended_ms), ("b_2", None));
    restore.done.push("t".into());
    ledger.restored_table(&restore).await.unwrap();
    ledger.end_restore(&restore, Outcome::Passed, "all", (9, "ada")).await.unwrap();
    let over = ledger.restores(&name).await.unwrap().pop().unwrap();
    assert_eq!((over.ended_ms, over.done), (Some(9), vec!["t".to_owned()]));
    ledger.close_these(&[run()], 9, "ada").await.unwrap();
    let trail = ledger.trail(Some(&[run()])).await.unwrap();
    let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["run-begun", "restore-point-made", "restore-begun", "restored", "run-closed"]);
    assert_eq!((trail[3].object.as_deref(), trail[3].what.as_deref()), (Some("b"), Some("PASSED")));
}

#[tokio::test]
async fn what_a_run_left_is_what_was_seen_first() {
    let (_folder, ledger) = ledger().await;
    ledger.left(&run(), "t", &digest(3)).await.unwrap();
    ledger.left(&run(), "t", &digest(4)).await.unwrap();
    assert_eq!(ledger.left_by(&run(), "t").await.unwrap(), Some(digest(3)));
    assert_eq!(ledger.left_by(&run(), "u").await.unwrap(), None);
}
