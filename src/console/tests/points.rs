//! The product's own restore points, and what going back to one would do and came to.

use super::seed::run_id;
use crate::{
    model::{Cell, NamedCell},
    protocol::{
        Answer, ExportedTable, Held, KeptTable, Others, OthersExport, OthersShown, Outcome, PointState, Restoration,
        RestoreAct, RestorePoint, RestorePreview, RestoredTable, TablePreview,
    },
};

/// The product's own restore point.
pub(super) fn one() -> RestorePoint {
    let kept = |table: &str, held, rows, bytes| KeptTable { table: table.into(), held, rows, bytes, sealed: false };
    RestorePoint {
        name: "migration_2024_06_12_backup".into(),
        made_ms: 1_718_202_622_000,
        until_ms: 1_720_794_622_000,
        by: "ada".into(),
        run: run_id(),
        plan: "/srv/plans/postgres-to-credvault.toml".into(),
        plan_name: "Postgres to CredVault".into(),
        before: None,
        state: PointState::Ready,
        tables: vec![
            kept("customers", Held::Rows, 1_234_567, 42_000_000),
            kept("orders", Held::Empty, 0, 0),
            kept("products", Held::Absent, 0, 0),
        ],
        rows: 1_234_567,
        bytes: 42_000_000,
        restored_ms: None,
        drilled: None,
    }
}

/// One of each state.
pub(super) fn all() -> Answer {
    let like = |name: &str, state| RestorePoint { name: name.into(), state, ..one() };
    let mut before = like("migration_2024_06_12_backup_2", PointState::Ready);
    before.before = Some("migration_2024_06_12_backup".into());
    Answer::RestorePoints(vec![
        before,
        one(),
        like("migration_2024_05_30_backup", PointState::Interrupted),
        like("migration_2024_04_01_backup", PointState::Expired),
        like("migration_2024_03_01_backup", PointState::Purged),
    ])
}

/// What going back to the product's own would do, where others wrote since.
pub(super) fn preview() -> RestorePreview {
    let table =
        |table: &str, act, rows, now, others| TablePreview { table: table.into(), act, rows, now, others, shown: None };
    let key = |id: &str| vec![NamedCell { name: "id".into(), cell: Cell::text(id) }];
    let shown = OthersShown { rows: vec![key("1300001"), key("1300002"), key("1300003")], told: None };
    let customers = table("customers", RestoreAct::Reload, 1_234_567, Some(1_234_570), Others::Added(3));
    RestorePreview {
        point: one(),
        tables: vec![
            TablePreview { shown: Some(shown), ..customers },
            table("orders", RestoreAct::Empty, 0, Some(5_234_891), Others::Nothing),
            table("products", RestoreAct::Drop, 0, Some(25_643), Others::Nothing),
        ],
        runs: vec![run_id()],
        remarks: vec!["the triggers of customers (sees) fire for every row that goes and comes back".into()],
        wants_discard: vec!["others wrote 3 row(s) to customers since".into()],
        refusals: Vec::new(),
    }
}

/// What it came to.
pub(super) fn outcome(outcome: Outcome) -> Answer {
    let table = |table: &str, act, rows| RestoredTable {
        table: table.into(),
        act,
        outcome: Outcome::Passed,
        rows,
        differs: Vec::new(),
    };
    let mut tables = vec![
        table("customers", RestoreAct::Reload, 1_234_567),
        table("orders", RestoreAct::Empty, 0),
        table("products", RestoreAct::Drop, 0),
    ];
    if outcome != Outcome::Passed {
        tables[0].outcome = outcome;
        tables[0].differs = vec!["1,234,566 rows are there, and 1,234,567 were kept".into()];
    }
    Answer::Restored(Box::new(Restoration {
        point: one().name,
        outcome,
        before: "migration_2024_06_12_backup_2".into(),
        at_ms: 1_718_202_700_000,
        took_ms: 41_200,
        tables,
        runs: vec![run_id()],
        remarks: Vec::new(),
    }))
}

/// What was written of others.
pub(super) fn exported() -> Answer {
    let table = |table: &str, rows, exact, told: Option<&str>| ExportedTable {
        table: table.into(),
        file: (rows > 0).then(|| format!("/srv/out/{table}.csv")),
        rows,
        exact,
        told: told.map(str::to_owned),
    };
    Answer::OthersExported(Box::new(OthersExport {
        point: one().name,
        folder: "/srv/out".into(),
        tables: vec![
            table("customers", 3, true, None),
            table("orders", 0, false, Some("rows of others cannot be told apart: the source is gone")),
        ],
        masked: true,
    }))
}
