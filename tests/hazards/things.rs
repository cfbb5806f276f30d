//! What is no plain table: views, triggers, functions, partitions, heirs; and a table without rows.

use super::*;

#[test]
fn view_and_trigger_listed() {
    let (Some(postgres), Some(mysql)) = (PostgresDatabase::create("things"), MysqlDatabase::create("things")) else {
        return;
    };
    postgres.execute(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    );
    mysql.execute("CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t");
    mysql.execute("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1");
    mysql.execute("CREATE FUNCTION f() RETURNS int RETURN 1");
    let sqlite = Scratch::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t;
         CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END; CREATE VIRTUAL TABLE rt USING rtree (id, a, b);",
    );
    let sources = [postgres.url(), mysql.url(), sqlite.file.url()];
    for source in &sources {
        let destination = Scratch::new("");
        let moved = migrate_with(source, &destination.file.url(), 0, only_table_t);
        moved.tells("views of the source are not carried, 1 in all: v");
        moved.tells("triggers of the source are not carried, 1 in all: tr (of t)");
        if *source != sources[2] {
            moved.tells("functions of the source are not carried, 1 in all: f");
        }
        assert_eq!(destination.file.count("SELECT count(*) FROM sqlite_schema WHERE name = 'v'"), 0);
    }
}

/// The draft without the shadow tables of a virtual one.
fn only_table_t(text: String) -> String {
    let mut tables = text.split("\n[[table]]\n");
    let head = tables.next().unwrap().to_owned();
    let t = tables.find(|table| table.starts_with("from = \"t\"\n")).unwrap();
    format!("{head}\n[[table]]\n{t}")
}

#[test]
fn trigger_on_the_target() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("fires"), Ends::new("fireses")) else { return };
    source.execute("CREATE TABLE t (id int PRIMARY KEY)");
    ends.mysql.execute("CREATE TABLE t (id int PRIMARY KEY)");
    ends.mysql.execute("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.id = NEW.id + 1");
    let moved = migrate(&source.url(), &ends.mysql.url());
    let item = moved.checks.iter().find(|item| item["name"] == "No data conflicts").unwrap();
    assert!(item["details"][0].as_str().unwrap().starts_with("the triggers of t (tr) see every row"), "{item}");
}

#[test]
fn resumed_run_finishes_what_it_created() {
    let source = Scratch::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT CHECK (n <> 5), v TEXT); CREATE INDEX by_n ON t (n);
         CREATE INDEX part ON t (v) WHERE n > 0;
         INSERT INTO t VALUES (1, 1, 'a'), (2, 'bad', 'b'), (3, 3, 'c');",
    );
    let Some(ends) = Ends::new("resumed") else { return };
    for url in &ends.urls()[..2] {
        let desk = Desk::new();
        desk.run_to(0, &["new", "plan.toml", "--source", &source.file.url(), "--destination", url]);
        desk.run_to(1, &["run", "plan.toml", "--on-error", "stop"]);
        let told = desk.run_to(3, &["run", "plan.toml", "--resume", "--on-error", "skip"]);
        let remarks: Vec<&str> = told.events("remark").iter().map(|event| event["message"].as_str().unwrap()).collect();
        assert!(remarks.iter().any(|remark| remark.starts_with("the index part of t")), "{remarks:?}");
    }
    assert_eq!(ends.postgres.count("SELECT count(*) FROM pg_indexes WHERE indexname = 'by_n'"), 1);
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO t VALUES (9, 5, '')"));
    let index =
        "SELECT count(*) FROM information_schema.statistics WHERE table_schema = database() AND index_name = 'by_n'";
    assert_eq!(ends.mysql.count(index), 1);
}

#[test]
fn partitioned_table() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("parted"), Ends::new("parteds")) else { return };
    source.execute(
        "CREATE TABLE log (id int NOT NULL, day date NOT NULL, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
         CREATE TABLE log_a PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
         CREATE TABLE log_b PARTITION OF log FOR VALUES FROM ('2024-02-01') TO ('2024-03-01') PARTITION BY LIST (id);
         CREATE TABLE log_b_x PARTITION OF log_b DEFAULT; CREATE INDEX log_v ON log (v);
         INSERT INTO log SELECT g, '2024-01-01'::date + g % 60, g FROM generate_series(1, 200) g",
    );
    for url in ends.urls() {
        let moved = migrate(&source.url(), &url);
        assert_eq!(moved.told.result()["tables"].as_array().unwrap().len(), 1, "partitions are no tables of their own");
        assert_eq!(moved.told.result()["counts"]["written"], 200);
        moved.tells("log is partitioned by RANGE (day); one plain table is made");
    }
    assert_eq!(ends.postgres.count("SELECT count(DISTINCT id) FROM log"), 200);
    assert_eq!(texts(ends.postgres.rows("SELECT relkind FROM pg_class WHERE relname = 'log'")), ["r"]);
    assert_eq!(ends.postgres.count("SELECT count(*) FROM pg_indexes WHERE indexname = 'log_v'"), 1);
}

#[test]
fn inherited_table() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("heir"), Ends::new("heirs")) else { return };
    source.execute(
        "CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE child (extra int) INHERITS (parent);
         INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3)",
    );
    let moved = migrate(&source.url(), &ends.mysql.url());
    moved.tells("child inherits from parent; a table of its own is made");
    assert_eq!(moved.told.result()["counts"]["written"], 2, "no row twice");
    assert_eq!(
        (ends.mysql.count("SELECT count(*) FROM parent"), ends.mysql.count("SELECT count(*) FROM child")),
        (1, 1)
    );
}

#[test]
fn table_without_rows() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("none"), Ends::new("nones")) else { return };
    source.execute(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text NOT NULL DEFAULT 'x');
         CREATE INDEX t_v ON t (v); CREATE TABLE c (t_id int REFERENCES t)",
    );
    for url in ends.urls() {
        let moved = migrate(&source.url(), &url);
        assert_eq!(moved.told.result()["counts"]["read"], 0);
    }
    assert_eq!(texts(ends.postgres.rows("INSERT INTO t DEFAULT VALUES RETURNING id, v")), ["1|x"]);
    ends.mysql.execute("INSERT INTO t () VALUES ()");
    ends.sqlite.file.execute("INSERT INTO t DEFAULT VALUES");
    assert_eq!(texts(ends.mysql.rows("SELECT id, v FROM t")), ["1|x"]);
    assert_eq!(texts(ends.sqlite.file.rows("SELECT id, v FROM t")), ["1|x"]);
}

#[test]
fn nothing_but_rows_in_a_file() {
    let Some(source) = PostgresDatabase::create("tofile") else { return };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0) DEFAULT 1, b int GENERATED ALWAYS AS (a * 2) STORED);
         CREATE INDEX ON t (a); INSERT INTO t VALUES (1, 2)",
    );
    let folder = tempfile::tempdir().unwrap();
    let moved = migrate(&source.url(), &format!("csv:{}", folder.path().display()));
    moved.tells("a file holds only rows; of t stay behind: 1 index, 1 check, 1 default, 1 computed column");
    assert_eq!(std::fs::read_to_string(folder.path().join("t.csv")).unwrap(), "id,a,b\n1,2,4\n");
}
