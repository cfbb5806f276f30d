//! What the console is told, and what it wants done.

use crate::{
    console::{app::Pointer, keys::KeyPress},
    protocol::{FromHost, ToHost},
};

/// Everything that can happen to the console.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The first message: asks for what the first screen needs.
    Opened,
    Key(KeyPress),
    Paste(String),
    Mouse(Pointer),
    Resize {
        width: u16,
        height: u16,
    },
    Host(Box<FromHost>),
    /// A message that the host does not take.
    Undelivered(ToHost),
    /// The host is gone.
    Gone,
    /// The time, in milliseconds since any fixed moment. Sent before any message that time matters to.
    Tick {
        now_ms: u64,
    },
}

/// Something for the driver to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Send(ToHost),
    /// Into the terminal's clipboard.
    Copy(String),
    /// Draw everything anew.
    Repaint,
    Suspend,
    /// Whether clicks and the wheel are reported.
    Mouse(bool),
    Quit(Exit),
}

/// Why the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Quit,
    /// The host is meant to go on.
    Detached,
    /// The host is gone.
    Gone,
    /// The terminal is gone.
    HungUp,
}

/// How urgently the screen is out of date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redraw {
    #[default]
    None,
    /// With the next frame.
    Soon,
    Now,
}
