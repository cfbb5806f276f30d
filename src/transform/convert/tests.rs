//! Every way from type to type: what arrives, and what is a fault.

use std::sync::Arc;

use datafusion::arrow::array::{Array, StringViewArray, TimestampNanosecondArray};

use super::*;
use crate::model::{Cell, array_of, cell_at};

fn convert(from: &str, text: &str, to: &str) -> Result<String, String> {
    let (from, to): (ColumnType, ColumnType) = (from.parse().unwrap(), to.parse().unwrap());
    let array = array_of(&from, &[Cell::Null, Cell::text(text)]).unwrap();
    let conversion = Conversion::between(&from, &to).unwrap_or_else(|| panic!("{from} to {to} is not planned"));
    let converted = conversion.apply(&array).unwrap();
    assert_eq!(converted.array.data_type(), &to.arrow());
    assert!(converted.array.is_null(0), "NULL stays NULL and is no failure");
    match converted.failures.as_slice() {
        [] => Ok(cell_at(&converted.array, 1).display()),
        [failure] => {
            assert_eq!((failure.row, converted.array.is_null(1)), (1, true));
            Err(failure.message.clone())
        }
        more => panic!("{more:?}"),
    }
}

#[test]
fn what_fits_arrives() {
    for (from, text, to, expected) in [
        ("text", "-42", "integer", "-42"),
        ("text", "+42", "bigint", "42"),
        ("text", "007", "smallint", "7"),
        ("text", "18446744073709551615", "bigint unsigned", "18446744073709551615"),
        ("integer", "127", "tinyint", "127"),
        ("bigint", "-1", "integer", "-1"),
        ("boolean", "true", "integer", "1"),
        ("decimal(10,2)", "12.00", "integer", "12"),
        ("decimal(40,0)", "9223372036854775807", "bigint", "9223372036854775807"),
        ("numeric", "12.00", "integer", "12"),
        ("double", "-3", "integer", "-3"),
        ("text", "1.50", "decimal(10,1)", "1.5"),
        ("text", "-.5", "decimal(3,2)", "-0.50"),
        ("text", "1e3", "decimal(6,2)", "1000.00"),
        (
            "numeric",
            "12345678901234567890123456789012345678901234567890",
            "decimal(60,2)",
            "12345678901234567890123456789012345678901234567890.00",
        ),
        ("integer", "12", "decimal(4,2)", "12.00"),
        ("decimal(10,4)", "1.2300", "decimal(5,2)", "1.23"),
        ("decimal(10,2)", "-1.23", "decimal(50,20)", "-1.23000000000000000000"),
        ("double", "0.1", "decimal(3,1)", "0.1"),
        ("double", "1e20", "decimal(30,0)", "100000000000000000000"),
        ("real", "0.1", "decimal(3,1)", "0.1"),
        ("bigint", "9007199254740992", "double", "9007199254740992.0"),
        ("integer", "16777216", "real", "16777216.0"),
        ("decimal(10,2)", "0.10", "double", "0.1"),
        ("decimal(38,20)", "0.30000000000000000000", "double", "0.3"),
        ("real", "0.5", "double", "0.5"),
        ("double", "0.5", "real", "0.5"),
        ("double", "inf", "real", "inf"),
        ("text", "1e300", "double", "1e300"),
        ("text", "NaN", "double", "NaN"),
        ("text", "Yes", "boolean", "true"),
        ("text", "OFF", "boolean", "false"),
        ("integer", "1", "boolean", "true"),
        ("decimal(3,1)", "0.0", "boolean", "false"),
        ("text", "2024-02-29", "date", "2024-02-29"),
        ("timestamp", "1969-12-31T23:59:59.9", "date", "1969-12-31"),
        ("text", "14:30", "time", "14:30:00"),
        ("text", "14:30:22.123456000", "time", "14:30:22.123456"),
        ("text", "2024-06-12", "timestamp", "2024-06-12T00:00:00"),
        ("text", "2024-06-12 14:30", "timestamp", "2024-06-12T14:30:00"),
        ("text", "2024-06-12T14:30:22.5", "timestamp", "2024-06-12T14:30:22.500"),
        ("text", "2024-06-12T14:30:22Z", "timestamptz", "2024-06-12T14:30:22Z"),
        ("text", "2024-06-12 14:30:22+02", "timestamptz", "2024-06-12T12:30:22Z"),
        ("text", "2024-06-12 14:30:22-0530", "timestamptz", "2024-06-12T20:00:22Z"),
        ("text", "2024-06-12 14:30:22.25+05:30", "timestamptz", "2024-06-12T09:00:22.250Z"),
        ("date", "2024-06-12", "timestamp", "2024-06-12T00:00:00"),
        ("timestamp", "2024-06-12T14:30:22", "timestamptz", "2024-06-12T14:30:22Z"),
        ("text", "936DA01F-9ABD-4D9D-80C7-02AF85C822A8", "uuid", "936da01f-9abd-4d9d-80c7-02af85c822a8"),
        ("text", "{\"a\": [1, 2]}", "json", "{\"a\": [1, 2]}"),
        ("integer", "5", "json", "5"),
        ("text", "007.50", "numeric", "7.50"),
        ("text", "-1.5e3", "numeric", "-1500"),
        ("text", "25e-4", "numeric", "0.0025"),
        ("text", "-0.0", "numeric", "0.0"),
        ("double", "1e22", "numeric", "10000000000000000000000"),
        ("double", "inf", "numeric", "Infinity"),
        ("decimal(10,2)", "NaN", "numeric", "NaN"),
        ("decimal(10,2)", "NaN", "decimal(50,2)", "NaN"),
        ("decimal(50,2)", "NaN", "decimal(12,4)", "NaN"),
        ("decimal(10,2)", "NaN", "double", "NaN"),
        ("date", "infinity", "timestamptz", "infinity"),
        ("timestamp", "-infinity", "date", "-infinity"),
        ("date", "2011-00-00", "timestamp", "2011-00-00T00:00:00"),
        ("text", "-0043-03-15", "date", "-0043-03-15"),
        ("text", "25:00", "time", "25:00:00"),
        ("integer", "5", "other(bit(8))", "00000101"),
        ("other(bit(8))", "00000101", "tinyint", "5"),
        ("integer", "5", "text", "5"),
        ("double", "0.1", "text", "0.1"),
        ("decimal(5,2)", "1.50", "varchar(4)", "1.50"),
        ("boolean", "true", "text", "true"),
        ("timestamp", "2024-06-12T14:30:22", "text", "2024-06-12T14:30:22"),
        ("uuid", "936da01f-9abd-4d9d-80c7-02af85c822a8", "text", "936da01f-9abd-4d9d-80c7-02af85c822a8"),
        ("bytes", "Jané", "text", "Jané"),
        ("text", "Jané", "bytes", "\\x4a616ec3a9"),
        ("uuid", "936da01f-9abd-4d9d-80c7-02af85c822a8", "bytes(16)", "\\x936da01f9abd4d9d80c702af85c822a8"),
        ("bytes", "0123456789abcdef", "uuid", "30313233-3435-3637-3839-616263646566"),
        ("bytes", "[1]", "json", "[1]"),
        ("other(inet)", "10.0.0.1", "text", "10.0.0.1"),
        ("text", "10.0.0.1", "other(inet)", "10.0.0.1"),
    ] {
        assert_eq!(convert(from, text, to).as_deref(), Ok(expected), "{from} '{text}' to {to}");
    }
}

