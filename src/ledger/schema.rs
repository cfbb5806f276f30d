//! The ledger's tables. A change raises [`VERSION`] and adds a step.

pub(super) const VERSION: i64 = 7;

/// From version 1: whether a run leaves marks in its destination, and when its migration was declared over.
pub(super) const TO_2: &str = "
ALTER TABLE runs ADD COLUMN unmarked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN closed_ms INTEGER;
";

/// From version 2: what rows each chunk holds, what tables held before, and the audit trail.
pub(super) const TO_3: &str = "
ALTER TABLE chunks ADD COLUMN digest TEXT;
CREATE TABLE held (
    run TEXT NOT NULL REFERENCES runs (id),
    tbl TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (run, tbl)
) WITHOUT ROWID;
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY,
    checkpoint TEXT NOT NULL,
    signature TEXT NOT NULL
);
";

/// From version 3: restore points, restores, and what tables held when their run was validated.
pub(super) const TO_4: &str = "
CREATE TABLE restore_points (
    name TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    plan_key TEXT NOT NULL,
    plan_name TEXT NOT NULL,
    plan_digest TEXT NOT NULL,
    plan_text TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    by TEXT NOT NULL,
    before_point TEXT,
    phase TEXT NOT NULL,
    tables TEXT NOT NULL DEFAULT '[]',
    bytes INTEGER NOT NULL DEFAULT 0,
    manifest TEXT NOT NULL DEFAULT ''
);
CREATE TABLE restores (
    id TEXT PRIMARY KEY,
    point TEXT NOT NULL REFERENCES restore_points (name),
    before_point TEXT NOT NULL,
    by TEXT NOT NULL,
    begun_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    outcome TEXT,
    done TEXT NOT NULL DEFAULT '[]'
);
CREATE TABLE left_there (
    run TEXT NOT NULL REFERENCES runs (id),
    tbl TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (run, tbl)
) WITHOUT ROWID;
";

/// From version 4: what was found out about a run beside its facts.
pub(super) const TO_5: &str = "
CREATE TABLE evidence (
    run TEXT NOT NULL REFERENCES runs (id),
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX evidence_by_run ON evidence (run, kind);
";

/// From version 5: what reviewers said of sampled rows, and drills of the way back.
pub(super) const TO_6: &str = "
CREATE TABLE sample_reviews (
    run TEXT NOT NULL REFERENCES runs (id),
    tbl TEXT NOT NULL,
    row TEXT NOT NULL,
    key TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    by TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    comment TEXT
);
CREATE INDEX sample_reviews_by_run ON sample_reviews (run);
CREATE TABLE drills (
    id TEXT PRIMARY KEY,
    point TEXT NOT NULL REFERENCES restore_points (name),
    plan_key TEXT NOT NULL,
    by TEXT NOT NULL,
    begun_ms INTEGER NOT NULL,
    scratch TEXT NOT NULL,
    ended_ms INTEGER,
    content TEXT
);
CREATE INDEX drills_by_point ON drills (point, begun_ms);
";

/// From version 6: what a restore point keeps of chunks where it keeps no whole table.
pub(super) const TO_7: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    tbl TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    entry TEXT NOT NULL,
    UNIQUE (run, tbl, chunk)
);
";

pub(super) const CREATE: &str = "
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    plan_key TEXT NOT NULL,
    plan_name TEXT NOT NULL,
    plan_digest TEXT NOT NULL,
    plan_text TEXT NOT NULL,
    instant_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    phase TEXT NOT NULL,
    by TEXT NOT NULL
);
CREATE INDEX runs_by_plan ON runs (plan_key, started_ms);
CREATE TABLE facts (
    run TEXT NOT NULL REFERENCES runs (id),
    seq INTEGER NOT NULL,
    fact TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE TABLE chunks (
    run TEXT NOT NULL REFERENCES runs (id),
    tbl TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    committed INTEGER NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (run, tbl, chunk)
) WITHOUT ROWID;
CREATE TABLE created (
    run TEXT NOT NULL REFERENCES runs (id),
    tbl TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (run, tbl)
) WITHOUT ROWID;
CREATE TABLE faults (
    id TEXT PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    tbl TEXT NOT NULL,
    chunk INTEGER NOT NULL,
    row INTEGER NOT NULL,
    state TEXT NOT NULL,
    fault TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX faults_by_chunk ON faults (run, tbl, chunk);
CREATE TABLE decisions (
    run TEXT NOT NULL REFERENCES runs (id),
    fault TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    decision TEXT NOT NULL,
    scope TEXT NOT NULL,
    by TEXT NOT NULL,
    reason TEXT,
    plan_digest TEXT NOT NULL
);
CREATE INDEX decisions_by_fault ON decisions (fault, at_ms);
";
