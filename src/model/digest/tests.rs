//! What is the same row, what is not, and that the digest is SHA-256.

use std::sync::Arc;

use datafusion::arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array,
        Int16Array, Int32Array, Int64Array, LargeStringArray, StringArray, StringViewArray, Time64MicrosecondArray,
        TimestampMicrosecondArray, UInt64Array,
    },
    datatypes::{Field, Schema, i256},
    record_batch::RecordBatch,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn encoding(columns: &[(&str, ColumnType, Option<Padding>)]) -> RowEncoding {
    let columns: Vec<(Column, Option<Padding>)> =
        columns.iter().map(|(name, ty, padding)| (Column::new(*name, ty.clone()), *padding)).collect();
    RowEncoding::of(columns.iter().map(|(column, padding)| (column, *padding)))
}

fn batch(arrays: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields = arrays.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), arrays.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// The digest of the array's first value as a row of one column, understood as `ty`.
fn of(ty: &str, padding: Option<Padding>, array: ArrayRef) -> RowSum {
    encoding(&[("v", ty.parse().unwrap(), padding)]).sum(&batch(vec![("v", array.slice(0, 1))]))
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn decimal(value: i128, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).unwrap())
}

fn wide(value: &str, scale: i8) -> ArrayRef {
    let value = i256::from_string(value).unwrap();
    Arc::new(Decimal256Array::from(vec![value]).with_precision_and_scale(76, scale).unwrap())
}

/// All are one value, understood as `ty`.
#[track_caller]
fn same(ty: &str, padding: Option<Padding>, values: Vec<ArrayRef>) {
    let sums: Vec<RowSum> = values.into_iter().map(|array| of(ty, padding, array)).collect();
    assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "{ty}: {sums:#?}");
}

/// No two are one value, understood as `ty`.
#[track_caller]
fn apart(ty: &str, values: Vec<ArrayRef>) {
    let sums: Vec<RowSum> = values.into_iter().map(|array| of(ty, None, array)).collect();
    for (index, sum) in sums.iter().enumerate() {
        assert!(!sums[index + 1..].contains(sum), "{ty}: {index} of {sums:#?}");
    }
}

#[test]
fn the_digest_is_sha_256_of_the_encoded_row_behind_its_shape() {
    let encoding = encoding(&[("a", ColumnType::BIGINT, None), ("b", ColumnType::TEXT, None)]);
    for text in ["", "x", &"y".repeat(127), &"z".repeat(128), &"w".repeat(40_000), &"v".repeat(LAID_OUT)] {
        let batch = batch(vec![("a", Arc::new(Int64Array::from(vec![7]))), ("b", texts(&[text]))]);
        let mut message = first_block(&encoding.shape).to_vec();
        message.push(3);
        message.extend(7_i64.to_le_bytes());
        encode::push_text(7, text.as_bytes(), &mut message);
        let expected: [u8; 32] = Sha256::digest(&message).into();
        assert_eq!(encoding.sum(&batch).to_string(), format!("1:{}", hex(&expected)), "{}", text.len());
    }
}

#[test]
fn rows_are_the_same_beside_a_very_large_one() {
    let columns = [("t", "text"), ("p", "text"), ("n", "numeric"), ("i", "bigint"), ("b", "boolean"), ("y", "bytes")];
    let columns = columns.map(|(name, ty)| (name, ty.parse().unwrap(), (name == "p").then_some(Padding::Blanks)));
    let large = "v".repeat(LAID_OUT);
    let rows = batch(vec![
        ("t", Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some(&large)]))),
        ("p", texts(&["a  ", "", " ", "  b "])),
        ("n", Arc::new(StringArray::from(vec![Some("1.0"), Some("-0"), None, Some("NaN")]))),
        ("i", Arc::new(Int64Array::from(vec![Some(1), None, Some(-1), Some(i64::MIN)]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("y", Arc::new(BinaryArray::from_opt_vec(vec![None, Some(b""), Some(b"\0"), Some(large.as_bytes())]))),
    ]);
    // The last one is no column of the batch.
    let encoding = encoding(&[&columns[..], &[("none", ColumnType::TEXT, None)]].concat());
    let digests = |batch: &RecordBatch| {
        let mut digests = Vec::new();
        encoding.each(batch, |_, row| digests.push(row));
        digests
    };
    assert_eq!(digests(&rows)[..3], digests(&rows.slice(0, 3)));
}

