//! The six guards, each with what goes wrong without it.

use super::*;
use crate::model::Cause;

const V: &[(&str, &str)] = &[("v", "bigint"), ("t", "text"), ("d", "decimal(10,2)")];

fn of(v: &str, sql: &str, ty: &str) -> Result<String, String> {
    value(V, &[Some(v), Some(v), Some("1.10")], ty, sql)
}

#[test]
fn everything_sees_the_one_instant_of_the_run() {
    for (sql, ty, expected) in [
        ("now()", "timestamptz", "2024-06-12T14:30:22Z"),
        ("current_date", "date", "2024-06-12"),
        ("run_date()", "date", "2024-06-12"),
        ("coalesce(t, 'none')", "text", "1"),
        ("nvl(t, 'none')", "text", "1"),
    ] {
        assert_eq!(of("1", sql, ty).as_deref(), Ok(expected), "{sql}");
    }
}

#[test]
fn integers_never_wrap() {
    let most = i64::MAX.to_string();
    let least = i64::MIN.to_string();
    for (v, sql) in [
        (most.as_str(), "v + 1980"),
        (&least, "v - 1"),
        (&most, "v * 2"),
        (&least, "-v"),
        ("1", "9223372036854775807 + 1"),
        ("1", "v + (9223372036854775807 * 2)"),
        ("1", "case when v > 0 then 9223372036854775807 + v else 0 end"),
    ] {
        let error = of(v, sql, "bigint").unwrap_err();
        assert!(error.to_lowercase().contains("overflow"), "{sql}: {error}");
    }
    assert_eq!(of("7", "(v + 3) * 2 - 1", "bigint").as_deref(), Ok("19"));
    assert_eq!(of("7", "-v", "bigint").as_deref(), Ok("-7"));
}

#[test]
fn an_overflow_that_no_row_reaches_is_none() {
    assert_eq!(of("1", "case when v > 5 then 9223372036854775807 + v else 0 end", "bigint").as_deref(), Ok("0"));
}

#[test]
fn numbers_with_a_point_are_decimals() {
    assert_eq!(of("1", "d * 1.1", "decimal(20,6)").as_deref(), Ok("1.210000"));
    assert_eq!(of("1", "1.1 + 2.2", "decimal(10,1)").as_deref(), Ok("3.3"));
}

#[test]
fn a_row_is_reported_only_if_it_fails_alone() {
    let mut mapping = mapping(&[("v", "text")], vec![from("v", "text", "v")]);
    mapping.filter = Some("v ~ '^[0-9]+$' AND cast(v as bigint) > 5".into());
    let source = batch(&mapping.from, &[&[Some("7")], &[Some("x")], &[Some("3")], &[Some("12")]]);
    let applied = compiled(&mapping).apply(&source).unwrap();
    assert_eq!((applied.rows, applied.filtered, applied.faults), (vec![0, 3], vec![1, 2], vec![]));
}

#[test]
fn what_looks_beyond_its_row_or_changes_by_itself_is_refused() {
    for (sql, words) in [
        ("sum(v)", "sum() sums up many rows"),
        ("count(*)", "count() sums up many rows"),
        ("1 + max(v)", "max() sums up many rows"),
        ("row_number() over ()", "looks at other rows"),
        ("sum(v) over (order by v)", "looks at other rows"),
        ("(select 1)", "a subquery cannot be used"),
        ("(select max(x) from nowhere)", "a subquery cannot be used"),
        ("v in (select id from other)", "a subquery cannot be used"),
        ("exists (select 1 from other)", "a subquery cannot be used"),
        ("random()", "random() gives another value each time"),
        ("uuid()", "uuid() gives another value each time"),
        ("$1", "stands for a value that nothing gives"),
    ] {
        let error = refused(V, sql).message;
        assert!(error.contains(words), "{sql}: {error}");
    }
}

#[test]
fn names_keep_their_case() {
    let source = &[("Email", "text"), ("email", "text"), ("Weird Name", "text")];
    let row = [Some("Upper"), Some("lower"), Some("weird")];
    assert_eq!(value(source, &row, "text", "Email").as_deref(), Ok("Upper"));
    assert_eq!(value(source, &row, "text", "UPPER(email)").as_deref(), Ok("LOWER"));
    assert_eq!(value(source, &row, "text", "\"Weird Name\" || \"Email\"").as_deref(), Ok("weirdUpper"));
    assert!(refused(source, "EMAIL").message.contains("did you mean '"));
}

