//! What the values of a column say that its declared type does not, seen by a look at some of them.

use super::{Column, ColumnType, Table};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An integer that could say more is 0 or 1 wherever it is anything.
    OnlyTruth,
    /// A time lies before 0 or behind 24 hours.
    BeyondADay,
    /// A date has a month or a day of 0.
    OffCalendar,
    /// Text or bytes without a limit, in a key: the longest has so many characters, or bytes, and up to `shared` such
    /// columns share a key.
    Longest { length: u32, bytes: bool, shared: u32 },
    /// A number without limits has at most so many digits before and behind the point.
    Digits { whole: u32, fraction: u32 },
    /// A column of no declared type is this wherever it is anything.
    Only(ColumnType),
    /// What is there is not of the declared type, and text holds all of it.
    Beside,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub column: String,
    pub sight: Sight,
    /// The values that show it.
    pub values: u64,
    /// The rows that were looked at.
    pub rows: u64,
}

/// What a plan's draft makes of a sighting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub sighting: Sighting,
    pub ty: ColumnType,
}

impl Advice {
    /// Whether it is taken unasked: nothing is lost by it, and nothing that is declared is overruled.
    pub fn is_taken(&self) -> bool {
        !matches!(self.sighting.sight, Sight::OffCalendar | Sight::Beside)
    }

    /// Why, for a comment.
    pub fn reason(&self) -> String {
        let Sighting { values, rows, .. } = self.sighting;
        let looked = format!("of the {rows} rows looked at");
        match &self.sighting.sight {
            Sight::OnlyTruth => format!("0 or 1 in all {looked}; another value will be a fault"),
            Sight::BeyondADay => format!("{values} {looked} are no time of a day"),
            Sight::OffCalendar => {
                format!("{values} {looked} are on no calendar: as dates they are faults, as text exact")
            }
            Sight::Longest { length, bytes, .. } => {
                let unit = if *bytes { "bytes" } else { "characters" };
                format!(
                    "in a key, and at most {length} {unit} in the {rows} rows looked at; a longer one will be a fault"
                )
            }
            Sight::Digits { whole, fraction } => {
                format!("at most {whole} digits before the point and {fraction} behind it in the {rows} rows looked at")
            }
            Sight::Only(_) => format!("so in all {looked}; another value will be a fault"),
            Sight::Beside => {
                format!("{values} {looked} are not of the declared type: so they are faults, as text exact")
            }
        }
    }
}

impl Table {
    /// What a system indexes as soon as it has the table: the columns of its primary, unique and foreign keys.
    pub fn keys(&self) -> impl Iterator<Item = &Vec<String>> {
        let foreign = self.foreign_keys.iter().map(|key| &key.columns);
        [&self.key].into_iter().chain(&self.unique).chain(foreign).filter(|key| !key.is_empty())
    }

    /// How many columns without a limit the widest key that this column is in has, itself among them; 0: it has a limit,
    /// or is in no key.
    pub fn sharing(&self, column: &Column) -> u32 {
        let unlimited = |name: &&String| self.column(name).is_some_and(|column| column.ty.is_unlimited());
        let with_it = self.keys().filter(|key| column.ty.is_unlimited() && key.contains(&column.name));
        with_it.map(|key| key.iter().filter(unlimited).count() as u32).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shared_by_its_columns_without_a_limit() {
        let columns = [("a", "text"), ("b", "bytes"), ("c", "varchar(9)"), ("d", "text"), ("e", "integer")];
        let columns = columns.map(|(name, ty)| Column::new(name, ty.parse().unwrap()));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let table = Table {
            columns: columns.to_vec(),
            key: names(&["e"]),
            unique: vec![names(&["a"]), names(&["a", "b", "c", "e"])],
            ..Table::default()
        };
        assert_eq!(columns.each_ref().map(|column| table.sharing(column)), [2, 2, 0, 0, 0]);
    }
}
