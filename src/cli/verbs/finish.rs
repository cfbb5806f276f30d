//! `whimbrel finish`.

use serde_json::json;

use crate::{
    cli::{CliError, Exit, args::Finish, open::Context},
    model::thousands,
};

pub async fn perform(context: &Context, arguments: &Finish) -> Result<Exit, CliError> {
    let bench = context.workbench(&arguments.plan)?;
    let finished = bench.finish(arguments.force).await.map_err(CliError::failed)?;
    if context.json {
        let (runs, marks, left) = (&finished.runs, &finished.marks, finished.left);
        context.print(&json!({ "finished": runs, "marks": marks, "marks_left": left }))?;
        return Ok(Exit::Well);
    }
    println!("{} run(s) finished", finished.runs.len());
    match finished.left {
        0 => println!("{} is gone from the destination", finished.marks),
        left => println!("{} stays: {} marks of other migrations stand there", finished.marks, thousands(left)),
    }
    Ok(Exit::Well)
}
