//! Faults asked about on a terminal without a screen: one at a time, answered by lines from standard input.

use std::{
    collections::VecDeque,
    io::{self, Write},
};

use tokio::sync::mpsc;

use super::dialogue::{Dialogue, Heard};
use crate::{
    cli::CliError,
    model::{Decision, Fault, FaultId, Rule, Scope, Verdict},
    protocol::{Command, Event, Reply},
};

/// Whoever answers, and what they are asked.
pub struct Answering {
    lines: mpsc::Receiver<Option<String>>,
    waiting: VecDeque<Fault>,
    asked: Option<Dialogue>,
}

impl Answering {
    /// Reads lines on a thread of its own, which ends with the process: nothing else can be done about a read.
    pub fn begin() -> Result<Self, CliError> {
        let (sender, lines) = mpsc::channel(1);
        let read = move || {
            loop {
                let mut line = String::new();
                let read = io::stdin().read_line(&mut line);
                let line = matches!(read, Ok(1..)).then_some(line);
                let ended = line.is_none();
                if sender.blocking_send(line).is_err() || ended {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("answers".into()).spawn(read).map_err(CliError::failed)?;
        Ok(Self { lines, waiting: VecDeque::new(), asked: None })
    }

    /// Whether a question stands on the last line of the terminal.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// The next line, once something is asked.
    pub async fn line(&mut self) -> Option<String> {
        match self.is_asking() {
            true => self.lines.recv().await.flatten(),
            false => std::future::pending().await,
        }
    }

    /// Takes note of faults that come and go.
    pub fn follow(&mut self, event: &Event) {
        match event {
            Event::FaultRaised { fault } => self.waiting.push_back((**fault).clone()),
            Event::FaultSettled { fault, .. } => self.forget(fault),
            Event::Stopped { .. } | Event::Completed { .. } => {
                self.waiting.clear();
                self.asked = None;
            }
            _ => {}
        }
        self.ask_next();
    }

    fn forget(&mut self, settled: &FaultId) {
        self.waiting.retain(|fault| fault.id != *settled);
        if self.asked.as_ref().is_some_and(|asked| asked.fault.id == *settled) {
            self.asked = None;
        }
    }

    fn ask_next(&mut self) {
        if self.asked.is_none()
            && let Some(fault) = self.waiting.pop_front()
        {
            let (dialogue, said) = Dialogue::open(fault);
            say(&said);
            self.asked = Some(dialogue);
        }
    }

    /// Takes a line in; gives the answer when it is whole. The fault stays asked until it is settled.
    pub fn hear(&mut self, line: Option<&str>) -> Option<Command> {
        let asked = self.asked.as_mut()?;
        match asked.hear(line) {
            Heard::More(said) => {
                say(&said);
                None
            }
            Heard::Answer(decision, scope) => {
                let fault = asked.fault.clone();
                self.presume(&fault, &decision, scope);
                Some(Command::Answer { fault: fault.id, decision, scope })
            }
        }
    }

    /// What the answer settles too is not asked about.
    fn presume(&mut self, fault: &Fault, decision: &Decision, scope: Scope) {
        let verdict = match decision {
            Decision::Skip => Verdict::Skip,
            Decision::Flag => Verdict::Flag,
            Decision::Stop => return self.waiting.clear(),
            Decision::Edit { .. } => return,
        };
        if let Some(rule) = Rule::standing(fault, scope, verdict) {
            self.waiting.retain(|waiting| !rule.matches(waiting));
        }
    }

    /// What became of the answer.
    pub fn answered(&mut self, reply: Reply) {
        if let (Reply::Refused(why), Some(asked)) = (reply, self.asked.take()) {
            say(&format!("that was not taken: {why}\n"));
            self.waiting.push_front(asked.fault);
        }
        self.ask_next();
    }
}

/// Printed at once, though it may end within a line. A terminal that is gone ends the run by a signal.
fn say(text: &str) {
    print!("{text}");
    let _ = io::stdout().flush();
}
