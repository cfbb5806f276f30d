//! The real binary on a pseudo-terminal: from opening the demo to a finished run with a prompt answered.

use std::{
    io::{Read, Write},
    num::NonZero,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

use crate::support::{binary::Desk, sides::SqliteFile};

const DOWN: &str = "\x1b[B";
const RIGHT: &str = "\x1b[C";
const ENTER: &str = "\r";

/// A terminal with the binary in it.
struct Terminal {
    screen: Arc<Mutex<Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn open(desk: &Desk, arguments: &[&str], rows: u16, cols: u16) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_whimbrel"));
        command.args(arguments);
        command.cwd(desk.folder());
        command.env("HOME", desk.path("home"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("USER", "tester");
        command.env_remove("XDG_STATE_HOME");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(NonZero::new(rows).unwrap(), NonZero::new(cols).unwrap(), 0)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let shown = screen.clone();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..read]);
            }
        });
        Self { screen, keys: pair.master.take_writer().unwrap(), child, _master: pair.master }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows the text; fails with the screen.
    #[track_caller]
    fn wait_for(&self, text: &str) {
        let since = Instant::now();
        while !self.text().contains(text) {
            assert!(since.elapsed() < Duration::from_secs(90), "no '{text}' on the screen:\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// A prompt takes no keys in its first moment; these are meant for it.
    fn press_in_prompt(&mut self, keys: &[&str]) {
        thread::sleep(Duration::from_millis(500));
        for key in keys {
            self.press(key);
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// From the first screen over the map and the checks to the first prompt.
    fn start_the_demo(&mut self) {
        self.wait_for("☑ customers");
        self.press("3");
        self.wait_for("→ tier_code");
        self.press("4");
        self.wait_for("Ready: s starts the migration");
        self.press("s");
        self.wait_for("Start the migration?");
        self.press_in_prompt(&[RIGHT, ENTER]);
        self.wait_for("Error on row ");
    }

    /// The line goes dead: nobody says goodbye.
    fn hang_up(self) {
        let process = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
        self.exit_code();
    }

    fn exit_code(mut self) -> u32 {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(since.elapsed() < Duration::from_secs(60), "the console did not end:\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn from_the_demo_to_a_finished_run_with_a_prompt_answered() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.start_the_demo();
    terminal.wait_for("● Fail and stop");
    let shown = terminal.text();
    let first = ["row 468 of customers", "'customer_id' has invalid value: \"ABC123\"", "Expected: Integer"];
    let other = ["row 387 of orders", "'quantity' has invalid value: \"two\"", "Expected: Integer"];
    let says = |words: [&str; 3]| words.iter().all(|words| shown.contains(words));
    assert!(says(first) || says(other), "whichever table came first:\n{shown}");
    terminal.press_in_prompt(&[DOWN, RIGHT, RIGHT, RIGHT]);
    terminal.wait_for("● Mark for review");
    terminal.wait_for("[whole run]");
    terminal.press(ENTER);
    terminal.wait_for("✓ completed");
    terminal.wait_for("read 42,800   written 42,788   skipped 0   flagged 12");
    terminal.press("6");
    terminal.wait_for("12 wait");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 3);
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
    let reviewed = desk.run_to(0, &["review"]);
    assert_eq!(reviewed.values[0]["runs"][0]["flagged"], 12);
}

#[test]
fn the_same_at_120_by_40_answered_with_stop_and_resumed_from_a_script() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 40, 120);
    terminal.start_the_demo();
    terminal.press_in_prompt(&[ENTER]);
    terminal.wait_for("stopped");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 1);
    let told = desk.run_to(3, &["run", "whimbrel-demo/demo.toml", "--resume", "--on-error", "flag"]);
    assert_eq!(told.result()["counts"]["written"], 42_788);
}

#[test]
fn a_database_is_copied_with_nine_keys() {
    let desk = Desk::new();
    desk.run_to(3, &["demo", "--headless", "--on-error", "skip"]);
    let mut terminal = Terminal::open(&desk, &[], 40, 120);
    terminal.wait_for("Shop to CredVault");
    terminal.press("n");
    terminal.wait_for("New Migration");
    for text in ["Quick copy", "", "sqlite:whimbrel-demo/credvault.sqlite", "sqlite:copy.sqlite"] {
        terminal.press(text);
        terminal.press(ENTER);
    }
    terminal.wait_for("☐ customers");
    terminal.press("a");
    terminal.wait_for("☑ customers");
    terminal.press("4");
    terminal.wait_for("Ready: s starts the migration");
    terminal.press("s");
    terminal.wait_for("Start the migration?");
    terminal.press("y");
    terminal.wait_for("Migrated: 42,788 / 42,788 rows");
    terminal.wait_for("✓ completed");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 0);
    let copy = SqliteFile::new(desk.path("copy.sqlite"));
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    for table in ["customers", "orders", "products"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(copy.count(&count), vault.count(&count), "{table}");
    }
    let listed = &desk.run_to(0, &[]).values[0];
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Quick copy", "Shop to CredVault"]);
}

#[test]
fn no_key_is_lost_however_fast_they_come() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &[], 24, 80);
    terminal.wait_for("No migration is known");
    terminal.press("n");
    terminal.wait_for("New Migration");
    let name: String = (0..200).map(|at| char::from(b'a' + (at % 26) as u8)).collect();
    terminal.press(&format!("{name}\r\rsqlite:a.db\rsqlite:b.db\r"));
    terminal.wait_for("2 Tables▌");
    terminal.press("q");
    terminal.exit_code();
    assert!(desk.path(&format!("{name}.toml")).exists());
}

