//! Checks, indexes, defaults and comments: the same words within a system, the same meaning across, else told.

use super::*;

const POSTGRES: &str = "
    CREATE TABLE customers (
        id int PRIMARY KEY, mail text COLLATE \"C\" NOT NULL, status varchar(9) DEFAULT 'new' NOT NULL,
        price numeric(10,2) DEFAULT 0.5, born date DEFAULT '2000-01-01', made timestamptz DEFAULT now(),
        tags text[] DEFAULT '{}'::text[], token uuid DEFAULT gen_random_uuid(), ok boolean DEFAULT true,
        CONSTRAINT status_known CHECK (status IN ('new', 'paid', 'it''s')),
        CONSTRAINT price_sane CHECK (price >= 0 AND price < 1000 OR price IS NULL),
        CONSTRAINT mail_is_one CHECK (mail ~ '@'), CONSTRAINT mail_long CHECK (length(mail) > 3),
        CONSTRAINT born_late CHECK (born BETWEEN '1900-01-01' AND '2100-01-01'), CHECK (ok OR price = 0),
        CONSTRAINT mails UNIQUE (mail) INCLUDE (status), EXCLUDE USING btree (token WITH =));
    CREATE INDEX by_status ON customers (status, price DESC);
    CREATE INDEX paid ON customers (price) WHERE status = 'paid';
    CREATE UNIQUE INDEX lower_mail ON customers (lower(mail));
    CREATE INDEX words ON customers USING gin (to_tsvector('simple', mail));
    CREATE INDEX patterns ON customers (status varchar_pattern_ops);
    COMMENT ON TABLE customers IS 'who pays; it''s so'; COMMENT ON COLUMN customers.mail IS 'with ''quotes'' and \\ more';
    INSERT INTO customers (id, mail) VALUES (1, 'a@example.com');
    INSERT INTO customers (id, mail, status, price) VALUES (2, 'b@example.com', 'paid', NULL)";

const POSTGRES_CATALOG: &str = "
    SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'customers'::regclass
    UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'customers'
    UNION ALL SELECT attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute
        ON attrelid = adrelid AND attnum = adnum WHERE adrelid = 'customers'::regclass
    UNION ALL SELECT attname, concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation,
                                        col_description(attrelid, attnum)) FROM pg_attribute
        WHERE attrelid = 'customers'::regclass AND attnum > 0
    UNION ALL SELECT 'comment', obj_description('customers'::regclass) ORDER BY 1, 2";

#[test]
fn same_words_in_postgres() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("same"), PostgresDatabase::create("sames"))
    else {
        return;
    };
    source.execute(POSTGRES);
    migrate(&source.url(), &destination.url()).tells_nothing();
    // The server prints this one in another way once it has read what it printed; pg_dump's copies differ alike.
    let catalog = |database: &PostgresDatabase| -> Vec<String> {
        texts(database.rows(POSTGRES_CATALOG)).into_iter().filter(|line| !line.starts_with("status_known|")).collect()
    };
    assert_eq!(catalog(&destination), catalog(&source));
    assert!(postgres_refuses(&destination, "INSERT INTO customers (id, mail, status) VALUES (3, 'c@d.e', 'odd')"));
}

#[test]
fn same_words_in_mariadb() {
    let (Some(source), Some(destination)) = (MysqlDatabase::create("same"), MysqlDatabase::create("sames")) else {
        return;
    };
    source.execute(
        "CREATE TABLE t (
            id int AUTO_INCREMENT PRIMARY KEY, name varchar(20) CHARACTER SET latin1 COLLATE latin1_german1_ci DEFAULT 'it\\'s',
            code char(3) COLLATE utf8mb4_bin NOT NULL DEFAULT 'abc' COMMENT 'it\\'s a \\\\ code', body text DEFAULT 'long',
            at timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), kind enum('a','b''c') DEFAULT 'a',
            price decimal(8,2) CHECK (price > 0), place point NOT NULL, doc json, u uuid DEFAULT uuid(),
            CONSTRAINT named CHECK (char_length(code) = 3 or price is null),
            UNIQUE KEY names (name, code), KEY falling (price DESC, id), KEY prefixed (body(20)),
            FULLTEXT KEY words (body), SPATIAL KEY places (place)) COMMENT='all sorts'
            DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_swedish_ci",
    );
    source.execute("INSERT INTO t (name, code, price, place, doc) VALUES ('ä', 'xyz', 1, POINT(1, 2), '[1]')");
    migrate(&source.url(), &destination.url()).tells_nothing();
    for read in [
        "SELECT column_name, column_type, is_nullable, column_default, character_set_name, collation_name, extra,
                column_comment FROM information_schema.columns WHERE table_schema = database() AND table_name = 't'
         ORDER BY ordinal_position",
        "SELECT index_name, non_unique, seq_in_index, column_name, collation, sub_part, index_type
         FROM information_schema.statistics WHERE table_schema = database() AND table_name = 't' ORDER BY 1, 3",
        "SELECT check_clause FROM information_schema.check_constraints WHERE constraint_schema = database() ORDER BY 1",
        "SELECT table_comment, table_collation FROM information_schema.tables WHERE table_schema = database() AND table_name = 't'",
    ] {
        assert_eq!(texts(destination.rows(read)), texts(source.rows(read)));
    }
    let read = "SELECT id, name, code, kind, price, ST_AsText(place), doc FROM t";
    assert_eq!(texts(destination.rows(read)), texts(source.rows(read)));
    let named = "SELECT count(*) FROM information_schema.check_constraints
                 WHERE constraint_schema = database() AND constraint_name = 'named'";
    assert_eq!(destination.count(named), 1);
}

