//! A host that follows a script, at the other end of a real port.

use tokio::sync::mpsc;

use super::script::Script;
use crate::{
    console::{Effect, Message},
    host::Port,
    protocol::{Answer, Ask, Command, FromHost, Reply, ToHost},
};

/// The console with a port to a scripted host.
pub(super) struct Stage {
    pub script: Script,
    port: Port,
    asked: mpsc::Receiver<ToHost>,
    told: mpsc::Sender<FromHost>,
    delivered: usize,
}

impl Stage {
    pub fn new(script: Script) -> Self {
        let (port, asked, told) = Port::pair();
        Self { script, port, asked, told, delivered: 0 }
    }

    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.script.keys(keys);
        self
    }

    /// Hands everything on that waits on either side, with the host's answers by `answer`, until all is quiet.
    pub async fn settle(&mut self, mut answer: impl FnMut(&Ask) -> Result<Answer, String>) -> Vec<Command> {
        let mut commands = Vec::new();
        loop {
            for effect in self.script.effects.split_off(self.delivered) {
                if let Effect::Send(message) = effect.clone() {
                    self.port.send(message).expect("the host listens");
                }
                self.script.effects.push(effect);
                self.delivered += 1;
            }
            let Ok(message) = self.asked.try_recv() else { return commands };
            let reply = match message {
                ToHost::TakeOver | ToHost::HandOver { .. } => continue,
                ToHost::Ask { id, ask } => FromHost::Answer { id, answer: answer(&ask) },
                ToHost::Command { id, command } => {
                    commands.push(command);
                    FromHost::Reply { id, reply: Reply::Done }
                }
            };
            self.say(reply).await;
        }
    }

    /// The host says something of its own accord.
    pub async fn say(&mut self, message: FromHost) {
        self.told.send(message).await.expect("the console listens");
        let message = self.port.receive().await.expect("the host is there");
        self.script.tell(Message::Host(Box::new(message)));
    }
}
