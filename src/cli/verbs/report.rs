//! `whimbrel report`.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    cli::{CliError, Exit, args::Report, open::Context},
    engine::now_ms,
    verify::report,
};

pub async fn perform(context: &Context, arguments: &Report) -> Result<Exit, CliError> {
    let run = context.ledger.run(&arguments.run).await.map_err(CliError::usage)?;
    let report = report(&context.ledger, &run, now_ms()).await.map_err(CliError::failed)?;
    if context.json {
        context.print(&serde_json::json!({ "report": report }))?;
    }
    let out = match &arguments.out {
        None if context.json => return Ok(Exit::Well),
        None => PathBuf::from(format!("whimbrel-report-{}.html", run.id.0)),
        Some(out) => out.clone(),
    };
    let page = report.to_html();
    if out == Path::new("-") {
        print!("{page}");
        return Ok(Exit::Well);
    }
    write(&out, &page, arguments.force)?;
    if !context.json {
        println!("{}", out.display());
    }
    Ok(Exit::Well)
}

/// A file for its owner alone: it holds rows.
fn write(path: &Path, page: &str, force: bool) -> Result<(), CliError> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::usage(format!("{} is there already; name another file with --out, or --force", path.display()))
        }
        _ => CliError::failed(format!("cannot write {}: {error}", path.display())),
    };
    options.open(path).and_then(|mut file| file.write_all(page.as_bytes())).map_err(failed)
}
