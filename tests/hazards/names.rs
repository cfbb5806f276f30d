//! Names that systems cut, fold, reserve or know already.

use super::*;

#[test]
fn reserved_word() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("reserved"), Ends::new("reserveds")) else { return };
    source.execute(
        "CREATE TABLE \"order\" (\"select\" int PRIMARY KEY, \"group\" text CHECK (\"group\" <> 'from'),
                                 \"key\" int DEFAULT 1, \"index\" int REFERENCES \"order\");
         CREATE INDEX \"where\" ON \"order\" (\"group\", \"key\");
         COMMENT ON COLUMN \"order\".\"key\" IS 'it''s'; INSERT INTO \"order\" VALUES (1, 'a', 2, 1)",
    );
    for url in ends.urls() {
        migrate(&source.url(), &url);
    }
    let indexes =
        "SELECT count(*) FROM information_schema.statistics WHERE table_schema = database() AND index_name = 'where'";
    assert_eq!(ends.mysql.count(indexes), 2);
    assert_eq!(texts(ends.mysql.rows("SELECT `select`, `group`, `key`, `index` FROM `order`")), ["1|a|2|1"]);
    assert_eq!(texts(ends.sqlite.file.rows("SELECT name FROM pragma_index_info('where')")), ["group", "key"]);
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO \"order\" VALUES (2, 'from')"));
}

#[test]
fn odd_names() {
    let (Some(source), Some(ends)) = (MysqlDatabase::create("odd"), Ends::new("odds")) else { return };
    source.execute(
        "CREATE TABLE `My-Table ü` (`Id` int PRIMARY KEY, `it's \"it\"` varchar(9) COLLATE utf8mb4_bin DEFAULT 'a\\'b',
                                    `semi;colon` int CHECK (`semi;colon` > 0), KEY `odd \"index\"` (`it's \"it\"`));
         INSERT INTO `My-Table ü` VALUES (1, 'x', 1)",
    );
    for url in ends.urls() {
        migrate(&source.url(), &url).tells_nothing();
    }
    let read = "SELECT \"Id\", \"it's \"\"it\"\"\", \"semi;colon\" FROM \"My-Table ü\"";
    assert_eq!(
        (texts(ends.postgres.rows(read)), texts(ends.sqlite.file.rows(read))),
        (vec!["1|x|1".into()], vec!["1|x|1".into()])
    );
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO \"My-Table ü\" VALUES (2, 'y', 0)"));
    ends.postgres.execute("INSERT INTO \"My-Table ü\" (\"Id\") VALUES (3)");
    assert_eq!(texts(ends.postgres.rows("SELECT \"it's \"\"it\"\"\" FROM \"My-Table ü\" WHERE \"Id\" = 3")), ["a'b"]);
    let index = "SELECT count(*) FROM pg_indexes WHERE indexname = 'odd \"index\"'";
    assert_eq!(ends.postgres.count(index), 1);
}

#[test]
fn mixed_case() {
    let source = Scratch::new(
        "CREATE TABLE Orders (OrderId INTEGER PRIMARY KEY, userName TEXT CHECK (username <> ''), UNIQUE (USERNAME));
         CREATE INDEX ByName ON orders (UserName, orderid); INSERT INTO Orders VALUES (1, 'Ann');",
    );
    let Some(ends) = Ends::new("mixed") else { return };
    for url in ends.urls() {
        migrate(&source.file.url(), &url).tells_nothing();
    }
    let index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ByName'";
    let made = texts(ends.postgres.rows(index)).remove(0);
    assert!(made.ends_with("ON public.\"Orders\" USING btree (\"userName\", \"OrderId\")"), "{made}");
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO \"Orders\" VALUES (2, '')"));
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO \"Orders\" VALUES (2, 'Ann')"));
}

