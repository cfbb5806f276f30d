//! Types that a database made for itself.

use super::*;

const TYPES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'it''s ok', '');
    CREATE DOMAIN positive AS int DEFAULT 1 NOT NULL CONSTRAINT above CHECK (VALUE > 0);
    CREATE TYPE pair AS (a positive, m mood);
    CREATE DOMAIN moods AS mood[]; CREATE SCHEMA crm; CREATE TYPE crm.\"Tier\" AS ENUM ('a');
    CREATE TABLE t (id positive PRIMARY KEY, tier crm.\"Tier\" DEFAULT 'a', m mood DEFAULT 'sad' CHECK (m <> ''), p pair, all_moods moods, ms mood[]);
    CREATE INDEX by_mood ON t (m);
    INSERT INTO t VALUES (1, 'a', 'sad', '(2,\"it''s ok\")', '{sad,\"it''s ok\"}', '{sad}'), (2, NULL, NULL, NULL, NULL, NULL)";

#[test]
fn types_of_ones_own() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("types"), PostgresDatabase::create("typeses"))
    else {
        return;
    };
    source.execute(TYPES);
    destination.execute("CREATE TYPE mood AS ENUM ('sad', 'it''s ok', '')");
    migrate(&source.url(), &destination.url()).tells_nothing();
    let read = "SELECT id, tier, m, p, all_moods, ms FROM t ORDER BY id";
    assert_eq!(destination.rows(read), source.rows(read));
    let kinds = "SELECT attname, format_type(atttypid, atttypmod), pg_get_expr(adbin, adrelid) FROM pg_attribute
                 LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                 WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum";
    assert_eq!(texts(destination.rows(kinds)), texts(source.rows(kinds)));
    assert!(postgres_refuses(&destination, "INSERT INTO t VALUES (-1)"));
    assert!(postgres_refuses(&destination, "INSERT INTO t VALUES (3, 'a', '')"));
}

#[test]
fn another_type_of_that_name() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("other"), PostgresDatabase::create("others"))
    else {
        return;
    };
    source.execute(TYPES);
    destination.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')");
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", &destination.url()]);
    let checked = desk.run_to(5, &["check", "plan.toml"]);
    let said = checked.values[0]["checks"].to_string();
    assert!(said.contains("The destination has another type mood"), "{said}");
}

#[test]
fn json_that_the_destination_would_rewrite() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("json"), PostgresDatabase::create("jsons"))
    else {
        return;
    };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, j json); INSERT INTO t VALUES (1, '{\"b\":1.0, \"a\":2,\"b\":3}')",
    );
    destination.execute("CREATE TABLE t (id int PRIMARY KEY, j jsonb)");
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", &destination.url()]);
    let said = desk.run_to(5, &["check", "plan.toml"]).values[0]["checks"].to_string();
    assert!(said.contains("'j' can lose the order of keys") && said.contains("(json to jsonb)"), "{said}");
    let plan = std::fs::read_to_string(desk.path("plan.toml")).unwrap();
    desk.write("plan.toml", &format!("{plan}[table.columns]\nj = {{ from = \"j\", accept_loss = true }}\n"));
    desk.run_to(0, &["run", "plan.toml"]);
    assert_eq!(texts(destination.rows("SELECT j FROM t")), ["{\"a\": 2, \"b\": 3}"]);

    source.execute("ALTER TABLE t ALTER j TYPE jsonb");
    destination.execute("TRUNCATE t");
    desk.write("again.toml", &plan);
    desk.run_to(0, &["run", "again.toml"]);
    assert_eq!(destination.rows("SELECT j FROM t"), source.rows("SELECT j FROM t"), "as it was rewritten there");
}

#[test]
fn labels_across_systems() {
    let (Some(postgres), Some(mysql)) = (PostgresDatabase::create("labels"), MysqlDatabase::create("labels")) else {
        return;
    };
    let Some(ends) = Ends::new("labelled") else { return };
    postgres.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'a,b'); CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL DEFAULT 'sad');
         INSERT INTO t VALUES (1, 'it''s ok'), (2, 'a,b')",
    );
    postgres.execute(
        "CREATE TYPE blank AS ENUM ('a', 'a '); CREATE TABLE b (id int PRIMARY KEY, m blank); INSERT INTO b VALUES (1, 'a ')",
    );
    migrate(&postgres.url(), &ends.mysql.url()).tells_nothing();
    assert_eq!(texts(ends.mysql.rows("SELECT concat(m, '|') FROM b")), ["a |"]);
    assert!(
        mysql_refuses(&ends.mysql, "INSERT INTO b VALUES (2, 'b')"),
        "a type cannot hold these labels, a check can"
    );
    let kind = "SELECT column_type, column_default FROM information_schema.columns
                WHERE table_schema = database() AND table_name = 't' AND column_name = 'm'";
    assert_eq!(texts(ends.mysql.rows(kind)), ["enum('sad','it''s ok','a,b')|'sad'"]);
    assert_eq!(texts(ends.mysql.rows("SELECT m FROM t ORDER BY id")), ["it's ok", "a,b"]);

    mysql.execute("CREATE TABLE t (id int PRIMARY KEY, m enum('sad','it\\'s ok','') DEFAULT 'sad')");
    mysql.execute("INSERT INTO t VALUES (1, 'it\\'s ok'), (2, ''), (3, NULL)");
    for url in [&ends.urls()[0], &ends.urls()[2]] {
        migrate(&mysql.url(), url).tells_nothing();
    }
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO t VALUES (4, 'happy')"));
    assert!(!postgres_refuses(&ends.postgres, "INSERT INTO t (id) VALUES (4)"));
    ends.sqlite.file.execute("INSERT OR IGNORE INTO t VALUES (4, 'happy')");
    assert_eq!(ends.sqlite.file.count("SELECT count(*) FROM t"), 3);
    let read = "SELECT m FROM t WHERE id < 4 ORDER BY id";
    assert_eq!(
        (texts(ends.postgres.rows(read)), texts(ends.sqlite.file.rows(read))),
        (texts(mysql.rows(read)), texts(mysql.rows(read)))
    );
}