#[test]
fn errors_have_a_place_and_a_next_step() {
    let source = &[("email", "text"), ("birth_year", "integer")];
    for (sql, words, line, column) in [
        ("uper(email)", "there is no function 'uper'; did you mean 'upper'?", 1, 1),
        ("upper(emial)", "there is no column 'emial'; did you mean 'email'?", 1, 7),
        ("upper(\n  emial)", "did you mean 'email'?", 2, 3),
        ("upper(zzzzzzzz)", "there is no column 'zzzzzzzz'", 1, 7),
        ("upper(email", "expected ", 0, 0),
        ("email email2", "expected end of expression", 1, 7),
        ("", "the expression is empty", 0, 0),
        ("email as other", "nothing may follow", 0, 0),
        ("email * 2", "there is no expression text * bigint; cast both sides", 0, 0),
        ("case when birth_year > 1 then 'a'", "a CASE needs its END", 1, 6),
        ("customers.email", "did you mean 'email'?", 1, 1),
        ("to_char(birth_year)", "to_char() does not take integer; cast", 0, 0),
        ("upper(email, 2)", "Function 'upper' expects 1 arguments", 0, 0),
        ("cast(email as timestamp(3))", "timestamps are to the microsecond", 0, 0),
        ("coalesce()", "coalesce must have at least one argument", 0, 0),
        ("'open", "Unterminated string literal", 1, 1),
        ("cast('x' as bigint)", "'x' is not an integer", 0, 0),
        ("array[1, 2]", "which no column holds", 0, 0),
        ("parse_date(email, 'MM/DD/YY')", "names no century", 0, 0),
        ("parse_date(email, email)", "must be written out in single quotes", 0, 0),
        ("parse_date(email)", "parse_date(text, 'MM/DD/YYYY')", 0, 0),
        ("parse_date(birth_year, 'YYYY-MM-DD')", "takes two texts", 0, 0),
        ("split_name(email, 'nick')", "has no part 'nick'", 0, 0),
    ] {
        let error = refused(source, sql);
        assert!(error.message.contains(words), "{sql}: {error}");
        assert!(!error.message.contains("DataFusion") && !error.message.is_empty(), "{sql}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{sql}: {error}");
    }
}

#[test]
fn all_errors_of_a_mapping_come_at_once() {
    let mut mapping = mapping(
        &[("email", "text"), ("day", "date")],
        vec![
            expr("a", "text", "uper(email)"),
            from("b", "text", "email"),
            from("c", "text", "nowhere"),
            from("d", "integer", "day"),
            MappedColumn { check: Some("length(zz) > 1".into()), ..from("e", "text", "email") },
            MappedColumn { check: Some("length(e)".into()), ..from("f", "text", "email") },
        ],
    );
    mapping.filter = Some("emial is not null".into());
    let errors = Transform::compile(&mapping, INSTANT).unwrap_err();
    let columns: Vec<&str> = errors.iter().map(|error| error.column.as_str()).collect();
    assert_eq!(columns, ["where", "a", "c", "d", "e", "f"], "{errors:#?}");
    assert_eq!((errors[0].line, errors[0].position), (1, 1));
    assert!(errors[5].message.contains("must be true or false"), "{}", errors[5].message);
}

#[test]
fn a_row_that_divides_by_zero_fails_alone() {
    let mapping = mapping(&[("v", "bigint")], vec![expr("v", "bigint", "100 / v")]);
    let source = batch(&mapping.from, &[&[Some("5")], &[Some("0")], &[None]]);
    let applied = compiled(&mapping).apply(&source).unwrap();
    assert_eq!(applied.rows, [0, 2]);
    assert_eq!((applied.faults[0].row, applied.faults[0].cause), (1, Cause::Expression));
    assert_eq!(applied.faults[0].message.to_lowercase(), "division by zero");
}

