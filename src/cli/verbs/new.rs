//! `whimbrel new`.

use std::path::Path;

use serde_json::json;

use crate::{
    binding::sketch,
    cli::{
        CliError, Exit,
        args::New,
        open::{Context, endpoint_error},
    },
    endpoint::{Source, open_destination, open_source},
    plan::{Document, Drafted, Kind, SecretRef, SidePlan, draft},
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
    let chosen = chosen(&*source, &arguments.tables).await?;
    let tables = sketch(&*source, &*destination, &chosen, &[]).await.map_err(endpoint_error)?;
    let text = write(&arguments.plan, &from, &to, &tables);
    let document = file.with_text(text);
    if let Some(problem) = document.problems.iter().find(|problem| problem.error) {
        return Err(CliError::usage(&problem.message));
    }
    document.save().map_err(CliError::failed)?;
    if context.json {
        context.print(&json!({ "plan": arguments.plan, "tables": chosen }))?;
    } else {
        println!("{} holds a plan for {} table(s); `whimbrel check {0}` next", arguments.plan.display(), tables.len());
    }
    Ok(Exit::Well)
}

async fn chosen(source: &dyn Source, only: &[String]) -> Result<Vec<String>, CliError> {
    let all: Vec<String> = source.tables().await.map_err(endpoint_error)?.into_iter().map(|table| table.name).collect();
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        return Err(CliError::usage(format!("the source has no table '{unknown}'; `whimbrel tables` lists them")));
    }
    Ok(if only.is_empty() { all } else { only.to_vec() })
}

fn write(path: &Path, from: &SidePlan, to: &SidePlan, tables: &[Drafted]) -> String {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    draft((&name, Kind::OneTime), from, to, tables)
}
