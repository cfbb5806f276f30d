//! The real binary, far from the user's own files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder to work in and a home of its own for the binary.
pub struct Desk {
    folder: TempDir,
}

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    /// What it printed under `--json`, value by value.
    pub values: Vec<Value>,
    pub stderr: String,
}

impl Told {
    /// The object that closes a run.
    pub fn result(&self) -> &Value {
        let result = self.values.iter().rev().find_map(|value| value.get("result"));
        result.unwrap_or_else(|| panic!("no result: {self:?}"))
    }

    /// The events of one kind, in order.
    pub fn events(&self, kind: &str) -> Vec<&Value> {
        let events = self.values.iter().filter_map(|value| value.get("event"));
        events.filter(|event| event["event"] == kind).collect()
    }
}

impl Desk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("home")).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
        for variable in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env_remove(variable);
        }
        command.args(arguments).env("HOME", self.path("home")).env("USER", "tester").current_dir(self.folder.path());
        command
    }

    /// Runs the binary with `--json`.
    pub fn run(&self, arguments: &[&str]) -> Told {
        told(&self.command(arguments).arg("--json").output().unwrap())
    }

    /// The same; it must end with this code.
    #[track_caller]
    pub fn run_to(&self, code: i32, arguments: &[&str]) -> Told {
        let told = self.run(arguments);
        assert_eq!(told.code, Some(code), "whimbrel {}\n{told:#?}", arguments.join(" "));
        told
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

pub fn told(output: &Output) -> Told {
    let stream = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    // A killed process may leave half a line.
    let values = stream.map_while(Result::ok).collect();
    Told { code: output.status.code(), values, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}

impl Drop for Desk {
    /// A run that a failed test left behind would wait for an answer for ever.
    fn drop(&mut self) {
        let hosts = self.path("home/.local/state/whimbrel/hosts");
        if fs::read_dir(hosts).is_ok_and(|entries| entries.count() > 0) {
            let _ = self.run(&["stop"]);
        }
    }
}
