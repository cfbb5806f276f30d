//! What `timestamp` means in a cast: microseconds, as everywhere in the house.
//!
//! DataFusion would take nanoseconds, which end in the year 2262 and so before `9999-12-31`, a date that stands in many
//! a table.

use datafusion::{
    arrow::datatypes::{Field, FieldRef},
    error::{DataFusionError, Result},
    logical_expr::planner::TypePlanner,
    sql::sqlparser::ast::{DataType as Named, TimezoneInfo},
};

use crate::model::ColumnType;

#[derive(Debug)]
pub(super) struct Plain;

impl TypePlanner for Plain {
    fn plan_type_field(&self, named: &Named) -> Result<Option<FieldRef>> {
        let (precision, zone) = match named {
            Named::Timestamp(precision, zone) => {
                (precision, matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone))
            }
            Named::Datetime(precision) => (precision, false),
            _ => return Ok(None),
        };
        if !matches!(precision, None | Some(6)) {
            return Err(DataFusionError::Plan(format!("{named} is not known: timestamps are to the microsecond")));
        }
        Ok(Some(Field::new("", ColumnType::Timestamp { zone }.arrow(), true).into()))
    }
}
