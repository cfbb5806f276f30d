//! A host in this process: the same conversation as with one that outlives the terminal, over channels.

use std::sync::Arc;

use tokio::{
    sync::{broadcast, mpsc, watch},
    task::{JoinHandle, JoinSet},
};

use super::{Port, Workbench};
use crate::{
    engine::{self, RunHandle, prepare},
    ledger::Ledger,
    model::{Gauge, OnError, RunId, RunPhase},
    protocol::{Answer, Ask, CheckState, Command, Fact, FromHost, Reply, Snapshot, ToHost},
};

/// Serves one console until it hangs up. A run under way is stopped then (it can be resumed), since nothing is left
/// that could tell of it.
pub fn serve(workbench: Arc<Workbench>) -> (Port, JoinHandle<()>) {
    let (port, inbox, outbox) = Port::pair();
    let host = Local { workbench, outbox, run: None, work: JoinSet::new() };
    (port, tokio::spawn(host.live(inbox)))
}

struct Local {
    workbench: Arc<Workbench>,
    outbox: mpsc::Sender<FromHost>,
    run: Option<Live>,
    work: JoinSet<Done>,
}

struct Live {
    handle: Arc<RunHandle>,
    facts: broadcast::Receiver<Fact>,
    gauge: watch::Receiver<Gauge>,
    seq: u64,
}

/// What a piece of work leaves to say or to take on.
enum Done {
    Say(FromHost),
    /// Another plan is open, and where its latest run stands.
    Opened {
        id: u64,
        answer: Answer,
        stands: Snapshot,
    },
    Started {
        id: u64,
        result: Result<(RunHandle, broadcast::Receiver<Fact>, Snapshot), String>,
    },
}

impl Local {
    async fn live(mut self, mut inbox: mpsc::Receiver<ToHost>) {
        self.greet().await;
        loop {
            let said = tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => { self.take(message); None }
                    None => break,
                },
                Some(done) = self.work.join_next() => self.finished(done),
                news = next(&mut self.run, self.workbench.ledger()) => Some(news),
            };
            for message in said.into_iter().flatten() {
                if self.outbox.send(message).await.is_err() {
                    return self.hang_up().await;
                }
            }
        }
        self.hang_up().await;
    }

    /// Where the plan's latest run stands, if there is one.
    async fn greet(&self) {
        let stands = stands(&self.workbench).await;
        if stands.run.is_some() {
            let _ = self.outbox.send(FromHost::Snapshot(Box::new(stands))).await;
        }
    }

    async fn hang_up(&mut self) {
        if let Some(live) = self.run.take() {
            live.handle.command(Command::Stop, self.workbench.by()).await;
            if let Ok(handle) = Arc::try_unwrap(live.handle) {
                let _ = handle.ended().await;
            }
        }
    }

    fn take(&mut self, message: ToHost) {
        let workbench = self.workbench.clone();
        match message {
            ToHost::Ask { id, ask: ask @ (Ask::Open { .. } | Ask::New(_)) } => {
                let running = self.run.as_ref().is_some_and(|live| !live.handle.is_over());
                self.work.spawn(async move {
                    let answer = match running {
                        true => Err("another plan opens when the run is over; stop it first".to_owned()),
                        false => workbench.answer(ask).await,
                    };
                    match answer {
                        Ok(answer) => Done::Opened { id, answer, stands: stands(&workbench).await },
                        Err(why) => Done::Say(FromHost::Answer { id, answer: Err(why) }),
                    }
                });
            }
            ToHost::Ask { id, ask: Ask::Start { on_error, confirmed } } => {
                if self.run.as_ref().is_some_and(|live| !live.handle.is_over()) {
                    let answer = Err("a run of this plan is under way".to_owned());
                    self.work.spawn(async move { Done::Say(FromHost::Answer { id, answer }) });
                } else {
                    self.work.spawn(async move {
                        Done::Started { id, result: start(&workbench, on_error, confirmed).await }
                    });
                }
            }
            ToHost::Ask { id, ask } => {
                let running = self.run.as_ref().is_some_and(|live| !live.handle.is_over());
                self.work.spawn(async move {
                    let answer = match ask {
                        Ask::Save { .. } | Ask::Select { .. } if running => {
                            Err("the plan cannot change while it runs; stop the run first".to_owned())
                        }
                        ask => workbench.answer(ask).await,
                    };
                    Done::Say(FromHost::Answer { id, answer })
                });
            }
            ToHost::Command { id, command } => {
                let handle = self.run.as_ref().map(|live| live.handle.clone());
                self.work.spawn(async move {
                    let reply = match handle {
                        Some(handle) => handle.command(command, workbench.by()).await,
                        None => Reply::Refused("no run is under way".into()),
                    };
                    Done::Say(FromHost::Reply { id, reply })
                });
            }
        }
    }

    fn finished(&mut self, done: Result<Done, tokio::task::JoinError>) -> Option<Vec<FromHost>> {
        match done {
            Ok(Done::Say(message)) => Some(vec![message]),
            Ok(Done::Opened { id, answer, stands }) => {
                self.run = None;
                Some(vec![FromHost::Snapshot(Box::new(stands)), FromHost::Answer { id, answer: Ok(answer) }])
            }
            Ok(Done::Started { id, result: Err(why) }) => Some(vec![FromHost::Answer { id, answer: Err(why) }]),
            Ok(Done::Started { id, result: Ok((handle, facts, before)) }) => {
                let run = handle.run().clone();
                let gauge = handle.gauge();
                let seq = before.seq;
                self.run = Some(Live { handle: Arc::new(handle), facts, gauge, seq });
                Some(vec![
                    FromHost::Snapshot(Box::new(before)),
                    FromHost::Answer { id, answer: Ok(Answer::Started(run)) },
                ])
            }
            Err(error) => {
                tracing::error!(%error, "a piece of the host's work died");
                None
            }
        }
    }
}

