//! What a plan's draft says of a table: both sides as they are, and what a look at rows says of the types to create.
//!
//! The one home of this look: whoever drafts a plan, from a verb or in the console, drafts the same.

use futures::future::try_join_all;

use super::AT_ONCE;
use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Source},
    model::{Advice, Cell, ColumnType, Sight, Sighting, Table},
    plan::Drafted,
    protocol::{ColumnProfile, TableProfile},
};

/// Each of these source tables, mapped to the destination's of the same name. `profiles`: what is known of their rows.
pub async fn sketch(
    source: &dyn Source,
    destination: &dyn Destination,
    tables: &[String],
    profiles: &[TableProfile],
) -> Result<Vec<Drafted>, EndpointError> {
    let mut drafted = Vec::with_capacity(tables.len());
    for some in tables.chunks(AT_ONCE) {
        let looks: Vec<_> = some.iter().map(|table| look(source, destination, table, profiles)).collect();
        drafted.extend(try_join_all(looks).await?);
    }
    Ok(drafted)
}

async fn look(
    source: &dyn Source,
    destination: &dyn Destination,
    table: &str,
    profiles: &[TableProfile],
) -> Result<Drafted, EndpointError> {
    let from = source.describe(table).await?;
    let to = match destination.describe(table).await {
        Ok(to) => Some(to),
        Err(error) if error.kind == ErrorKind::NoTable => None,
        Err(error) => return Err(error),
    };
    let created = to.is_none() && source.system() != destination.system();
    let known = profiles.iter().find(|profile| profile.table == table);
    let advice = if created { advice(source, destination, &from, known).await? } else { Vec::new() };
    Ok(Drafted { from, to, advice })
}

/// What a look at the rows says about the types to create.
async fn advice(
    source: &dyn Source,
    destination: &dyn Destination,
    table: &Table,
    known: Option<&TableProfile>,
) -> Result<Vec<Advice>, EndpointError> {
    let seen = source.sightings(table).await?.into_iter();
    let seen = seen.filter_map(|sighting| match known {
        Some(profile) => corrected(sighting, profile),
        None => Some(sighting),
    });
    let advice = |sighting: Sighting| Some(Advice { ty: destination.type_after(&sighting.sight)?, sighting });
    Ok(seen.filter_map(advice).collect())
}

/// The same sighting after a profile that looked at more rows; nothing where it does not hold there. What a look is for,
/// and which declared types leave anything open, the source alone says: a profile adds no sighting of its own.
fn corrected(sighting: Sighting, profile: &TableProfile) -> Option<Sighting> {
    let Some(column) = profile.column(&sighting.column).filter(|_| profile.looked > sighting.rows) else {
        return Some(sighting);
    };
    let (values, rows) = (column.values(), profile.looked);
    let number = |cell: &Option<Cell>| cell.as_ref().and_then(|cell| cell.display().parse::<i64>().ok());
    let sight = match sighting.sight {
        Sight::OnlyTruth => {
            let truth =
                number(&column.least) >= Some(0) && number(&column.greatest).is_some_and(|greatest| greatest <= 1);
            truth.then_some(Sight::OnlyTruth)?
        }
        Sight::Digits { whole, fraction } => {
            let seen = column.digits.unwrap_or_default();
            Sight::Digits { whole: whole.max(seen.whole), fraction: fraction.max(seen.fraction) }
        }
        Sight::Longest { length, bytes, shared } => {
            let seen = if bytes { column.bytes } else { column.characters };
            let seen = seen.map_or(0, |span| u32::try_from(span.longest).unwrap_or(u32::MAX));
            Sight::Longest { length: length.max(seen), bytes, shared }
        }
        Sight::Only(ty) => is_still(&ty, column).then_some(Sight::Only(ty))?,
        // How many there are is the source's own count.
        Sight::BeyondADay | Sight::OffCalendar | Sight::Beside => return Some(sighting),
    };
    Some(Sighting { sight, values, rows, ..sighting })
}

/// Whether all texts that were looked at are written as values of the type, as far as their kinds tell.
fn is_still(ty: &ColumnType, column: &ColumnProfile) -> bool {
    let all = |name: &str, format: Option<&str>| {
        let kind = column.kinds.iter().find(|kind| kind.name == name && kind.format.as_deref() == format);
        kind.is_some_and(|kind| kind.rows == column.values())
    };
    match ty {
        ColumnType::Integer { .. } => all("integer", None),
        ColumnType::Decimal { .. } => all("decimal", None),
        ColumnType::Date => all("date", Some("YYYY-MM-DD")),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Digits, Kind, Span};

    fn seen(sight: Sight) -> Sighting {
        Sighting { column: "c".into(), sight, values: 100, rows: 100 }
    }

    fn profile(looked: u64, column: ColumnProfile) -> TableProfile {
        let column = ColumnProfile { column: "c".into(), rows: looked, ..column };
        TableProfile { looked, columns: vec![column], ..TableProfile::default() }
    }

    #[test]
    fn more_rows_know_better() {
        let kind = |name: &str, rows| vec![Kind { name: name.into(), format: None, rows }];
        let text = |text: &str| Some(Cell::text(text));
        for (sight, column, corrected_to) in [
            (
                Sight::OnlyTruth,
                ColumnProfile { least: text("0"), greatest: text("1"), ..Default::default() },
                Some(Sight::OnlyTruth),
            ),
            (Sight::OnlyTruth, ColumnProfile { least: text("0"), greatest: text("7"), ..Default::default() }, None),
            (
                Sight::Digits { whole: 3, fraction: 2 },
                ColumnProfile { digits: Some(Digits { whole: 2, fraction: 5 }), ..Default::default() },
                Some(Sight::Digits { whole: 3, fraction: 5 }),
            ),
            (
                Sight::Longest { length: 10, bytes: false, shared: 1 },
                ColumnProfile { characters: Some(Span { shortest: 1, longest: 40 }), ..Default::default() },
                Some(Sight::Longest { length: 40, bytes: false, shared: 1 }),
            ),
            (
                Sight::Only(ColumnType::BIGINT),
                ColumnProfile { kinds: kind("integer", 500), ..Default::default() },
                Some(Sight::Only(ColumnType::BIGINT)),
            ),
            (
                Sight::Only(ColumnType::BIGINT),
                ColumnProfile { kinds: kind("integer", 499), ..Default::default() },
                None,
            ),
        ] {
            let after = corrected(seen(sight.clone()), &profile(500, column.clone()));
            assert_eq!(after.as_ref().map(|sighting| &sighting.sight), corrected_to.as_ref(), "{sight:?}");
            assert!(after.is_none_or(|sighting| sighting.rows == 500));
            // Fewer rows know less.
            assert_eq!(corrected(seen(sight.clone()), &profile(50, column)), Some(seen(sight)));
        }
    }

    #[test]
    fn a_profile_gives_no_type_to_a_column_that_the_source_did_not_point_to() {
        let other = Sighting { column: "other".into(), ..seen(Sight::OnlyTruth) };
        assert_eq!(corrected(other.clone(), &profile(500, ColumnProfile::default())), Some(other));
    }
}
