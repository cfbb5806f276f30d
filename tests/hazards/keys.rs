//! Foreign keys that do not hold, or hold only when all rows are in.

use super::*;

const ORPHANS: &str = "CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE c (id int PRIMARY KEY, p_id int);
    INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 1), (2, 7), (3, 8), (4, NULL), (5, 7);";

#[test]
fn orphan() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("orphan"), Ends::new("orphans")) else { return };
    source.execute(ORPHANS);
    source.execute("ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE NOT VALID");
    for url in ends.urls() {
        // MySQL does not take the key; where it is kept, the validation says that it does not hold.
        let code = if url.starts_with("mysql") { 0 } else { 4 };
        let moved = migrate_with(&source.url(), &url, code, |text| text);
        let told = moved.remarks().join("\n");
        assert!(told.contains("3 rows") && told.contains("p_id = 7") && told.contains("p_id = 8"), "{told}");
        assert_eq!(moved.told.result()["counts"]["written"], 6, "the run went on");
    }
    let kept = "SELECT conname, convalidated, confdeltype FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(texts(ends.postgres.rows(kept)), ["c_p|f|c"], "kept for new rows");
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO c VALUES (9, 9)"));
    let keys = "SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = database()";
    assert_eq!(ends.mysql.count(keys), 0);
    assert_eq!(ends.sqlite.file.count("SELECT count(*) FROM pragma_foreign_key_list('c')"), 1);
}

#[test]
fn orphan_that_mysql_can_be_told_later() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("later"), MysqlDatabase::create("later")) else {
        return;
    };
    source.execute(ORPHANS);
    source.execute("ALTER TABLE c ADD CONSTRAINT c_p FOREIGN KEY (p_id) REFERENCES p (id) NOT VALID");
    let remarks = migrate(&source.url(), &destination.url()).remarks();
    let statement = remarks[0].split_once("To add it later: ").unwrap().1;
    destination.execute("DELETE FROM c WHERE p_id > 1");
    destination.execute(statement);
}

#[test]
fn cycle() {
    let source = Scratch::new(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INT REFERENCES b (id));
         CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INT NOT NULL REFERENCES a (id));
         INSERT INTO a VALUES (1, 2), (2, 1); INSERT INTO b VALUES (1, 2), (2, 1);",
    );
    let Some(ends) = Ends::new("cycle") else { return };
    for url in ends.urls() {
        migrate(&source.file.url(), &url).tells_nothing();
    }
    let valid = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated";
    assert_eq!(ends.postgres.count(valid), 2);
    let keys = "SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = database()";
    assert_eq!(ends.mysql.count(keys), 2);
}

#[test]
fn self_reference() {
    let Some(source) = MysqlDatabase::create("staff") else { return };
    source.execute(
        "CREATE TABLE staff (id int PRIMARY KEY, boss int NULL,
                             CONSTRAINT boss FOREIGN KEY (boss) REFERENCES staff (id) ON DELETE SET NULL);
         SET foreign_key_checks = 0; INSERT INTO staff VALUES (1, 3), (2, 1), (3, NULL)",
    );
    let Some(ends) = Ends::new("selfref") else { return };
    for url in ends.urls() {
        let moved = migrate(&source.url(), &url);
        assert_eq!(moved.remarks(), Vec::<String>::new());
    }
    let key = "SELECT conname, convalidated, confdeltype FROM pg_constraint WHERE contype = 'f'";
    assert_eq!(texts(ends.postgres.rows(key)), ["boss|t|n"]);
    let rule =
        "SELECT delete_rule FROM information_schema.referential_constraints WHERE constraint_schema = database()";
    assert_eq!(texts(ends.mysql.rows(rule)), ["SET NULL"]);
    assert_eq!(texts(ends.sqlite.file.rows("SELECT on_delete FROM pragma_foreign_key_list('staff')")), ["SET NULL"]);
}

#[test]
fn deferred_constraint() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("deferred"), Ends::new("deferreds")) else { return };
    source.execute(
        "CREATE TABLE p (id int PRIMARY KEY, rank int, CONSTRAINT ranks UNIQUE (rank) DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE c (id int PRIMARY KEY, p_id int, CONSTRAINT c_p FOREIGN KEY (p_id) REFERENCES p (id)
                         ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO c VALUES (1, 2)",
    );
    migrate(&source.url(), &ends.postgres.url()).tells_nothing();
    let all = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('u', 'f') ORDER BY 1";
    assert_eq!(ends.postgres.rows(all), source.rows(all));
    migrate(&source.url(), &ends.mysql.url()).tells("c (p_id) -> p (id) is made without being deferrable");
    migrate_with(&source.url(), &ends.mysql.url(), 0, |text| text.replace("to = \"", "to = \"b"))
        .tells("the unique constraint ranks of bp is made without being deferrable");
    migrate(&source.url(), &ends.sqlite.file.url());
    let text = texts(ends.sqlite.file.rows("SELECT sql FROM sqlite_schema WHERE name = 'c'"));
    assert!(text[0].contains("ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED"), "{text:?}");
}

#[test]
fn deferred_constraint_of_a_table_that_is_there() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("twice"), Ends::new("twices")) else { return };
    source.execute("CREATE TABLE t (id int PRIMARY KEY, rank int); INSERT INTO t VALUES (1, 1), (2, 1), (3, 2)");
    ends.postgres.execute("CREATE TABLE t (id int PRIMARY KEY, rank int, UNIQUE (rank) DEFERRABLE INITIALLY DEFERRED)");
    let moved = migrate_with(&source.url(), &ends.postgres.url(), 3, |text| text);
    let counts = &moved.told.result()["counts"];
    assert_eq!((&counts["written"], &counts["flagged"]), (&2.into(), &1.into()));
    assert!(moved.desk.path("plan.toml").exists());
}

#[test]
fn key_of_the_plan_beside_the_sources() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("mykey"), PostgresDatabase::create("mykeys"))
    else {
        return;
    };
    source.execute("CREATE TABLE t (id int PRIMARY KEY, mail text NOT NULL UNIQUE); INSERT INTO t VALUES (1, 'a')");
    migrate_with(&source.url(), &destination.url(), 0, |text| text + "key = [\"mail\"]\n").tells_nothing();
    let all = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY 1";
    assert_eq!(texts(destination.rows(all)), ["PRIMARY KEY (mail)", "UNIQUE (id)"]);
}
