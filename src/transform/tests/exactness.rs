//! Whatever the neighbours: exactly the bad rows fail, and the good ones are what they would be alone.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SOURCE: &[(&str, &str)] = &[("id", "bigint"), ("n", "text"), ("day", "text"), ("name", "text")];

fn table_of_four() -> Mapping {
    let checked = MappedColumn { check: Some("half < 1000".into()), ..expr("half", "bigint", "cast(n as bigint) / 2") };
    let mut mapping = mapping(
        SOURCE,
        vec![
            from("id", "bigint", "id"),
            from("n", "integer", "n"),
            checked,
            expr("day", "date", "parse_date(day, 'DD.MM.YYYY')"),
            expr("last", "varchar(12)", "split_name(name, 'last')"),
        ],
    );
    mapping.filter = Some("id <> 13".into());
    mapping
}

#[derive(Clone, Copy, Debug)]
enum Bad {
    No,
    Number,
    Range,
    Day,
    Name,
    Check,
    Length,
}

fn cells(id: usize, bad: Bad) -> Vec<Option<String>> {
    let n = match bad {
        Bad::Number => "12a4".into(),
        Bad::Range => "3000000000".into(),
        Bad::Check => "5000".into(),
        _ => id.to_string(),
    };
    let day = if matches!(bad, Bad::Day) { "30.02.2024" } else { "29.02.2024" };
    let name = match bad {
        Bad::Name => "Cher",
        Bad::Length => "Ada Featherstonehaugh",
        _ => "Ada King Lovelace",
    };
    vec![Some(id.to_string()), Some(n), Some(day.into()), Some(name.into())]
}

fn source(kinds: &[Bad]) -> RecordBatch {
    let rows: Vec<Vec<Option<String>>> = kinds.iter().enumerate().map(|(id, bad)| cells(id, *bad)).collect();
    let rows: Vec<Vec<Option<&str>>> = rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(Vec::as_slice).collect();
    batch(&table_of_four().from, &rows)
}

fn holds(transform: &Transform, kinds: &[Bad]) {
    let source = source(kinds);
    let applied = transform.apply(&source).unwrap();
    let bad: BTreeSet<usize> = (0..kinds.len()).filter(|row| *row != 13 && !matches!(kinds[*row], Bad::No)).collect();
    assert_eq!(applied.faults.iter().map(|fault| fault.row).collect::<BTreeSet<_>>(), bad);
    assert_eq!(applied.faults.len(), bad.len(), "one fault a row");
    let all: BTreeSet<usize> = applied.rows.iter().chain(&applied.filtered).copied().chain(bad).collect();
    assert_eq!(all.len(), kinds.len(), "each row ends in one place");
    assert_eq!(applied.rows.len(), applied.batch.num_rows());
    assert!(applied.rows.is_sorted());
    for (place, row) in applied.rows.iter().enumerate() {
        let alone = transform.apply(&source.slice(*row, 1)).unwrap();
        assert_eq!(rows(&alone.batch)[0], rows(&applied.batch)[place], "row {row}");
    }
    for fault in &applied.faults {
        let alone = transform.apply(&source.slice(fault.row, 1)).unwrap();
        assert_eq!(RowFault { row: fault.row, ..alone.faults[0].clone() }, *fault);
    }
}

#[test]
fn none_one_and_all_positions() {
    let transform = compiled(&table_of_four());
    holds(&transform, &[]);
    holds(&transform, &[Bad::No; 40]);
    for bad in [Bad::Number, Bad::Range, Bad::Day, Bad::Name, Bad::Check, Bad::Length] {
        holds(&transform, &[bad; 40]);
        for place in 0..17 {
            let mut kinds = [Bad::No; 17];
            kinds[place] = bad;
            holds(&transform, &kinds);
        }
    }
}

fn any_bad() -> impl Strategy<Value = Bad> {
    prop_oneof![
        8 => Just(Bad::No),
        1 => Just(Bad::Number),
        1 => Just(Bad::Range),
        1 => Just(Bad::Day),
        1 => Just(Bad::Name),
        1 => Just(Bad::Check),
        1 => Just(Bad::Length),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_subset_of_bad_rows_is_found_exactly(kinds in proptest::collection::vec(any_bad(), 0..80)) {
        holds(&compiled(&table_of_four()), &kinds);
    }
}
