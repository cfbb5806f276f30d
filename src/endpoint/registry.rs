//! Every system's one line: from a side of a plan to an open endpoint.

use std::{path::Path, sync::Arc};

use super::{
    Destination, EndpointError, ErrorKind, Mark, Result, Source, csv::Csv, mysql::Mysql, postgres::Postgres, secret,
    sqlite::Sqlite,
};
use crate::plan::{Address, SidePlan, address};

/// Opens a side to read from; the source is never written to. `base` is the folder that relative paths start from;
/// `password` is one that was asked for.
pub async fn open_source(side: &SidePlan, base: &Path, password: Option<&str>) -> Result<Arc<dyn Source>> {
    let password = given_or_read(side, password).await?;
    let password = password.as_deref();
    Ok(match locate(side, base)? {
        Address::Postgres(url) => Arc::new(Postgres::connect(&url, password, true).await?),
        Address::Mysql(url) => Arc::new(Mysql::connect(&url, password, true).await?),
        Address::Sqlite(path) => Arc::new(Sqlite::connect(&path, true).await?),
        Address::Csv(path) => Arc::new(Csv::connect(&path, &side.csv, true).await?),
    })
}

/// Opens a side to write to, as [`open_source`] does; `marks` names the table of marks, where the plan does.
pub async fn open_destination(
    side: &SidePlan,
    base: &Path,
    password: Option<&str>,
    marks: Option<&str>,
) -> Result<Arc<dyn Destination>> {
    let marks = marks.unwrap_or(Mark::TABLE);
    let password = given_or_read(side, password).await?;
    let password = password.as_deref();
    Ok(match locate(side, base)? {
        Address::Postgres(url) => Arc::new(Postgres::connect(&url, password, false).await?.with_marks(marks)),
        Address::Mysql(url) => Arc::new(Mysql::connect(&url, password, false).await?.with_marks(marks)),
        Address::Sqlite(path) => Arc::new(Sqlite::connect(&path, false).await?.with_marks(marks)),
        Address::Csv(path) => Arc::new(Csv::connect(&path, &side.csv, false).await?),
    })
}

fn locate(side: &SidePlan, base: &Path) -> Result<Address> {
    address(&side.url, base)
        .map_err(|error| EndpointError::new(ErrorKind::Address, "the URL cannot be used", error.to_string()))
}

async fn given_or_read(side: &SidePlan, given: Option<&str>) -> Result<Option<String>> {
    match (given, &side.password) {
        (Some(given), _) => Ok(Some(given.to_owned())),
        (None, Some(secret)) => secret::read(secret).await,
        (None, None) => Ok(None),
    }
}
