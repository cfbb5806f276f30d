//! The console's end of the conversation with a host.

use tokio::sync::mpsc;

use crate::protocol::{FromHost, ToHost};

/// Typed messages both ways; bounded. The host is gone when `receive` gives `None`.
#[derive(Debug)]
pub struct Port {
    sender: mpsc::Sender<ToHost>,
    receiver: mpsc::Receiver<FromHost>,
}

impl Port {
    /// How many messages may wait in one direction.
    pub const CAPACITY: usize = 256;

    /// A port and the host's end of it.
    pub fn pair() -> (Self, mpsc::Receiver<ToHost>, mpsc::Sender<FromHost>) {
        let (to_host, host_receiver) = mpsc::channel(Self::CAPACITY);
        let (host_sender, from_host) = mpsc::channel(Self::CAPACITY);
        (Self { sender: to_host, receiver: from_host }, host_receiver, host_sender)
    }

    /// Hands a message to the host; gives it back when the host is gone or has too many waiting.
    pub fn send(&self, message: ToHost) -> Result<(), ToHost> {
        self.sender.try_send(message).map_err(|error| error.into_inner())
    }

    pub async fn receive(&mut self) -> Option<FromHost> {
        self.receiver.recv().await
    }
}
