//! `whimbrel new`.

use std::path::Path;

use serde_json::json;

use crate::{
    cli::{
        CliError, Exit,
        args::New,
        open::{Context, endpoint_error},
    },
    endpoint::{Destination, ErrorKind, Source, open_destination, open_source},
    model::{Advice, Sighting, Table},
    plan::{Document, Kind, SecretRef, SidePlan, draft},
};

pub async fn perform(context: &Context, arguments: &New) -> Result<Exit, CliError> {
    if arguments.plan.exists() && !arguments.force {
        let path = arguments.plan.display();
        return Err(CliError::usage(format!("{path} is there already; name another file, or give --force")));
    }
    let file = Document { path: Some(arguments.plan.clone()), ..Document::default() };
    let base = file.folder();
    let side = |url: &str, env: &Option<String>| SidePlan {
        url: url.to_owned(),
        password: env.clone().map(SecretRef::Env),
        ..SidePlan::default()
    };
    let from = side(&arguments.source, &arguments.source_password_env);
    let to = side(&arguments.destination, &arguments.destination_password_env);
    let source = open_source(&from, base, None).await.map_err(endpoint_error)?;
    let destination = open_destination(&to, base, None, None).await.map_err(endpoint_error)?;
    let mut tables = Vec::new();
    for name in chosen(&*source, &arguments.tables).await? {
        let table = source.describe(&name).await.map_err(endpoint_error)?;
        let there = match destination.describe(&name).await {
            Ok(there) => Some(there),
            Err(error) if error.kind == ErrorKind::NoTable => None,
            Err(error) => return Err(endpoint_error(error)),
        };
        let advice = if there.is_none() { advice(&*source, &*destination, &name).await? } else { Vec::new() };
        tables.push((table, there, advice));
    }
    let text = write(&arguments.plan, &from, &to, &tables);
    let document = file.with_text(text);
    if let Some(problem) = document.problems.iter().find(|problem| problem.error) {
        return Err(CliError::usage(&problem.message));
    }
    document.save().map_err(CliError::failed)?;
    if context.json {
        let names: Vec<&str> = tables.iter().map(|(table, ..)| table.name.as_str()).collect();
        context.print(&json!({ "plan": arguments.plan, "tables": names }))?;
    } else {
        println!("{} holds a plan for {} table(s); `whimbrel check {0}` next", arguments.plan.display(), tables.len());
    }
    Ok(Exit::Well)
}

/// What a look at the rows says about the types to create.
async fn advice(source: &dyn Source, destination: &dyn Destination, table: &str) -> Result<Vec<Advice>, CliError> {
    if source.system() == destination.system() {
        return Ok(Vec::new());
    }
    let seen = source.sightings(table).await.map_err(endpoint_error)?;
    let advice = |sighting: Sighting| Some(Advice { ty: destination.type_after(sighting.sight)?, sighting });
    Ok(seen.into_iter().filter_map(advice).collect())
}

async fn chosen(source: &dyn Source, only: &[String]) -> Result<Vec<String>, CliError> {
    let all: Vec<String> = source.tables().await.map_err(endpoint_error)?.into_iter().map(|table| table.name).collect();
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        return Err(CliError::usage(format!("the source has no table '{unknown}'; `whimbrel tables` lists them")));
    }
    Ok(if only.is_empty() { all } else { only.to_vec() })
}

fn write(path: &Path, from: &SidePlan, to: &SidePlan, tables: &[(Table, Option<Table>, Vec<Advice>)]) -> String {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    draft((&name, Kind::OneTime), from, to, tables)
}