/// Where the latest run of the workbench's plan stands; nothing, where it did not run here.
async fn stands(workbench: &Workbench) -> Snapshot {
    let ledger = workbench.ledger();
    let Ok(runs) = ledger.runs(Some(&workbench.plan_key().await)).await else { return Snapshot::default() };
    let Some(latest) = runs.first() else { return Snapshot::default() };
    let mut snapshot = ledger.snapshot(&latest.id).await.unwrap_or_default();
    interrupted(&mut snapshot);
    snapshot
}

/// What the ledger calls a running run was cut off, since nobody runs it here: its process died.
fn interrupted(snapshot: &mut Snapshot) {
    if snapshot.run.is_some() && !snapshot.phase.is_over() {
        snapshot.phase = RunPhase::Stopped;
        snapshot.open.clear();
        snapshot.stopped = Some("it was cut off; starting goes on with it".to_owned());
    }
}

async fn start(
    workbench: &Workbench,
    on_error: Option<OnError>,
    confirmed: bool,
) -> Result<(RunHandle, broadcast::Receiver<Fact>, Snapshot), String> {
    let items = workbench.check().await;
    let in_state = |state: CheckState| {
        let items = items.iter().filter(move |item| item.state == state);
        items.map(|item| format!("{}: {}", item.name, item.details.join("; "))).collect::<Vec<_>>().join("; ")
    };
    let (failed, unconfirmed) = (in_state(CheckState::Failed), in_state(CheckState::Unconfirmed));
    if !failed.is_empty() {
        return Err(format!("the checks did not pass: {failed}"));
    }
    if !unconfirmed.is_empty() && !confirmed {
        return Err(format!("the checks want your word: {unconfirmed}. 4 shows them, s starts all the same"));
    }
    let job = workbench.job(on_error, true, true, Vec::new()).await?;
    let prepared = prepare(job).await.map_err(|error| error.to_string())?;
    workbench.forget().await;
    let before = prepared.before().clone();
    let (handle, facts) = engine::spawn(prepared);
    Ok((handle, facts, before))
}

/// The next news of the run, in the order of its facts; never returns where there is no run.
async fn next(run: &mut Option<Live>, ledger: &Ledger) -> Vec<FromHost> {
    let Some(live) = run else { return std::future::pending().await };
    loop {
        tokio::select! {
            biased;
            fact = live.facts.recv() => match fact {
                Ok(fact) => {
                    live.seq = fact.seq;
                    return vec![FromHost::Fact(Box::new(fact))];
                }
                Err(broadcast::error::RecvError::Lagged(_)) => return missed(live, ledger, live.handle.run().clone()).await,
                Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
            },
            changed = live.gauge.changed() => match changed {
                Ok(()) => return vec![FromHost::Gauge(live.gauge.borrow_and_update().clone())],
                // The run is over; its last facts may still be on their way.
                Err(_) => match live.facts.recv().await {
                    Ok(fact) => {
                        live.seq = fact.seq;
                        return vec![FromHost::Fact(Box::new(fact))];
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
                },
            },
        }
    }
}

/// What a lagging listener missed is in the ledger.
async fn missed(live: &mut Live, ledger: &Ledger, run: RunId) -> Vec<FromHost> {
    let facts = ledger.facts_after(&run, live.seq).await.unwrap_or_default();
    if let Some(last) = facts.last() {
        live.seq = last.seq;
    }
    facts.into_iter().map(|fact| FromHost::Fact(Box::new(fact))).collect()
}
