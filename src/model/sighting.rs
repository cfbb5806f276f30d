//! What the values of a column say that its declared type does not, seen by a look at some of them.

use super::ColumnType;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An integer that could say more is 0 or 1 wherever it is anything.
    OnlyTruth,
    /// A time lies before 0 or behind 24 hours.
    BeyondADay,
    /// A date has a month or a day of 0.
    OffCalendar,
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
    /// Whether it is taken unasked: nothing is lost by it, and it says what the column means.
    pub fn is_taken(&self) -> bool {
        self.sighting.sight != Sight::OffCalendar
    }

    /// Why, for a comment.
    pub fn reason(&self) -> String {
        let Sighting { values, rows, .. } = self.sighting;
        match self.sighting.sight {
            Sight::OnlyTruth => format!("0 or 1 in all of the {rows} rows looked at; another value will be a fault"),
            Sight::BeyondADay => format!("{values} of the {rows} rows looked at are no time of a day"),
            Sight::OffCalendar => {
                format!(
                    "{values} of the {rows} rows looked at are on no calendar: as dates they are faults, as text exact"
                )
            }
        }
    }
}
