//! Keys from the terminal, on a thread of their own. One idea: crossterm is asked only when there is something to read,
//! since its own loop never ends once the terminal is gone.

use std::{
    fs::File,
    io::{self, IsTerminal as _},
    os::fd::{AsFd as _, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::event::{Event, read};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use super::{app::Message, keys::KeyPress};

/// How often the thread looks whether it is still wanted.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

/// The thread that reads keys; it ends when dropped, or by itself when the terminal hangs up.
pub struct Input {
    wanted: Arc<AtomicBool>,
}

impl Input {
    /// Messages come out of the receiver until the terminal is gone.
    pub fn start() -> io::Result<(Self, mpsc::Receiver<Message>)> {
        let (sender, receiver) = mpsc::channel(256);
        let wanted = Arc::new(AtomicBool::new(true));
        let thread_wanted = Arc::clone(&wanted);
        std::thread::Builder::new().name("console-input".into()).spawn(move || {
            // The error is that the terminal is gone; the closed channel says so.
            let _ = pass_on(&thread_wanted, &sender);
        })?;
        Ok((Self { wanted }, receiver))
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
    }
}

fn pass_on(wanted: &AtomicBool, sender: &mpsc::Sender<Message>) -> io::Result<()> {
    let terminal = terminal()?;
    while wanted.load(Ordering::Relaxed) {
        if !readable(&terminal)? {
            continue;
        }
        // One read of crossterm's may hold many events.
        while crossterm::event::poll(Duration::ZERO)? {
            if let Some(message) = message(read()?)
                && sender.blocking_send(message).is_err()
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What crossterm reads from: standard input, or the terminal itself where that is something else.
fn terminal() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    match stdin.is_terminal() {
        true => stdin.as_fd().try_clone_to_owned(),
        false => Ok(File::open("/dev/tty")?.into()),
    }
}

fn message(event: Event) -> Option<Message> {
    match event {
        Event::Key(event) => KeyPress::of(event).map(Message::Key),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(width, height) => Some(Message::Resize { width, height }),
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

/// Whether the terminal has something to read before long.
fn readable(terminal: &OwnedFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(terminal, PollFlags::IN)];
    match poll(&mut fds, Some(&LOOK)) {
        Err(rustix::io::Errno::INTR) => return Ok(false),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    let happened = fds[0].revents();
    if happened.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(happened.contains(PollFlags::IN))
}
