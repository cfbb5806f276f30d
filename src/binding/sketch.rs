//! What a plan's draft says of a table: both sides as they are, and what a look at rows says of the types to create.
//!
//! The one home of this look: whoever drafts a plan, from a verb or in the console, drafts the same.

use futures::future::try_join_all;

use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Source},
    model::{Advice, Sighting, Table},
    plan::Drafted,
};

/// How many tables are looked at side by side.
const AT_ONCE: usize = 4;

/// Each of these source tables, mapped to the destination's of the same name.
pub async fn sketch(
    source: &dyn Source,
    destination: &dyn Destination,
    tables: &[String],
) -> Result<Vec<Drafted>, EndpointError> {
    let mut drafted = Vec::with_capacity(tables.len());
    for some in tables.chunks(AT_ONCE) {
        let looks: Vec<_> = some.iter().map(|table| look(source, destination, table)).collect();
        drafted.extend(try_join_all(looks).await?);
    }
    Ok(drafted)
}

async fn look(source: &dyn Source, destination: &dyn Destination, table: &str) -> Result<Drafted, EndpointError> {
    let from = source.describe(table).await?;
    let to = match destination.describe(table).await {
        Ok(to) => Some(to),
        Err(error) if error.kind == ErrorKind::NoTable => None,
        Err(error) => return Err(error),
    };
    let created = to.is_none() && source.system() != destination.system();
    let advice = if created { advice(source, destination, &from).await? } else { Vec::new() };
    Ok(Drafted { from, to, advice })
}

/// What a look at the rows says about the types to create.
async fn advice(
    source: &dyn Source,
    destination: &dyn Destination,
    table: &Table,
) -> Result<Vec<Advice>, EndpointError> {
    let seen = source.sightings(&table.name).await?;
    let advice = |sighting: Sighting| Some(Advice { ty: destination.type_after(&sighting.sight)?, sighting });
    Ok(seen.into_iter().filter_map(advice).collect())
}