#[test]
fn a_run_outlives_its_terminal_and_is_come_back_to() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.start_the_demo();
    terminal.hang_up();

    let live = &desk.run_to(0, &["status"]).values[0]["runs"];
    assert_eq!((live[0]["name"].as_str(), live[0]["phase"].as_str()), (Some("Shop to CredVault"), Some("running")));
    let mut back = Terminal::open(&desk, &["attach"], 24, 80);
    back.wait_for("Error on row ");
    back.press_in_prompt(&[DOWN, RIGHT, RIGHT, RIGHT]);
    back.wait_for("[whole run]");
    back.press(ENTER);
    back.wait_for("✓ completed");
    back.press("q");
    assert_eq!(back.exit_code(), 3);
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
    assert_eq!(vault.count("SELECT count(*) FROM orders"), 29_998);
}

#[test]
fn a_second_operator_watches_and_takes_over_when_let() {
    let desk = Desk::new();
    let mut first = Terminal::open(&desk, &["demo"], 40, 120);
    first.start_the_demo();
    first.press_in_prompt(&["\x1b"]);
    let mut second = Terminal::open(&desk, &["attach"], 40, 120);
    second.wait_for("watching tester");
    first.wait_for("2 operators");
    second.press("x");
    second.wait_for("tester is at the controls; T asks for them");
    second.press("T");
    first.wait_for("tester asks: T");
    first.press("T");
    first.wait_for("Hand the controls to tester?");
    first.press("y");
    first.wait_for("watching tester");
    second.wait_for("You are at the controls");
    second.press("x");
    second.wait_for("Stop the run?");
    second.press("y");
    second.wait_for("✗ stopped");
    first.wait_for("✗ stopped");
    second.press("q");
    first.press("q");
    assert_eq!(second.exit_code(), 1);
    assert_eq!(first.exit_code(), 1);
}

#[test]
fn a_script_stops_what_nobody_watches() {
    let desk = Desk::new();
    let mut terminal = Terminal::open(&desk, &["demo"], 24, 80);
    terminal.start_the_demo();
    terminal.press_in_prompt(&["\x1b", "\x04"]);
    assert_eq!(terminal.exit_code(), 0);
    let refused = desk.run_to(1, &["demo"]);
    assert!(refused.values[0]["error"].as_str().unwrap().contains("under way"), "{refused:?}");
    desk.run_to(0, &["pause"]);
    assert_eq!(desk.run_to(0, &["status"]).values[0]["runs"][0]["phase"], "paused");
    desk.run_to(0, &["resume", "whimbrel-demo/demo.toml"]);
    desk.run_to(0, &["stop"]);
    assert_eq!(desk.run_to(0, &["status"]).values[0]["runs"].as_array().unwrap().len(), 0);
    let error = &desk.run_to(1, &["stop"]).values[0]["error"];
    assert!(error.as_str().unwrap().contains("no run is under way"), "{error}");
}