#[test]
fn what_would_lose_is_a_fault() {
    for (from, text, to, words) in [
        ("text", "ABC123", "integer", "'ABC123' is not an integer"),
        ("text", "12 ", "integer", "is not an integer"),
        ("text", "", "integer", "is not an integer"),
        ("text", "1.0", "integer", "is not an integer"),
        ("text", "1_000", "integer", "is not an integer"),
        ("text", "١٢", "integer", "is not an integer"),
        ("text", "3000000000", "integer", "out of range for an integer of 32 bits"),
        ("text", "999999999999999999999999999999999999999999", "bigint", "out of range"),
        ("text", "-1", "integer unsigned", "out of range for an unsigned integer"),
        ("integer", "128", "tinyint", "'128' is out of range for an integer of 8 bits"),
        ("integer", "-1", "bigint unsigned", "out of range"),
        ("bigint unsigned", "9223372036854775808", "bigint", "out of range"),
        ("decimal(10,2)", "12.01", "integer", "'12.01' is not a whole number"),
        ("numeric", "NaN", "integer", "is not an integer"),
        ("double", "1.5", "integer", "'1.5' is not a whole number"),
        ("double", "NaN", "integer", "is not an integer"),
        ("double", "1e19", "bigint", "out of range"),
        ("text", "1.005", "decimal(5,2)", "'1.005' has more than 2 digits after the point"),
        ("text", "1000", "decimal(5,2)", "has more than 5 digits"),
        ("text", "1,5", "decimal(5,2)", "is not a decimal number"),
        ("text", "1e", "decimal(5,2)", "is not a decimal number"),
        ("text", ".", "decimal(5,2)", "is not a decimal number"),
        ("integer", "1000", "decimal(5,2)", "has more than 5 digits"),
        ("decimal(10,3)", "1.234", "decimal(10,2)", "more than 2 digits after the point"),
        ("decimal(10,2)", "12345.00", "decimal(4,1)", "has more than 4 digits"),
        ("decimal(10,2)", "12345.00", "decimal(6,2)", "has more than 6 digits"),
        ("decimal(76,0)", "99999999999999999999999999999999999999999", "decimal(38,0)", "more than 38 digits"),
        ("double", "0.15", "decimal(3,1)", "more than 1 digits after the point"),
        ("double", "NaN", "decimal(3,1)", "is not a decimal number"),
        ("bigint", "9007199254740993", "double", "is not exact as a float"),
        ("integer", "16777217", "real", "is not exact as a float"),
        ("double", "1e300", "real", "is too large for a float"),
        ("double", "1e-300", "real", "is too small for a float"),
        ("text", "1e400", "double", "is too large for a float"),
        ("text", "1e-400", "double", "is too small for a float"),
        ("text", "0x10", "double", "is not a number"),
        ("text", " 1", "double", "is not a number"),
        ("text", "ja", "boolean", "neither true nor false"),
        ("integer", "2", "boolean", "neither true nor false"),
        ("decimal(3,1)", "0.5", "boolean", "neither true nor false"),
        ("text", "2023-02-29", "date", "is not a date"),
        ("text", "2024-6-12", "date", "is not a date"),
        ("text", "2024-06-12 00:00", "date", "is not a date"),
        ("text", "2023-02-29", "date", "is not a date"),
        ("text", "4:00", "time", "is not a time"),
        ("text", "14:30:60", "time", "is not a time"),
        ("text", "14:30.5", "time", "is not a time"),
        ("text", "14:30:22.1234567", "time", "is not a time"),
        ("text", "2024-06-12 14:30:22.1234567", "timestamp", "is not a timestamp"),
        ("text", "2024-06-12  14:30", "timestamp", "is not a timestamp"),
        ("text", "2024-06-12 14:30Z", "timestamp", "has a time zone where the destination knows none"),
        ("text", "2024-06-12 14:30", "timestamptz", "has no time zone"),
        ("text", "2024-06-12", "timestamptz", "has no time zone"),
        ("text", "2024-06-12 14:30+2", "timestamptz", "is not a timestamp"),
        ("text", "2024-06-12 14:30 Europe/Berlin", "timestamptz", "is not a timestamp"),
        ("text", "936da01f-9abd-4d9d-80c7", "uuid", "is not a UUID"),
        ("text", "{a: 1}", "json", "is not JSON"),
        ("double", "NaN", "json", "is not JSON"),
        ("text", "twelve", "numeric", "is not a decimal number"),
        ("decimal(10,2)", "NaN", "integer", "'NaN' is not a whole number"),
        ("integer", "5", "other(bit(2))", "'5' is not 2 bits"),
        ("integer", "-1", "other(bit(64))", "'-1' is not 64 bits"),
        ("other(bit varying)", "", "integer", "'' is not a number of at most 64 bits"),
        ("other(bit(9))", "100000000", "tinyint unsigned", "out of range"),
        ("double", "inf", "decimal(10,2)", "is not a decimal number"),
        ("bytes", "short", "uuid", "is not a UUID of 16 bytes"),
        ("bytes", "nope", "json", "is not JSON"),
    ] {
        let error = convert(from, text, to).expect_err(&format!("{from} '{text}' to {to}"));
        assert!(error.contains(words), "{from} '{text}' to {to}: {error}");
    }
}

