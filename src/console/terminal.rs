//! The terminal itself: entered, left, painted. One idea: leaving must work from anywhere (end, error, panic, suspend)
//! and as often as anybody likes, so that nobody is left with a broken shell.

use std::{
    io::{self, BufWriter, Stdout, Write},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};
use ratatui::{
    Terminal,
    backend::{Backend, ClearType, CrosstermBackend},
};

use super::{app::App, screens::draw, widgets::Hits};

/// The most that is sent to a terminal's clipboard, encoded.
const CLIPBOARD_CAP: usize = 74_000;

/// Clicks and the wheel, and no moves: those would be a flood over a slow line.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

static ENTERED: AtomicBool = AtomicBool::new(false);

/// Leaves the terminal; does nothing where it is not entered. Errors are of no use to anybody here.
pub fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = out.write_all(MOUSE_OFF.as_bytes());
    let _ = execute!(out, EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

fn enter() -> io::Result<()> {
    ENTERED.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
}

/// A panic anywhere shows on a restored terminal.
fn hook_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave();
            before(info);
        }));
    });
}

/// The entered terminal; left when dropped.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    pub fn enter() -> io::Result<Self> {
        hook_panics();
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
        let terminal = Terminal::new(backend)?;
        let screen = Self { terminal };
        enter()?;
        Ok(screen)
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.backend().size()?;
        Ok((size.width, size.height))
    }

    /// Draws what changed, in one synchronized update and one write.
    pub fn draw(&mut self, app: &App) -> io::Result<Hits> {
        if !ENTERED.load(Ordering::SeqCst) {
            return Err(io::Error::other("something panicked, and the terminal was given back"));
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let mut hits = Hits::default();
        self.terminal.draw(|frame| hits = draw(app, frame))?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        Write::flush(self.terminal.backend_mut())?;
        Ok(hits)
    }

    /// Whether clicks and the wheel are reported. While they are, the terminal selects text only with shift held.
    pub fn report_mouse(&mut self, on: bool) -> io::Result<()> {
        let backend = self.terminal.backend_mut();
        backend.write_all(if on { MOUSE_ON } else { MOUSE_OFF }.as_bytes())?;
        Write::flush(backend)
    }

    /// Has the next draw paint everything. Not `Terminal::clear`, which asks the terminal for its cursor.
    pub fn repaint(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().clear_region(ClearType::All)?;
        self.terminal.swap_buffers();
        Ok(())
    }

    /// Hands text to the terminal for its clipboard (OSC 52); says whether it was short enough.
    pub fn copy(&mut self, text: &str) -> io::Result<bool> {
        let encoded = STANDARD.encode(text);
        if encoded.len() > CLIPBOARD_CAP {
            return Ok(false);
        }
        let sequence = format!("\x1b]52;c;{encoded}\x07");
        let sequence = match std::env::var_os("TMUX") {
            Some(_) => format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")),
            None => sequence,
        };
        let backend = self.terminal.backend_mut();
        backend.write_all(sequence.as_bytes())?;
        Write::flush(backend)?;
        Ok(true)
    }

    /// Gives the terminal back to the shell and stops this process alone, not its group. The stop takes hold at any
    /// moment after this, since it is the process that is stopped and not this thread: the caller waits for SIGCONT.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave();
        Ok(rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?)
    }

    /// Takes the terminal again, whatever was done to it, and has the next draw paint everything.
    pub fn come_back(&mut self) -> io::Result<()> {
        enter()?;
        self.repaint()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}
