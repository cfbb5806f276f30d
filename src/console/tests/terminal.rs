//! The driver in a real pseudo-terminal: the test runs itself again as a child there.

use std::{
    io::{Read as _, Write as _},
    num::NonZero,
    sync::mpsc,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use super::{flow::answer, seed};
use crate::{
    console::{Options, Screen, run},
    host::Port,
    protocol::{FromHost, ToHost},
};

/// What the child runs: a console on its terminal, with a host that answers.
#[tokio::test]
#[ignore = "the other tests here run it in a terminal of their own"]
async fn child() {
    let (port, mut asked, told) = Port::pair();
    let host = tokio::spawn(async move {
        while let Some(message) = asked.recv().await {
            if let ToHost::Ask { id, ask } = message {
                let _ = told.send(FromHost::Answer { id, answer: answer(&ask) }).await;
            }
            if std::env::var_os("CONSOLE_TEST_PANICS").is_some() {
                let _ = told.send(seed::fact(1, seed::started())).await;
                panic!("the host broke");
            }
        }
    });
    let exit = run(port, Options { start: Screen::Connect, user: "ada".into(), ..Options::default() })
        .await
        .map(|ended| ended.exit);
    host.abort();
    let mut out = std::io::stdout();
    let _ = writeln!(out, "ended: {exit:?}");
}

/// A child in a terminal, and what the terminal shows.
struct Session {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn std::io::Write + Send>>,
    bytes: mpsc::Receiver<Vec<u8>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Session {
    fn open(variables: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(24, 80)).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "console::tests::terminal::child", "--nocapture", "--test-threads=1"]);
        for (name, value) in [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8")].iter().chain(variables) {
            command.env(name, value);
        }
        command.env_remove("TMUX");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = Some(pair.master.take_writer().unwrap());
        let screen = vt100::Parser::new(cells(24), cells(80), 0);
        Self { child, master: Some(pair.master), writer, bytes, screen, raw: Vec::new() }
    }

    fn wait_for(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !is(self) {
            assert!(Instant::now() < end, "no {what} in\n{}", self.screen.screen().contents());
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(50)) {
                self.screen.process(&bytes);
                self.raw.extend(bytes);
            }
        }
    }

    fn shows(&mut self, text: &str) {
        self.wait_for(text, |session| session.screen.screen().contents().contains(text));
    }

    fn send(&mut self, bytes: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(bytes.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn sent(&self, bytes: &str) -> bool {
        self.raw.windows(bytes.len()).any(|window| window == bytes.as_bytes())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap() as i32).unwrap()
    }

    fn ends(&mut self) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the child is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

#[test]
fn keys_pastes_and_sizes_arrive_and_the_terminal_is_given_back() {
    let mut session = Session::open(&[]);
    session.shows("Postgres to CredVault");
    assert!(session.screen.screen().alternate_screen());
    session.send("2");
    session.shows("internal_logs (skip)");
    session.send("\u{1b}[200~q\n1\u{1b}[201~");
    session.shows("Pasted text goes into a field only");
    session.screen.screen_mut().set_size(cells(30), cells(100));
    session.master.as_ref().unwrap().resize(size(30, 100)).unwrap();
    session.wait_for("a wider screen", |session| {
        session.screen.screen().contents().lines().any(|line| line.chars().count() == 100)
    });
    session.send("q");
    session.shows("ended: Ok(Quit)");
    assert!(!session.screen.screen().alternate_screen() && !session.screen.screen().hide_cursor());
    assert!(!session.screen.screen().bracketed_paste());
    assert!(session.sent("\u{1b}[?2026h"), "draws are synchronized");
    assert!(!session.sent("\u{1b}[6n"), "the cursor is never asked for");
    session.ends();
}

#[test]
fn a_suspended_console_comes_back_whole() {
    let mut session = Session::open(&[]);
    session.shows("Postgres to CredVault");
    session.send("\u{1a}");
    session.wait_for("the shell's screen", |session| !session.screen.screen().alternate_screen());
    // Again and again, since the first may come before the process has stopped.
    session.wait_for("the alternate screen", |session| {
        kill_process(session.pid(), Signal::CONT).unwrap();
        session.screen.screen().alternate_screen()
    });
    session.shows("Postgres to CredVault");
    session.send("q");
    session.shows("ended: Ok(Quit)");
    session.ends();
}

#[test]
fn a_terminal_that_hangs_up_ends_the_console() {
    let mut session = Session::open(&[]);
    session.shows("Postgres to CredVault");
    session.writer = None;
    session.master = None;
    drop(std::mem::replace(&mut session.bytes, mpsc::channel().1));
    kill_process(session.pid(), Signal::HUP).unwrap();
    session.ends();
}

#[test]
fn no_colour_means_none() {
    let mut session = Session::open(&[("NO_COLOR", "1")]);
    session.shows("Postgres to CredVault");
    session.send("2");
    session.shows("internal_logs (skip)");
    let screen = session.screen.screen();
    let coloured = |row, col| {
        screen
            .cell(row, col)
            .is_some_and(|cell| cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default)
    };
    assert!(!(0..24).any(|row| (0..80).any(|col| coloured(row, col))));
    session.send("q");
    session.ends();
}

#[test]
fn a_panic_gives_the_terminal_back_first() {
    let mut session = Session::open(&[("CONSOLE_TEST_PANICS", "1")]);
    session.shows("the host broke");
    session.shows("ended:");
    assert!(!session.screen.screen().alternate_screen() && !session.screen.screen().bracketed_paste());
    session.ends();
}