#[test]
fn bytes_that_are_no_text_are_a_fault() {
    let bytes = array_of(&ColumnType::Bytes { max: None }, &[Cell::Bytes(vec![0xff, 0xfe])]).unwrap();
    let conversion = Conversion::between(&ColumnType::Bytes { max: None }, &ColumnType::TEXT).unwrap();
    let converted = conversion.apply(&bytes).unwrap();
    assert_eq!(converted.failures[0].message, "\\xfffe is not UTF-8 text");
}

#[test]
fn what_can_never_convert_is_known_before_any_row() {
    for (from, to) in [
        ("date", "integer"),
        ("boolean", "date"),
        ("integer", "timestamp"),
        ("bytes", "integer"),
        ("json", "integer"),
        ("uuid", "json"),
        ("timestamp", "time"),
        ("double", "boolean"),
        ("integer", "bytes"),
    ] {
        assert!(Conversion::between(&from.parse().unwrap(), &to.parse().unwrap()).is_none(), "{from} to {to}");
    }
}

#[test]
fn every_value_comes_back_from_text() {
    for (ty, text) in [
        ("boolean", "true"),
        ("tinyint", "-128"),
        ("bigint unsigned", "18446744073709551615"),
        ("decimal(38,10)", "-1234567890123456789012345678.0123456789"),
        ("decimal(76,0)", "9999999999999999999999999999999999999999999999999999999999999999999999999999"),
        ("double", "0.30000000000000004"),
        ("double", "-1e-300"),
        ("real", "3.4028235e38"),
        ("date", "0001-01-01"),
        ("time", "23:59:59.999999"),
        ("timestamp", "9999-12-31T23:59:59.999999"),
        ("timestamptz", "2024-06-12T14:30:22.000001Z"),
        ("uuid", "936da01f-9abd-4d9d-80c7-02af85c822a8"),
        ("json", "{\"b\":1,\"a\":2}"),
        ("numeric", "123456789012345678901234567890.000"),
    ] {
        let there = convert(ty, text, "text").unwrap();
        let back = convert("text", &there, ty).unwrap();
        assert_eq!(convert(ty, text, ty).unwrap(), back, "{ty} {text} by '{there}'");
    }
}