#[test]
fn same_words_in_sqlite() {
    let source = Scratch::new(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE NOT NULL DEFAULT 'it''s',
             n INT DEFAULT (abs(-3)), p_id INT REFERENCES p ON DELETE CASCADE, CHECK (typeof(n) = 'integer'),
             CONSTRAINT short CHECK (length(name) < 9), UNIQUE (name, n));
         CREATE INDEX i ON t (lower(name) DESC) WHERE n > 0; CREATE UNIQUE INDEX u ON t (n, name COLLATE BINARY);
         INSERT INTO p VALUES (1); INSERT INTO t (name, p_id) VALUES ('a', 1);",
    );
    let destination = Scratch::new("");
    migrate(&source.file.url(), &destination.file.url()).tells_nothing();
    for read in [
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL ORDER BY name",
        // A row id is never NULL, whether it says so or not.
        "SELECT name, type, \"notnull\" OR pk, dflt_value, pk FROM pragma_table_info('t')",
        "SELECT \"table\", \"from\", coalesce(\"to\", 'id'), on_delete FROM pragma_foreign_key_list('t')",
    ] {
        let plain = |file: &SqliteFile| -> Vec<String> {
            texts(file.rows(read))
                .iter()
                .map(|line| line.replace(['"', '(', ')'], "").replace("abs-3", "abs -3"))
                .collect()
        };
        let (ours, theirs) = (plain(&destination.file), plain(&source.file));
        let bare = |lines: Vec<String>| lines.iter().map(|line| line.replace(' ', "")).collect::<Vec<_>>();
        let to_id = |lines: Vec<String>| lines.iter().map(|line| line.replace("|p_id|", "|")).collect::<Vec<_>>();
        assert_eq!(to_id(bare(ours)), to_id(bare(theirs)), "{read}");
    }
    for wrong in ["(9, 'toolongname', 1, 1)", "(9, 'b', 'x', 1)", "(9, 'A', 3, 1)"] {
        destination.file.execute(&format!("INSERT OR IGNORE INTO t VALUES {wrong}"));
    }
    assert_eq!(destination.file.count("SELECT count(*) FROM t"), 1);
}

