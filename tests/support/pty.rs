//! The real binary on a pseudo-terminal: what it shows, and keys for it.

use std::{
    io::{Read, Write},
    num::NonZero,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

use super::binary::Desk;

pub const DOWN: &str = "\x1b[B";
pub const RIGHT: &str = "\x1b[C";
pub const ENTER: &str = "\r";

/// A terminal with the binary in it.
pub struct Terminal {
    screen: Arc<Mutex<Parser>>,
    /// All bytes that came.
    pub raw: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    pub fn open(desk: &Desk, arguments: &[&str], rows: u16, cols: u16) -> Self {
        Self::open_with(desk, arguments, (rows, cols), &[])
    }

    pub fn open_with(desk: &Desk, arguments: &[&str], (rows, cols): (u16, u16), variables: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_whimbrel"));
        command.args(arguments);
        command.cwd(desk.folder());
        command.env("HOME", desk.path("home"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("USER", "tester");
        command.env_remove("XDG_STATE_HOME");
        command.env_remove("XDG_CONFIG_HOME");
        for name in ["NO_COLOR", "COLORTERM", "COLORFGBG", "WHIMBREL_THEME", "LC_ALL"] {
            command.env_remove(name);
        }
        variables.iter().for_each(|(name, value)| command.env(name, value));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(Parser::new(NonZero::new(rows).unwrap(), NonZero::new(cols).unwrap(), 0)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let (shown, sent) = (screen.clone(), raw.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                sent.lock().unwrap().extend(&bytes[..read]);
                shown.lock().unwrap().process(&bytes[..read]);
            }
        });
        Self { screen, raw, keys: pair.master.take_writer().unwrap(), child, _master: pair.master }
    }

    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Every sequence that came and sets colours or marks, without its first two and its last character.
    pub fn styles(&self) -> Vec<String> {
        let raw = String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned();
        let sequences = raw.split("\x1b[").skip(1).filter_map(|rest| {
            let end = rest.find(|char: char| !char.is_ascii_digit() && char != ';')?;
            rest[end..].starts_with('m').then(|| rest[..end].to_owned())
        });
        sequences.collect()
    }

    /// Waits until the screen shows the text; fails with the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let since = Instant::now();
        while !self.text().contains(text) {
            assert!(since.elapsed() < Duration::from_secs(90), "no '{text}' on the screen:\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// A prompt takes no keys in its first moment; these are meant for it.
    pub fn press_in_prompt(&mut self, keys: &[&str]) {
        thread::sleep(Duration::from_millis(500));
        for key in keys {
            self.press(key);
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// From the first screen over the map and the checks to the first prompt.
    pub fn start_the_demo(&mut self) {
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
    pub fn hang_up(self) {
        let process = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
        self.exit_code();
    }

    pub fn exit_code(mut self) -> u32 {
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