#[test]
fn timestamps_reach_the_last_day_that_tables_hold() {
    let source = &[("d", "date"), ("t", "timestamp"), ("z", "timestamptz"), ("s", "text")];
    let row =
        [Some("9999-12-31"), Some("9999-12-31 23:59:59"), Some("9999-12-31T23:59:59Z"), Some("2024-06-12T10:00:00Z")];
    for (sql, ty, expected) in [
        ("cast(d as timestamp)", "timestamp", "9999-12-31T00:00:00"),
        ("cast(z as timestamp)", "timestamp", "9999-12-31T23:59:59"),
        ("t::timestamptz", "timestamptz", "9999-12-31T23:59:59Z"),
        ("cast('9999-12-31' as timestamp)", "timestamp", "9999-12-31T00:00:00"),
        ("t > now()", "boolean", "true"),
        ("case when t > cast('9999-12-30' as timestamp) then null else t end", "timestamp", "NULL"),
        ("to_timestamp(s)", "timestamp", "2024-06-12T10:00:00"),
        ("to_timestamp_micros(s)", "timestamp", "2024-06-12T10:00:00"),
        ("to_timestamp('2024-06-12T10:00:00')", "timestamp", "2024-06-12T10:00:00"),
        ("current_timestamp", "timestamptz", "2024-06-12T14:30:22Z"),
    ] {
        assert_eq!(value(source, &row, ty, sql).as_deref(), Ok(expected), "{sql}");
    }
    for sql in ["date_trunc('month', t)", "coalesce(t, now())", "arrow_cast(t, 'Timestamp(Nanosecond, None)')"] {
        assert!(value(source, &row, "timestamp", sql).is_err(), "{sql} neither wraps nor turns NULL");
    }
}

#[test]
fn what_loses_unnoticed_is_refused() {
    for (sql, words) in [("v << 70", "drops bits"), ("date_bin(interval '1 day', now())", "makes NULL")] {
        let error = refused(V, sql).message;
        assert!(error.contains(words), "{sql}: {error}");
    }
}

#[test]
fn unsigned_and_narrow_integers_are_as_exact_as_wide_ones() {
    let source = &[("u", "bigint unsigned"), ("s", "smallint")];
    let row = [Some("18446744073709551615"), Some("-32768")];
    assert_eq!(value(source, &row, "decimal(20,0)", "u + 1").as_deref(), Ok("18446744073709551616"));
    assert_eq!(value(source, &row, "boolean", "u > 5").as_deref(), Ok("true"));
    for sql in ["u * u", "u - s * s", "-s", "s - s - s - s", "cast(u as bigint)"] {
        assert!(value(source, &row, "bigint", sql).is_err(), "{sql}");
    }
}

#[test]
fn decimals_never_outgrow_their_precision() {
    let source = &[("big", "decimal(76,0)")];
    let row = [Some("5000000000000000000000000000000000000000000000000000000000000000000000000000")];
    assert!(value(source, &row, "decimal(76,0)", "big * 2").unwrap_err().contains("more than 76 digits"));
    assert!(value(source, &row, "decimal(76,0)", "big * 20").is_err());
    assert_eq!(value(source, &row, "decimal(76,0)", "big").as_deref(), Ok(row[0].unwrap()));
}

#[test]
fn a_compiled_mapping_serves_several_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Transform>();
}

/// On a thread with the 2 MB that tokio gives its workers.
fn on_a_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

#[test]
fn deep_expressions_are_compiled_and_evaluated_without_a_deep_stack() {
    for sql in [
        format!("{}t{}", "upper(".repeat(45), ")".repeat(45)),
        vec!["t"; 95].join(" || "),
        vec!["v > 0"; 95].join(" and "),
        vec!["v"; 95].join(" + "),
        format!("case {} else 'x' end", "when t = 'a' then 'b' ".repeat(400)),
    ] {
        let start = sql[..20].to_owned();
        let result = on_a_worker(move || of("1", &sql, "text"));
        assert!(result.is_ok(), "{start}: {result:?}");
    }
}

#[test]
fn expressions_that_would_overflow_any_stack_are_refused() {
    for (sql, words) in [
        (vec!["t"; 1000].join(" || "), "nests too deeply"),
        (vec!["v"; 1999].join(" + "), "nests too deeply"),
        (vec!["v"; 100_000].join(" + "), "too long"),
        (format!("{}t{}", "upper(".repeat(1000), ")".repeat(1000)), "nests too deeply"),
        (format!("{}t", "not ".repeat(3000)), ""),
        (format!("{}v", "- ".repeat(3000)), ""),
        (format!("{}1{}", "(".repeat(1900), ")".repeat(1900)), ""),
        (format!("{}1{}", "case when true then ".repeat(900), " end".repeat(900)), ""),
    ] {
        let start = sql[..20].to_owned();
        let error = on_a_worker(move || refused(V, &sql)).message;
        assert!(error.contains(words), "{start}: {error}");
        on_a_worker(move || column_names(&vec!["v"; 1999].join(" + ")));
    }
}