#[test]
fn forms_that_functions_give_are_brought_to_the_one_that_travels() {
    let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None]));
    let conversion = Conversion::between(&ColumnType::TEXT, &ColumnType::TEXT).unwrap();
    assert_eq!(conversion.apply(&views).unwrap().array.data_type(), &ColumnType::TEXT.arrow());
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_000, 1_001]));
    let timestamp = ColumnType::Timestamp { zone: false };
    let converted = Conversion::between(&timestamp, &timestamp).unwrap().apply(&nanos).unwrap();
    assert_eq!(converted.failures.iter().map(|failure| failure.row).collect::<Vec<_>>(), [1]);
}

#[test]
fn the_quick_way_to_a_float_is_the_exact_one() {
    for text in
        ["0.01", "-0.1", "12345.67", "90071992547409.93", "90071992547409.91", "0.07", "-99999999999999.99", "1.15"]
    {
        let float: f64 = text.parse().unwrap();
        assert_eq!(convert("decimal(20,2)", text, "double"), Ok(cell_at(&float_array(float), 0).display()), "{text}");
        assert_eq!(convert("decimal(38,20)", text, "double"), convert("text", text, "double"), "{text}");
    }
}

fn float_array(value: f64) -> ArrayRef {
    Arc::new(datafusion::arrow::array::Float64Array::from(vec![value]))
}

/// `digits` with a point before the last `scale` of them.
pub(super) fn decimal_text(digits: i128, scale: usize) -> String {
    let plain = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = plain.split_at(plain.len() - scale);
    let sign = if digits < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_decimal_arrives_exactly_or_not_at_all(
        digits in -1_000_000_000_000_i128..1_000_000_000_000, from in 0_usize..10, to in 0_usize..10,
    ) {
        let text = decimal_text(digits, from);
        let target = format!("decimal(12,{to})");
        let zeros = from.saturating_sub(to);
        let unit = 10_i128.pow(u32::try_from(zeros).unwrap());
        let grown = digits / unit * 10_i128.pow(u32::try_from(to.saturating_sub(from)).unwrap());
        let exact = digits % unit == 0 && grown.unsigned_abs() < 1_000_000_000_000;
        let expected = exact.then(|| decimal_text(grown, to));
        for source in ["text", "numeric", &format!("decimal(38,{from})"), &format!("decimal(60,{from})")] {
            let made = convert(source, &text, &target);
            proptest::prop_assert_eq!(made.as_ref().ok(), expected.as_ref(), "{} {}: {:?}", source, text, made);
        }
    }

    #[test]
    fn an_integer_arrives_exactly_or_not_at_all(value in proptest::num::i64::ANY) {
        let text = value.to_string();
        for (target, fits) in [
            ("tinyint", i8::try_from(value).is_ok()),
            ("integer", i32::try_from(value).is_ok()),
            ("bigint unsigned", u64::try_from(value).is_ok()),
            ("decimal(10,0)", value.unsigned_abs() < 10_000_000_000),
            ("text", true),
        ] {
            for source in ["bigint", "text", "decimal(19,0)", "numeric"] {
                let made = convert(source, &text, target);
                proptest::prop_assert_eq!(made.as_deref().ok(), fits.then_some(text.as_str()), "{} to {}", source, target);
            }
        }
        let double = convert("bigint", &text, "double");
        proptest::prop_assert_eq!(double.is_ok(), i128::from(value as f64 as i64) == i128::from(value) && value != i64::MAX);
    }

    #[test]
    fn timestamps_come_back_from_text(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
        for zone in [false, true] {
            let ty = ColumnType::Timestamp { zone };
            let values = datafusion::arrow::array::TimestampMicrosecondArray::from(vec![micros]);
            let array: ArrayRef = Arc::new(values.with_timezone_opt(zone.then_some("+00:00")));
            let text = Conversion::between(&ty, &ColumnType::TEXT).unwrap().apply(&array).unwrap().array;
            let back = Conversion::between(&ColumnType::TEXT, &ty).unwrap().apply(&text).unwrap();
            proptest::prop_assert_eq!(&back.array, &array);
        }
    }
}
