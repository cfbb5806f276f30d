//! Types that a look at rows gives where nothing is declared, or too little.

use super::*;

/// The drafted plan's text.
fn draft(desk: &Desk, source: &str, destination: &str) -> String {
    desk.run_to(0, &["new", "plan.toml", "--force", "--source", source, "--destination", destination]);
    std::fs::read_to_string(desk.path("plan.toml")).unwrap()
}

fn types(database: &MysqlDatabase, table: &str) -> Vec<String> {
    texts(database.rows(&format!(
        "SELECT concat(column_name, ' ', column_type) FROM information_schema.columns
         WHERE table_schema = database() AND table_name = '{table}' ORDER BY ordinal_position"
    )))
}

#[test]
fn numbers_and_keys_without_a_limit() {
    let (Some(postgres), Some(mysql)) = (PostgresDatabase::create("looks"), MysqlDatabase::create("looks")) else {
        return;
    };
    postgres.execute(
        "CREATE TABLE t (code text PRIMARY KEY, short text UNIQUE, raw bytea UNIQUE, n numeric, nan numeric, wide numeric,
             fixed numeric(5,2), free text, refers numeric UNIQUE);
         INSERT INTO t VALUES (repeat('é', 300), 'x', decode(repeat('00', 1000), 'hex'), 1234.5678, 'NaN',
             1e-40, 1.5, repeat('y', 1000), 1), ('b', 'y', '', -0.01, 1, 1, NULL, NULL, 2)",
    );
    let desk = Desk::new();
    let plan = draft(&desk, &postgres.url(), &mysql.url());
    for (line, is_there) in [
        ("\ncode = { type = \"varchar(384)\" }  # in a key, and at most 300 characters in the 2 rows", true),
        ("\nraw = { type = \"bytes(1264)\" }", true),
        ("\nn = { type = \"decimal(38,4)\" }  # at most 4 digits before the point and 4 behind it", true),
        ("\nshort = ", false),
        ("\nnan = ", false),
        ("\nwide = ", false),
        ("\nfixed = ", false),
        ("\nfree = ", false),
        ("\nrefers = ", false),
    ] {
        assert_eq!(plan.contains(line), is_there, "{line}: {plan}");
    }
    desk.run_to(0, &["run", "plan.toml"]);
    assert_eq!(
        types(&mysql, "t"),
        [
            "code varchar(384)",
            "short varchar(255)",
            "raw varbinary(1264)",
            "n decimal(38,4)",
            "nan longtext",
            "wide longtext",
            "fixed decimal(5,2)",
            "free longtext",
            "refers varchar(255)"
        ]
    );
    let read = "SELECT char_length(code), n, nan, wide FROM t ORDER BY short";
    assert_eq!(
        texts(mysql.rows(read)),
        ["300|1234.5678|NaN|0.0000000000000000000000000000000000000001", "1|-0.0100|1|1"]
    );
}

#[test]
fn columns_that_declare_nothing_or_hold_something_else() {
    let Some(postgres) = PostgresDatabase::create("looks") else { return };
    let source = Scratch::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, whole, part, bytes, words, mixed, n INTEGER, b BOOLEAN, d DATE, r REAL);
         INSERT INTO t VALUES (1, 7, 1.5, x'00ff', 'a', 'a', 'seven', 'maybe', '2024-01-01', 1.0),
                              (2, NULL, 2, NULL, 'b', 1, 8, 1, 20240102, 2.5), (3, -8, 0.1, x'', 'c', NULL, 9, 0, '2024-01-03', 0)",
    );
    let desk = Desk::new();
    let plan = draft(&desk, &source.file.url(), &postgres.url());
    for (line, is_there) in [
        ("\nwhole = { type = \"bigint\" }  # so in all of the 3 rows looked at", true),
        ("\npart = { type = \"double\" }", true),
        ("\n# n = { type = \"text\" }  # 1 of the 3 rows looked at are not of the declared type", true),
        ("\n# b = { type = \"text\" }", true),
        ("\n# d = { type = \"text\" }", true),
        ("bytes =", false),
        ("words =", false),
        ("mixed =", false),
        ("\n# r =", false),
        ("\nid =", false),
    ] {
        assert_eq!(plan.contains(line), is_there, "{line}: {plan}");
    }
    // As they are declared, rows 1 and 2 are faults; as text they are exact.
    let told = desk.run_to(3, &["run", "plan.toml", "--on-error", "flag"]);
    assert_eq!(told.result()["counts"]["flagged"], 2);
    assert_eq!(texts(postgres.rows("SELECT whole, part, bytes = '', n FROM t")), ["-8|0.1|t|9"]);
    postgres.execute("DROP TABLE t");
    let asked = ["n", "b", "d"].into_iter();
    let text = asked.fold(plan, |plan, name| plan.replace(&format!("\n# {name} = "), &format!("\n{name} = ")));
    desk.write("text.toml", &text);
    desk.run_to(0, &["run", "text.toml"]);
    let read = "SELECT whole, part, encode(bytes, 'hex'), mixed, n, b, d FROM t ORDER BY id";
    assert_eq!(
        texts(postgres.rows(read)),
        ["7|1.5|00ff|a|seven|maybe|2024-01-01", "|2||1|8|1|20240102", "-8|0.1|||9|0|2024-01-03"]
    );
}

#[test]
fn fields_of_a_file() {
    let Some(postgres) = PostgresDatabase::create("looks") else { return };
    let desk = Desk::new();
    std::fs::create_dir(desk.path("in")).unwrap();
    desk.write(
        "in/t.csv",
        "id,zip,price,day,at,phone,mixed,empty,card\n\
         1,01234,1.50,2024-02-29,2024-02-29 01:02:03,+49301,1,,1234567890123456\n\
         20,99999,20.00,1999-12-31,1999-12-31 00:00:00,030,x,,1\n",
    );
    let plan = draft(&desk, "csv:in", &postgres.url());
    for (line, is_there) in [
        ("\nid = { type = \"bigint\" }", true),
        ("\nprice = { type = \"decimal(18,2)\" }", true),
        ("\nday = { type = \"date\" }", true),
        ("\nat = { type = \"timestamp\" }", true),
        ("zip = ", false),
        ("phone = ", false),
        ("mixed = ", false),
        ("empty = ", false),
        ("card = ", false),
    ] {
        assert_eq!(plan.contains(line), is_there, "{line}: {plan}");
    }
    desk.run_to(0, &["run", "plan.toml"]);
    let read = "SELECT id + 1, zip, price, day + 1, at, phone FROM t ORDER BY id";
    assert_eq!(
        texts(postgres.rows(read)),
        ["2|01234|1.50|2024-03-01|2024-02-29 01:02:03|+49301", "21|99999|20.00|2000-01-01|1999-12-31 00:00:00|030"]
    );
}
