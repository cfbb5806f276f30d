//! What `timestamp` means in a cast: microseconds, as everywhere in the house.
//!
//! DataFusion would take nanoseconds, which end in the year 2262 and so before `9999-12-31`, a date that stands in many
//! a table.

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef},
    error::Result,
    logical_expr::planner::TypePlanner,
    sql::sqlparser::ast::{DataType as Named, TimezoneInfo},
};

use crate::model::ColumnType;

#[derive(Debug)]
pub(super) struct Microseconds;

impl TypePlanner for Microseconds {
    fn plan_type_field(&self, named: &Named) -> Result<Option<FieldRef>> {
        let zone = match named {
            Named::Timestamp(None, zone) => matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone),
            Named::Datetime(None) => false,
            _ => return Ok(None),
        };
        let ty: DataType = ColumnType::Timestamp { zone }.arrow();
        Ok(Some(Field::new("", ty, true).into()))
    }
}