#[test]
fn same_meaning_out_of_postgres() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("across"), Ends::new("acrosses")) else { return };
    source.execute(POSTGRES);
    for url in &ends.urls()[1..] {
        let moved = migrate(&source.url(), url);
        for told in [
            "the check mail_is_one of customers ((mail ~ '@'::text)) is left out: it has no certain equal in ",
            "the index paid of customers (USING btree (price) WHERE ((status)::text = 'paid'::text)) is left out: it is partial",
            "the unique index lower_mail of customers (USING btree (lower(mail))) is left out: it is over an expression",
            "the index words of customers (USING gin (to_tsvector('simple'::regconfig, mail))) is left out",
            "the index patterns of customers (USING btree (status varchar_pattern_ops)) is left out: it sorts by",
            "the default of customers.token (gen_random_uuid()) is left out",
            "is left out: it is an exclusion constraint",
        ] {
            moved.tells(told);
        }
        assert!(!moved.left_behind().iter().any(|line| line.contains("status_known")), "{:#?}", moved.left_behind());
    }
    let rows = [
        "(3, 'c@example.com', 'odd', 1)",
        "(3, 'c@example.com', 'new', -1)",
        "(3, 'c@example.com', 'new', 1000)",
        "(3, 'c@', 'new', 1)",
        "(3, 'a@example.com', 'new', 1)",
    ];
    for row in rows {
        let insert = format!("IGNORE INTO customers (id, mail, status, price) VALUES {row}");
        assert!(mysql_refuses(&ends.mysql, &insert.replace("IGNORE", "INSERT")), "{row}");
        ends.sqlite.file.execute(&format!("INSERT OR {insert}"));
    }
    for born in ["'1899-12-31'", "'2100-01-02'"] {
        let insert = format!("IGNORE INTO customers (id, mail, born) VALUES (3, 'c@example.com', {born})");
        assert!(mysql_refuses(&ends.mysql, &insert.replace("IGNORE", "INSERT")), "{born}");
        ends.sqlite.file.execute(&format!("INSERT OR {insert}"));
    }
    let count = "SELECT count(*) FROM customers";
    assert_eq!((ends.mysql.count(count), ends.sqlite.file.count(count)), (2, 2), "nothing wrong was taken");
    ends.mysql.execute("INSERT INTO customers (id, mail, token) VALUES (4, 'd@example.com', 'x')");
    ends.sqlite.file.execute("INSERT INTO customers (id, mail, token) VALUES (4, 'd@example.com', 'x')");
    let read = "SELECT status, price + 0.0 = 0.5, born, ok, made IS NOT NULL FROM customers WHERE id = 4";
    for row in [texts(ends.mysql.rows(read)), texts(ends.sqlite.file.rows(read))] {
        assert_eq!(row, ["new|1|2000-01-01|1|1"]);
    }
    let indexes = "SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = database()
                   AND index_name <> 'PRIMARY' ORDER BY index_name, seq_in_index";
    assert_eq!(texts(ends.mysql.rows(indexes)), ["by_status|status", "by_status|price", "mails|mail"]);
    let comments =
        "SELECT table_comment FROM information_schema.tables WHERE table_schema = database() AND table_comment <> ''
                    UNION ALL SELECT column_comment FROM information_schema.columns
                    WHERE table_schema = database() AND table_name = 'customers' AND column_comment <> ''";
    assert_eq!(texts(ends.mysql.rows(comments)), ["who pays; it's so", "with 'quotes' and \\ more"]);
}

#[test]
fn comments_that_sqlite_does_not_keep() {
    let (Some(source), Scratch { file, _folder }) = (PostgresDatabase::create("comment"), Scratch::new("")) else {
        return;
    };
    source.execute("CREATE TABLE t (id int PRIMARY KEY); COMMENT ON TABLE t IS 'a'; COMMENT ON COLUMN t.id IS 'b'");
    migrate(&source.url(), &file.url()).tells("2 comments of t: not kept by SQLite");
}

#[test]
fn same_meaning_out_of_mysql() {
    let (Some(source), Some(ends)) = (MysqlDatabase::create("out"), Ends::new("outs")) else { return };
    source.execute(
        "CREATE TABLE t (
            id int AUTO_INCREMENT PRIMARY KEY, code varchar(9) NOT NULL, body text, qty int unsigned DEFAULT 3,
            at datetime DEFAULT current_timestamp() ON UPDATE current_timestamp(), flag tinyint(1) DEFAULT 1,
            CONSTRAINT some_qty CHECK (qty between 1 and 9), CONSTRAINT codes CHECK (code in ('a','b')),
            CONSTRAINT odd CHECK (code regexp '^[ab]'), UNIQUE KEY code (code, qty), KEY qty (qty), KEY body (body(10)),
            FULLTEXT KEY words (body)) COMMENT='all'",
    );
    source.execute("INSERT INTO t (code, body) VALUES ('a', 'x')");
    for url in [&ends.urls()[0], &ends.urls()[2]] {
        let moved = migrate(&source.url(), url);
        moved.tells("the check codes of t (`code` in ('a','b')) compares text without regard to case in MySQL");
        moved.tells("the check odd of t");
        moved.tells("t.at: ON UPDATE CURRENT_TIMESTAMP() is left out");
        moved.tells("the index words of t (FULLTEXT KEY (`body`)) is left out: it is a full-text index");
        moved.tells("the index body of t (KEY (`body`(10))) is left out: it takes only the beginning of a column");
        moved.tells("t.code is unique without regard to case in MySQL");
    }
    for wrong in ["('c', 2)", "('a', 10)", "('a', 3)"] {
        assert!(postgres_refuses(&ends.postgres, &format!("INSERT INTO t (code, qty) VALUES {wrong}")), "{wrong}");
        ends.sqlite.file.execute(&format!("INSERT OR IGNORE INTO t (code, qty) VALUES {wrong}"));
    }
    assert_eq!(ends.sqlite.file.count("SELECT count(*) FROM t"), 1);
    let made = ends.postgres.rows("INSERT INTO t (code) VALUES ('b') RETURNING qty, flag, at IS NOT NULL");
    // Only 0 and 1 were in it, so it became a truth value.
    assert_eq!(texts(made), ["3|t|t"]);
}