#[test]
fn one_number_is_one_value_whatever_holds_it() {
    same(
        "numeric",
        None,
        vec![
            Arc::new(Int16Array::from(vec![1])),
            Arc::new(Int64Array::from(vec![1])),
            Arc::new(UInt64Array::from(vec![1])),
            decimal(1, 0),
            decimal(100, 2),
            wide("10000000000000000000000000000000000000000", 40),
            texts(&["1"]),
            texts(&["1.000"]),
            texts(&["+01"]),
            texts(&["10e-1"]),
        ],
    );
    same("numeric", None, vec![decimal(-5, 1), texts(&["-0.50"]), texts(&["-5E-1"]), wide("-50", 2)]);
    same("numeric", None, vec![decimal(0, 9), texts(&["-0.00"]), Arc::new(Int32Array::from(vec![0])), texts(&["0e9"])]);
    same("numeric", None, vec![Arc::new(UInt64Array::from(vec![u64::MAX])), texts(&["18446744073709551615"])]);
    let long = "12345678901234567890123456789012345678901234567890";
    same("numeric", None, vec![wide(long, 0), texts(&[long]), texts(&[&format!("{long}.00")])]);
    same("numeric", None, vec![decimal(NAN_VALUE, 2), texts(&["NaN"])]);
}

const NAN_VALUE: i128 = crate::model::NAN_128;

#[test]
fn numbers_that_differ_keep_apart() {
    apart(
        "numeric",
        vec![
            texts(&["0"]),
            texts(&["1"]),
            texts(&["-1"]),
            texts(&["10"]),
            texts(&["0.1"]),
            texts(&["1e300"]),
            texts(&["1e-300"]),
            texts(&["99999999999999999999999999999999999999"]),
            texts(&["99999999999999999999999999999999999998"]),
            texts(&["9999999999999999999999999999999999999999"]),
            texts(&["9999999999999999999999999999999999999998"]),
            texts(&["NaN"]),
            texts(&["Infinity"]),
            Arc::new(Float64Array::from(vec![1.0])),
            Arc::new(Int64Array::from(vec![None])),
            Arc::new(Int64Array::from(vec![i64::MIN])),
            Arc::new(Int64Array::from(vec![i64::MAX])),
        ],
    );
}

#[test]
fn floats_are_their_bits_but_for_zero_and_nan() {
    let single = |value: f32| -> ArrayRef { Arc::new(Float32Array::from(vec![value])) };
    let double = |value: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    same("double", None, vec![double(-0.0), double(0.0), single(-0.0)]);
    same("double", None, vec![double(f64::NAN), double(-f64::NAN), double(f64::from_bits(0x7ff8_0000_0000_0001))]);
    same("double", None, vec![double(0.5), single(0.5)]);
    apart("double", vec![double(0.1), single(0.1), double(0.0), double(f64::NAN), double(f64::INFINITY), double(-0.1)]);
}

#[test]
fn text_is_its_bytes_in_every_layout() {
    let layouts = |text: &str| -> Vec<ArrayRef> {
        vec![texts(&[text]), Arc::new(LargeStringArray::from(vec![text])), Arc::new(StringViewArray::from(vec![text]))]
    };
    same("text", None, layouts("a text that is longer than a view holds in itself"));
    same("text", None, layouts(""));
    let other = ["", " ", "a", "a ", "A", "\u{e9}", "e\u{301}", "1", "\0"];
    let mut values: Vec<ArrayRef> = other.iter().map(|text| texts(&[text])).collect();
    values.push(Arc::new(StringArray::from(vec![None::<&str>])));
    values.push(Arc::new(BinaryArray::from(vec![b"a".as_slice()])));
    values.push(Arc::new(Int64Array::from(vec![1])));
    apart("text", values);
}

