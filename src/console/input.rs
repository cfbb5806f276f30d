//! Keys from the terminal, on a thread of their own. One idea: crossterm is asked only when there is something to read,
//! since its own loop never ends once the terminal is gone.

use std::{
    fs::File,
    io::{self, IsTerminal as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use crossterm::event::{Event, MouseButton, MouseEvent, MouseEventKind, read};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

use super::{
    app::{Message, Pointer, PointerDeed},
    keys::KeyPress,
};

/// The thread that reads keys; it ends soon after this is dropped, or by itself when the terminal hangs up. Nobody joins
/// it: a terminal that goes away in the middle of a read can hold it for ever.
pub struct Input {
    _alive: UnixStream,
}

impl Input {
    /// Messages come out of the receiver until the terminal is gone.
    pub fn start() -> io::Result<(Self, mpsc::Receiver<Message>)> {
        let (sender, receiver) = mpsc::channel(256);
        let (alive, dropped) = UnixStream::pair()?;
        std::thread::Builder::new().name("console-input".into()).spawn(move || {
            // The error is that the terminal is gone; the closed channel says so.
            let _ = pass_on(&dropped, &sender);
        })?;
        Ok((Self { _alive: alive }, receiver))
    }
}

/// How long crossterm may look; it does not look at all where it may not wait.
const LOOK: Duration = Duration::from_millis(1);

fn pass_on(dropped: &UnixStream, sender: &mpsc::Sender<Message>) -> io::Result<()> {
    let terminal = terminal()?;
    loop {
        let keys = wait(&terminal, dropped)?;
        let mut read_any = false;
        // One read of crossterm's may hold many events.
        while crossterm::event::poll(LOOK)? {
            read_any = true;
            if let Some(message) = message(read()?)
                && sender.blocking_send(message).is_err()
            {
                return Ok(());
            }
        }
        if keys && !read_any {
            // Half of a key's sequence: no reason to spin until the rest is there.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
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
        Event::Mouse(event) => pointer(event).map(Message::Mouse),
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn pointer(event: MouseEvent) -> Option<Pointer> {
    let deed = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => PointerDeed::Click,
        MouseEventKind::ScrollUp => PointerDeed::WheelUp,
        MouseEventKind::ScrollDown => PointerDeed::WheelDown,
        _ => return None,
    };
    Some(Pointer { x: event.column, y: event.row, deed })
}

/// Waits for the terminal; says whether it has something to read. An error when the terminal is gone or nobody wants keys
/// any more.
fn wait(terminal: &OwnedFd, dropped: &UnixStream) -> io::Result<bool> {
    let mut fds = [PollFd::new(terminal, PollFlags::IN), PollFd::new(dropped, PollFlags::IN)];
    match poll(&mut fds, None) {
        Err(rustix::io::Errno::INTR) => return Ok(false),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    let (keys, ended) = (fds[0].revents(), fds[1].revents());
    if keys.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    if !ended.is_empty() {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(keys.contains(PollFlags::IN))
}
