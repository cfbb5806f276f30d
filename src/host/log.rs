//! What a console shows of what happened: the last facts of the run, the last lines of the log.

use std::io::SeekFrom;

use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::Workbench;
use crate::protocol::Fact;

/// Facts and lines, at most.
const MOST: usize = 500;
/// What of the log's end is read.
const TAIL_BYTES: u64 = 128 << 10;

impl Workbench {
    /// The newest facts of the plan's latest run, oldest first.
    pub(super) async fn last_facts(&self) -> Result<Vec<Fact>, String> {
        let runs = self.ledger().runs(Some(&self.plan_key().await)).await.map_err(|error| error.to_string())?;
        let Some(latest) = runs.into_iter().next() else { return Ok(Vec::new()) };
        let last = self.ledger().snapshot(&latest.id).await.map_err(|error| error.to_string())?.seq;
        let after = last.saturating_sub(MOST as u64);
        self.ledger().facts_after(&latest.id, after).await.map_err(|error| error.to_string())
    }

    /// The newest lines of this host's log, oldest first; none where it cannot be read.
    pub(super) async fn last_lines(&self) -> Vec<String> {
        let text = tail(&self.ledger().folder().join("whimbrel.log")).await.unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.into_iter().rev().take(MOST).rev().collect()
    }
}

/// The last bytes of a file, from the beginning of a line.
async fn tail(path: &std::path::Path) -> std::io::Result<String> {
    let mut file = File::open(path).await?;
    let length = file.metadata().await?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from)).await?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match from {
        0 => text,
        _ => text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_long_file_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let text: String = (0..20_000).map(|at| format!("line {at} é\n")).collect();
        std::fs::write(&path, &text).unwrap();
        let tail = tail(&path).await.unwrap();
        assert!(tail.starts_with("line ") && tail.ends_with("line 19999 é\n"));
        assert!(text.contains(&format!("\n{tail}")) && tail.len() > 100_000);
    }
}