#[test]
fn padding_means_nothing_where_the_system_pads() {
    same("varchar(5)", Some(Padding::Blanks), vec![texts(&["ab"]), texts(&["ab   "])]);
    assert_ne!(
        of("varchar(5)", Some(Padding::Blanks), texts(&["ab"])),
        of("varchar(5)", Some(Padding::Blanks), texts(&[" ab"]))
    );
    let bytes = |bytes: &[u8]| -> ArrayRef { Arc::new(BinaryArray::from(vec![bytes])) };
    same("bytes", Some(Padding::Zeros), vec![bytes(b"ab"), bytes(b"ab\0\0")]);
    apart("bytes", vec![bytes(b"ab"), bytes(b"ab\0"), bytes(b"")]);
}

#[test]
fn json_is_what_it_says() {
    same(
        "json",
        None,
        vec![
            texts(&[r#"{"a": 1, "b": [true, null, "é"]}"#]),
            texts(&[r#"{"b":[true,null,"\u00e9"],"a":1.0}"#]),
            texts(&[r#" {"a":0,"b" : [ true , null,"é" ], "a":10e-1 } "#]),
        ],
    );
    let all = [
        "{}",
        "[]",
        "[[]]",
        "[{}]",
        "\"\"",
        "0",
        "null",
        "true",
        "false",
        r#"["a","b"]"#,
        r#"["ab"]"#,
        "[1,2]",
        "[2,1]",
        "[12]",
        r#"{"a":1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":null}"#,
        "1e400",
        "12345678901234567890.1",
        "no json",
        "[1",
        "[1] x",
    ];
    apart("json", all.iter().map(|text| texts(&[text])).collect());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    apart("json", vec![texts(&[&deep]), texts(&[&deep[1..]])]);
}

#[test]
fn uuids_in_any_spelling_and_moments_of_each_kind() {
    same(
        "uuid",
        None,
        vec![texts(&["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]), texts(&["{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"])],
    );
    apart(
        "uuid",
        vec![
            texts(&["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
            texts(&["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"]),
            texts(&["x"]),
        ],
    );
    let moment = TimestampMicrosecondArray::from(vec![1]);
    apart(
        "timestamp",
        vec![
            Arc::new(moment.clone().with_timezone("+00:00")),
            Arc::new(moment),
            Arc::new(Time64MicrosecondArray::from(vec![1])),
            Arc::new(Date32Array::from(vec![1])),
            Arc::new(Int64Array::from(vec![1])),
        ],
    );
}

#[test]
fn boundaries_between_columns_count_and_so_do_their_names_and_types() {
    let two = encoding(&[("a", ColumnType::TEXT, None), ("b", ColumnType::TEXT, None)]);
    let row = |a: &str, b: &str| two.sum(&batch(vec![("a", texts(&[a])), ("b", texts(&[b]))]));
    assert_ne!(row("ab", "c"), row("a", "bc"));
    assert_ne!(row("x", "y"), row("y", "x"));
    let row = batch(vec![("a", texts(&["x"])), ("b", texts(&["y"]))]);
    let swapped = encoding(&[("b", ColumnType::TEXT, None), ("a", ColumnType::TEXT, None)]);
    let typed = encoding(&[("a", ColumnType::TEXT, None), ("b", ColumnType::Json, None)]);
    assert_ne!(two.shape(), swapped.shape());
    assert_ne!(two.shape(), typed.shape());
    assert_ne!(two.sum(&row), swapped.sum(&row));
}

#[test]
fn a_sum_reads_back_and_twice_is_not_once() {
    let encoding = encoding(&[("v", ColumnType::TEXT, None)]);
    let sum = |values: &[&str]| encoding.sum(&batch(vec![("v", texts(values))]));
    let twice = sum(&["a", "a"]);
    assert_ne!(twice, sum(&[]));
    assert_ne!(twice.digits(), sum(&["a"]).digits());
    assert_eq!(twice.to_string().parse(), Ok(twice));
    assert_eq!(serde_json::from_str::<RowSum>(&serde_json::to_string(&twice).unwrap()).unwrap(), twice);
    for wrong in ["", "1", "1:", "x:00", "1:zz", &format!("1:{}", "0".repeat(65)), &format!("1:{}é", "0".repeat(62))] {
        assert!(wrong.parse::<RowSum>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn order_means_nothing_and_what_is_taken_out_is_gone(
        values in proptest::collection::vec(proptest::option::of(".{0,90}"), 0..1200), cut in 0usize..1200,
    ) {
        let encoding = encoding(&[("v", ColumnType::TEXT, None)]);
        let sum = |values: &[Option<String>]| encoding.sum(&batch(vec![("v", Arc::new(StringArray::from(values.to_vec())))]));
        let whole = sum(&values);
        prop_assert_eq!(whole.rows, values.len() as u64);
        let (head, tail) = values.split_at(cut.min(values.len()));
        let mut parts = sum(tail);
        parts += sum(head);
        prop_assert_eq!(parts, whole);
        parts.take_out(sum(tail));
        prop_assert_eq!(parts, sum(head));
    }

    #[test]
    fn a_number_is_read_as_what_it_is(value in any::<i64>(), scale in 0u8..20, zeros in 0usize..20) {
        let exact = decimal(i128::from(value), scale as i8);
        let padded = format!("{value}{}e-{}", "0".repeat(zeros), zeros + usize::from(scale));
        prop_assert_eq!(of("numeric", None, exact), of("numeric", None, texts(&[&padded])));
    }

    #[test]
    fn no_text_makes_the_reader_of_json_stumble(text in r#"[\[\]{}":,0-9eE.+\-\\a-u ]{0,60}"#) {
        let mut out = Vec::new();
        let read = json::push_json(&text, &mut out).is_some();
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert!(read || !valid, "{text} is JSON");
    }
}

/// `cargo test --release --lib digest_speed -- --ignored --nocapture`
#[test]
#[ignore = "measures"]
#[expect(clippy::print_stdout, reason = "the figure is what it is for")]
fn digest_speed() {
    let rows = 16_384;
    let ids = Int64Array::from_iter_values(0..rows);
    let names = StringArray::from_iter_values((0..rows).map(|row| format!("Customer number {row}")));
    let mails = StringArray::from_iter_values((0..rows).map(|row| format!("customer{row}@example.com")));
    let prices =
        Decimal128Array::from_iter_values((0..rows).map(|row| i128::from(row) * 37)).with_precision_and_scale(10, 2);
    let made = TimestampMicrosecondArray::from_iter_values((0..rows).map(|row| 1_700_000_000_000_000 + row));
    let counts = Int32Array::from_iter_values((0..rows).map(|row| row as i32 % 100));
    let batch = batch(vec![
        ("id", Arc::new(ids)),
        ("name", Arc::new(names)),
        ("email", Arc::new(mails)),
        ("price", Arc::new(prices.unwrap())),
        ("made", Arc::new(made)),
        ("count", Arc::new(counts)),
    ]);
    let types = ["bigint", "text", "text", "decimal(10,2)", "timestamp", "integer"];
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let columns: Vec<_> =
        names.iter().zip(types).map(|(name, ty)| (name.as_str(), ty.parse().unwrap(), None)).collect();
    let encoding = encoding(&columns);
    let mut sum = RowSum::default();
    let since = std::time::Instant::now();
    for _ in 0..200 {
        sum += encoding.sum(&batch);
    }
    let nanos = since.elapsed().as_nanos() as f64 / sum.rows as f64;
    println!("{nanos:.0} ns a row of {} columns, {sum}", columns.len());
}