#[test]
fn long_name() {
    let (Some(source), Some(destination)) = (MysqlDatabase::create("long"), PostgresDatabase::create("longs")) else {
        return;
    };
    let (column, index) = ("c".repeat(64), "i".repeat(63));
    source.execute(&format!(
        "CREATE TABLE t (id int PRIMARY KEY, {column} int, a int, b int, KEY {index}x (a), KEY {index}y (b),
                         UNIQUE KEY {index}z (a, b))"
    ));
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", &destination.url()]);
    let checked = desk.run_to(5, &["check", "plan.toml"]);
    let said = checked.values[0]["checks"][2]["details"][0].as_str().unwrap();
    assert!(said.contains("has 64 bytes, and PostgreSQL keeps 63") && said.contains("short = "), "{said}");
    let line = said.strip_prefix("line ").unwrap().split(':').next().unwrap().parse::<usize>().unwrap();
    let text = std::fs::read_to_string(desk.path("plan.toml")).unwrap();
    assert_eq!(text.lines().nth(line - 1), Some("[[table]]"));
    desk.write("plan.toml", &format!("{text}[table.columns]\nshort = \"{column}\"\n"));
    desk.run_to(0, &["run", "plan.toml"]);
    let names = texts(destination.rows("SELECT indexname FROM pg_indexes WHERE tablename = 't' ORDER BY 1"));
    let mut expected = vec![index[..62].to_owned() + "1", index[..62].to_owned() + "2", index.clone(), "t_pkey".into()];
    expected.sort();
    assert_eq!(names, expected);
    let length = texts(destination.rows("SELECT count(*) FROM information_schema.columns WHERE column_name = 'short'"));
    assert_eq!(length, ["1"]);
}

#[test]
fn colliding_names() {
    let Some(source) = PostgresDatabase::create("collide") else { return };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, \"Name\" text, name text);
         CREATE TABLE \"T\" (id int PRIMARY KEY)",
    );
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", "sqlite:new.sqlite"]);
    let checked = desk.run_to(5, &["check", "plan.toml"]);
    let details = checked.values[0]["checks"][2]["details"].to_string();
    assert!(details.contains("the columns 'Name' and 'name' of t are one in SQLite"), "{details}");
    assert!(details.contains("are one name in SQLite") && details.contains("line "), "{details}");
    desk.run_to(5, &["run", "plan.toml"]);
    let text = std::fs::read_to_string(desk.path("plan.toml")).unwrap();
    let text =
        text.replace("to = \"T\"", "to = \"Big\"").replace("to = \"t\"", "to = \"t\"\ncolumns = { other = \"name\" }");
    desk.write("plan.toml", &text);
    desk.run_to(0, &["run", "plan.toml"]);
}

#[test]
fn names_of_indexes_that_are_taken() {
    let (Some(source), Some(ends)) = (MysqlDatabase::create("taken"), Ends::new("takens")) else { return };
    source.execute(
        "CREATE TABLE a (id int PRIMARY KEY, x int, y int, KEY by_x (x), UNIQUE KEY uniq (y), KEY b (x, y));
         CREATE TABLE b (id int PRIMARY KEY, x int, y int, KEY by_x (x), UNIQUE KEY uniq (y))",
    );
    ends.postgres.execute("CREATE VIEW by_x AS SELECT 1 AS one");
    ends.sqlite.file.execute("CREATE TABLE other (x INT); CREATE INDEX BY_X ON other (x);");
    for url in [&ends.urls()[0], &ends.urls()[2]] {
        migrate(&source.url(), url).tells_nothing();
    }
    let names = "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%pkey'
                 AND tablename IN ('a', 'b') ORDER BY 1, 2";
    assert_eq!(texts(ends.postgres.rows(names)), ["a|a_b_idx", "a|by_x1", "a|uniq", "b|by_x2", "b|uniq1"]);
    let names = "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL AND tbl_name <> 'other'
                 ORDER BY 1, 2";
    assert_eq!(texts(ends.sqlite.file.rows(names)), ["a|a_b_idx", "a|by_x1", "b|by_x2"]);
}
