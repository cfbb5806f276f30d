//! Leaving a test out where the machine lacks what it needs: visibly, and never where everything must run.

use std::{env, fs::OpenOptions, io::Write, path::PathBuf, thread};

/// Says that the current test is left out and why. With `CI=true` it fails instead.
///
/// The words go straight to standard error, past the capture of passing tests, and into the file that
/// `WHIMBREL_TEST_LEFT_OUT` names, which `tests/all` repeats at its end.
pub fn left_out(why: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(env::var("CI").as_deref() != Ok("true"), "{test}: {why}; with CI=true no test may be left out");
    say(&format!("left out: {test}: {why}\n"));
}

/// Says that the current test is left out since the project does not ship what it needs; no reason to fail anywhere.
pub fn not_shipped(why: &str) {
    let thread = thread::current();
    say(&format!("not shipped: {}: {why}\n", thread.name().unwrap_or("a test")));
}

fn say(line: &str) {
    let _ = std::io::stderr().write_all(line.as_bytes());
    let Some(path) = env::var_os("WHIMBREL_TEST_LEFT_OUT") else { return };
    let file = OpenOptions::new().append(true).create(true).open(path);
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// A file that lies beside the project and is not shipped with it; `None`, said so, where it is absent.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("WHIMBREL_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    not_shipped(&format!("{} is not there (WHIMBREL_TEST_DATA names its folder)", path.display()));
    None
}
