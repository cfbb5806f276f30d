//! The functions that an operator is promised: ours, and those that DataFusion brings.

use super::*;

const T: &[(&str, &str)] = &[("t", "text")];

fn of(t: &str, ty: &str, sql: &str) -> Result<String, String> {
    value(T, &[Some(t)], ty, sql)
}

#[test]
fn the_usual_functions_work_on_text() {
    for (t, sql, expected) in [
        ("Jane", "upper(t)", "JANE"),
        ("Jane", "lower(t)", "jane"),
        ("  Jane ", "trim(t)", "Jane"),
        ("  Jane ", "btrim(t)", "Jane"),
        ("xxJanex", "trim(both 'x' from t)", "Jane"),
        ("\u{a0}Jane\u{a0}", "trim(t)", "\u{a0}Jane\u{a0}"),
        ("Jane", "concat(t, '-', t)", "Jane-Jane"),
        ("Jane", "t || '!'", "Jane!"),
        ("Jane", "coalesce(nullif(t, 'Jane'), 'none')", "none"),
        ("Jane", "case t when 'Jane' then 'J' else 'other' end", "J"),
        ("Jane", "substring(t, 2, 2)", "an"),
        ("Jane", "substring(t from 2 for 2)", "an"),
        ("Jane", "replace(t, 'a', 'u')", "June"),
        ("a1b22", "regexp_replace(t, '[0-9]+', '#', 'g')", "a#b#"),
        ("a,b,c", "split_part(t, ',', 2)", "b"),
        ("jane doe", "initcap(t)", "Jane Doe"),
        ("Jane", "left(t, 2)", "Ja"),
        ("7", "lpad(t, 3, '0')", "007"),
        ("Jane", "NULL", "NULL"),
    ] {
        assert_eq!(of(t, "text", sql).as_deref(), Ok(expected), "{sql}");
    }
}

#[test]
fn and_those_that_make_something_else() {
    for (t, ty, sql, expected) in [
        ("Jane", "integer", "length(t)", "4"),
        ("J4ne", "boolean", "regexp_like(t, '[0-9]')", "true"),
        ("2024-06-12", "integer", "date_part('year', cast(t as date))", "2024"),
        ("2024-06-12", "integer", "extract(month from to_date(t))", "6"),
        ("06/12/2024", "date", "to_date(t, '%m/%d/%Y')", "2024-06-12"),
        ("2024-06-12 10:00:00", "timestamp", "cast(t as timestamp)", "2024-06-12T10:00:00"),
        ("12.50", "decimal(10,2)", "cast(t as decimal(10,2))", "12.50"),
        ("42", "bigint", "t::bigint + 1", "43"),
        ("2024-06-12", "date", "cast(t as date) + interval '1 day'", "2024-06-13"),
        ("2024-06-12", "bigint", "run_date() - cast(t as date)", "0"),
        ("Jane", "varchar(3)", "left(t, 3)", "Jan"),
        ("Jane", "bytes", "t", "\\x4a616e65"),
    ] {
        assert_eq!(of(t, ty, sql).as_deref(), Ok(expected), "{sql}");
    }
}

#[test]
fn dates_are_read_by_their_pattern_and_nothing_else() {
    for (pattern, good, date, bad) in [
        (
            "MM/DD/YYYY",
            "06/12/2024",
            "2024-06-12",
            vec!["13/40/2024", "6/12/2024", "06/12/24", "06/12/2024 ", "02/30/2024"],
        ),
        ("M/D/YYYY", "6/2/2024", "2024-06-02", vec!["006/2/2024", "/2/2024", "6-2-2024"]),
        ("DD.MM.YYYY", "29.02.2024", "2024-02-29", vec!["29.02.2023", "00.01.2024", ""]),
        ("YYYYMMDD", "20240612", "2024-06-12", vec!["2024-06-12", "2024061", "202406120"]),
        ("D Mon YYYY", "3 sep 2024", "2024-09-03", vec!["3 sept 2024", "3 xyz 2024"]),
        ("Month D, YYYY", "January 3, 2024", "2024-01-03", vec!["Jan 3, 2024", "January 3 2024"]),
        ("yyyy-mm-dd", "0001-01-01", "0001-01-01", vec!["0000-01-01", "２０２４-01-01"]),
    ] {
        let sql = format!("parse_date(t, '{pattern}')");
        assert_eq!(of(good, "date", &sql).as_deref(), Ok(date), "{pattern}");
        for text in bad {
            let error = of(text, "date", &sql).unwrap_err();
            assert_eq!(error, format!("'{text}' is not a date of the form {pattern}"));
        }
    }
    assert_eq!(value(T, &[None], "date", "parse_date(t, 'MM/DD/YYYY')").as_deref(), Ok("NULL"));
    assert_eq!(of(" 06/12/2024", "date", "parse_date(trim(t), 'MM/DD/YYYY')").as_deref(), Ok("2024-06-12"));
}