#[test]
fn unique_index_that_is_too_wide() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("broad"), MysqlDatabase::create("broads")) else {
        return;
    };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a varchar(900) UNIQUE, b varchar(900), made timestamptz DEFAULT now());
         CREATE INDEX ON t (a, b); INSERT INTO t VALUES (1, repeat('x', 900), 'b')",
    );
    migrate(&source.url(), &destination.url())
        .tells("the unique index t_a_key of t (UNIQUE (a)) is left out: its columns take up to 3602 bytes");
    let index = "SELECT index_name, sub_part FROM information_schema.statistics WHERE table_schema = database()
                 AND index_name <> 'PRIMARY' ORDER BY seq_in_index";
    assert_eq!(texts(destination.rows(index)), ["t_a_b_idx|255", "t_a_b_idx|255"]);
    assert_eq!(destination.count("SELECT count(*) FROM t WHERE char_length(a) = 900"), 1);
    destination.execute("SET time_zone = '+05:00'; INSERT INTO t (id) VALUES (2)");
    let late = "SELECT abs(timestampdiff(MINUTE, made, utc_timestamp())) FROM t WHERE id = 2";
    assert_eq!(destination.count(late), 0, "an instant is kept in UTC, whatever the session's zone");
}

#[test]
fn a_rename_is_followed() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("renamed"), Ends::new("renameds")) else { return };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0), b text CHECK (b ~ 'x'), c int,
                         CONSTRAINT ac CHECK (a <> c), UNIQUE (a));
         CREATE INDEX by_a ON t (a DESC); CREATE INDEX by_c ON t (c); CREATE INDEX part ON t (b) WHERE a > 1;
         INSERT INTO t VALUES (1, 5, 'x', 6)",
    );
    let change = |text: String| text + "skip = [\"c\"]\n[table.columns]\nalpha = \"a\"\nbeta = \"b\"\n";
    for url in ends.urls() {
        let moved = migrate_with(&source.url(), &url, 0, change);
        moved.tells("the check ac of t ((a <> c)) is left out: its columns are not all carried over unchanged");
        moved.tells("the index by_c of t (USING btree (c)) is left out: its columns are not all carried");
        moved.tells("the check t_b_check of t ((b ~ 'x'::text)) is left out");
        moved.tells("the index part of t");
    }
    let made = "SELECT indexdef FROM pg_indexes WHERE tablename = 't' AND indexname <> 't_pkey' ORDER BY indexname";
    assert_eq!(
        texts(ends.postgres.rows(made)),
        [
            "CREATE INDEX by_a ON public.t USING btree (alpha DESC)",
            "CREATE UNIQUE INDEX t_a_key ON public.t USING btree (alpha)"
        ]
    );
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO t VALUES (2, 0, 'x')"));
    assert!(postgres_refuses(&ends.postgres, "INSERT INTO t VALUES (2, 5, 'x')"));
}

#[test]
fn an_index_that_cannot_be_built_is_told_and_the_run_goes_on() {
    let (Some(source), Some(destination)) = (MysqlDatabase::create("wide"), PostgresDatabase::create("wides")) else {
        return;
    };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a varchar(700) CHARACTER SET ascii, b varchar(700) CHARACTER SET ascii,
                    c varchar(700) CHARACTER SET ascii, d varchar(700) CHARACTER SET ascii, KEY wide (a, b, c, d))",
    );
    source.execute(
        "INSERT INTO t SELECT 1, group_concat(md5(seq) SEPARATOR ''), group_concat(md5(seq + 50) SEPARATOR ''),
                group_concat(md5(seq + 100) SEPARATOR ''), group_concat(md5(seq + 200) SEPARATOR '') FROM seq_1_to_21",
    );
    let remarks = migrate(&source.url(), &destination.url()).remarks();
    let told = remarks.iter().find(|line| line.starts_with("the index wide of t is left out")).unwrap();
    assert!(told.contains("To add it later: CREATE INDEX \"wide\" ON"), "{told}");
    assert_eq!(destination.count("SELECT count(*) FROM t"), 1);
}
