//! `whimbrel demo`.

use std::path::PathBuf;

use super::{
    console, live,
    run::{Way, headless},
};
use crate::{
    cli::{
        CliError, Exit,
        args::Demo,
        demo::{DESTINATION_FILE, SOURCE_FILE, demo_plan, make_shop},
        open::Context,
    },
    console::Screen,
    model::{OnError, thousands},
    plan::Document,
};

pub async fn perform(context: &Context, arguments: &Demo) -> Result<Exit, CliError> {
    let headless_run = arguments.headless || context.json || context.plain;
    if !headless_run && !context.has_screen() {
        return Err(context.without_screen("--headless runs the demo through, --plain asks line by line"));
    }
    if let Some(run) = live::runs(context, Some(&arguments.folder.join(PLAN_FILE))).await?.first() {
        let process = &run.found.hello.name;
        return Err(CliError::failed(format!(
            "a run of the demo is under way (process {process}); `whimbrel attach` shows it, `whimbrel stop` ends it"
        )));
    }
    let plan = prepare(context, arguments).await?;
    if headless_run {
        let bench = context.workbench(&plan)?;
        let asks = context.has_operator() && !arguments.headless;
        let on_error = (!asks).then(|| OnError::from(arguments.on_error));
        let way = Way { on_error, asks, ..Way::default() };
        return headless(context, &bench, way, &plan.display().to_string()).await;
    }
    console::show(context, Some(&plan), Screen::Tables, None).await
}

const PLAN_FILE: &str = "demo.toml";

/// The shop, the plan beside it, and a destination that is not there yet.
async fn prepare(context: &Context, arguments: &Demo) -> Result<PathBuf, CliError> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder)
        .map_err(|error| CliError::failed(format!("cannot make {}: {error}", folder.display())))?;
    for name in [SOURCE_FILE, DESTINATION_FILE]
        .into_iter()
        .flat_map(|file| ["", "-wal", "-shm"].map(|tail| format!("{file}{tail}")))
    {
        let path = folder.join(name);
        if path.exists() {
            std::fs::remove_file(&path)
                .map_err(|error| CliError::failed(format!("cannot remove {}: {error}", path.display())))?;
        }
    }
    let shop = make_shop(folder, arguments.seed).map_err(CliError::failed)?;
    let plan = folder.join(PLAN_FILE);
    let document = Document { path: Some(plan.clone()), ..Document::from_text(demo_plan()) };
    document.save().map_err(CliError::failed)?;
    let key = std::fs::canonicalize(&plan).unwrap_or_else(|_| plan.clone()).display().to_string();
    context.ledger.retire_plan(&key).await.map_err(CliError::failed)?;
    if !context.json {
        println!("{}: {} rows, {} of them bad", plan.display(), thousands(shop.rows()), shop.bad_rows.len());
    }
    Ok(plan)
}