#[test]
fn timestamps_are_read_with_their_time_of_day() {
    let sql = "parse_timestamp(t, 'DD/MM/YYYY HH24:MI:SS')";
    assert_eq!(of("12/06/2024 14:30:22", "timestamp", sql).as_deref(), Ok("2024-06-12T14:30:22"));
    for bad in ["12/06/2024 24:00:00", "12/06/2024 14:60:00", "12/06/2024 14:30", "12/06/2024"] {
        assert!(of(bad, "timestamp", sql).unwrap_err().contains("is not a date and time of the form"), "{bad}");
    }
    let short = "parse_timestamp(t, 'YYYY-MM-DDTHH:MI')";
    assert_eq!(of("1969-12-31T23:59", "timestamp", short).as_deref(), Ok("1969-12-31T23:59:00"));
}

#[test]
fn patterns_that_could_be_misread_are_refused() {
    for (pattern, words) in [
        ("MM/DD/YY", "names no century"),
        ("MM/YYYY", "must have year, month and day"),
        ("MM/DD/YYYY YYYY", "must have year, month and day, each once"),
        ("MDYYYY", "right behind M or D"),
        ("MM/DD/YYYY HH24", "use parse_timestamp"),
        ("MM/DD/YYYY SS", "none without the one before"),
        ("MM/DD/YYYY Q", "has 'Q'"),
        ("%m/%d/%Y", "has 'Y', which is none of YYYY"),
    ] {
        let error = refused(T, &format!("parse_date(t, '{pattern}')")).message;
        assert!(error.contains(words), "{pattern}: {error}");
    }
    assert!(refused(T, "parse_timestamp(t, 'YYYY-MM-DD')").message.contains("use parse_date"));
}

#[test]
fn names_are_taken_apart() {
    for (name, first, middle, last, suffix) in [
        ("Jane Doe", "Jane", "NULL", "Doe", "NULL"),
        ("  Jane   Doe ", "Jane", "NULL", "Doe", "NULL"),
        ("Maria del Carmen Lopez Jr.", "Maria", "del Carmen", "Lopez", "Jr."),
        ("Jan van der Berg", "Jan", "NULL", "van der Berg", "NULL"),
        ("van der Berg, Jan", "Jan", "NULL", "van der Berg", "NULL"),
        ("Ludwig van Beethoven", "Ludwig", "NULL", "van Beethoven", "NULL"),
        ("Smith, John Quincy", "John", "Quincy", "Smith", "NULL"),
        ("Smith, John, Jr.", "John", "NULL", "Smith", "Jr."),
        ("Smith Jr., John", "John", "NULL", "Smith", "Jr."),
        ("John Smith, PhD", "John", "NULL", "Smith", "PhD"),
        ("John Smith Jr. M.D.", "John", "NULL", "Smith", "Jr. M.D."),
        ("John F. Kennedy", "John", "F.", "Kennedy", "NULL"),
        ("J. R. R. Tolkien", "J.", "R. R.", "Tolkien", "NULL"),
        ("William Henry Gates III", "William", "Henry", "Gates", "III"),
        ("Anne-Marie O'Neill", "Anne-Marie", "NULL", "O'Neill", "NULL"),
        ("Robert De Niro", "Robert", "NULL", "De Niro", "NULL"),
        ("José da Silva", "José", "NULL", "da Silva", "NULL"),
        ("Øyvind Ærø", "Øyvind", "NULL", "Ærø", "NULL"),
        ("Garcia Marquez, Gabriel", "Gabriel", "NULL", "Garcia Marquez", "NULL"),
        ("JOHN SMITH SR", "JOHN", "NULL", "SMITH", "SR"),
    ] {
        for (part, expected) in [("first", first), ("middle", middle), ("last", last), ("suffix", suffix)] {
            assert_eq!(of(name, "text", &format!("split_name(t, '{part}')")).as_deref(), Ok(expected), "{name} {part}");
        }
    }
}

#[test]
fn names_that_could_be_read_wrong_are_left_to_a_human() {
    for name in [
        "",
        " ",
        "Cher",
        "van der Berg",
        "van Berg",
        "Dr. John Smith",
        "Mr John Smith",
        "John and Mary Smith",
        "John & Mary Smith",
        "José Ortega y Gasset",
        "R2 D2",
        "One Two Three Four Five Six Seven",
        "Smith, John, London",
        "Smith,",
        ", John",
        "Jr.",
        "John Jr.",
        "Jane D.",
        "Jane (Smith) Doe",
        "jane@example.com",
        "John van",
    ] {
        let error = of(name, "text", "split_name(t, 'last')").unwrap_err();
        assert_eq!(error, format!("cannot tell the parts of '{name}' apart"));
    }
}

#[test]
fn our_own_words_survive_nesting() {
    let error = of("x", "text", "upper(coalesce(split_name(trim(t), 'last'), 'none'))").unwrap_err();
    assert_eq!(error, "cannot tell the parts of 'x' apart");
    assert_eq!(of("12a4", "bigint", "cast(t as bigint) + 1").unwrap_err(), "'12a4' is not an integer in range");
}
