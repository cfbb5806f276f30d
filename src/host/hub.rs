//! The host itself: one plan's workbench and its run, and everybody who is connected.
//!
//! One idea: nobody is waited for. A client that takes its messages slowly loses gauges, and facts only until it has room
//! for a snapshot, which holds them all; the run and the others never notice.

mod looking;
mod news;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, broadcast, mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};

use self::{
    looking::{look, look_into, review, validate},
    news::{kept, next, paced, told},
};
use super::{
    Port, Workbench,
    lease::{ClientId, Lease},
};
use crate::{
    engine::{self, RunHandle, prepare},
    ledger::{Ledger, LedgerError},
    model::{Gauge, OnError, RunPhase},
    protocol::{Answer, Ask, CheckState, Command, Fact, FromHost, Reply, RestoreProgress, Role, Snapshot, ToHost},
};

/// How long a detached host without a client and without a run waits for one.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody changed the plan's file.
const LOOK: Duration = Duration::from_secs(1);
/// How long whoever commands may take to answer whoever asks for the controls.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a client does.
#[derive(Debug)]
pub(super) enum Said {
    Joined {
        name: String,
        role: Role,
        outbox: mpsc::Sender<FromHost>,
    },
    Message(ToHost),
    Left,
    /// The process is told to end.
    End,
}

/// Serves one console in this process until it hangs up. A run under way is stopped then (it can be resumed), since
/// nothing is left that could tell of it.
pub fn serve(workbench: Arc<Workbench>) -> (Port, JoinHandle<()>) {
    const ONLY: ClientId = 0;
    let (port, mut inbox, outbox) = Port::pair();
    let (desk, heard) = mpsc::channel(Port::CAPACITY);
    tokio::spawn(async move {
        let name = String::new();
        let mut said = Some(Said::Joined { name, role: Role::Sit, outbox });
        while let Some(next) = said {
            if desk.send((ONLY, next)).await.is_err() {
                return;
            }
            said = inbox.recv().await.map(Said::Message);
        }
        let _ = desk.send((ONLY, Said::Left)).await;
    });
    (port, tokio::spawn(Hub::new(workbench, false).live(heard)))
}

/// Serves whoever comes. Ends when nobody is connected and no run goes on, or when told to, which stops the run.
pub(super) async fn stay(workbench: Arc<Workbench>, heard: mpsc::Receiver<(ClientId, Said)>) {
    Hub::new(workbench, true).live(heard).await;
}

struct Hub {
    workbench: Arc<Workbench>,
    /// Outlives its consoles.
    detached: bool,
    clients: BTreeMap<ClientId, Client>,
    lease: Lease,
    /// Since when somebody waits for the controls.
    asked: Option<Instant>,
    /// Since when there is nobody and nothing to do.
    idle: Option<Instant>,
    run: Option<Live>,
    /// A run's end is waited for, to validate what it wrote.
    validates: bool,
    /// How far a restore under way is.
    restoring: Option<watch::Receiver<RestoreProgress>>,
    /// Tells a validation to break off.
    breaks_off: Arc<Notify>,
    /// Tells a profile to break off.
    stops_profile: watch::Sender<bool>,
    work: JoinSet<Done>,
}

struct Client {
    outbox: mpsc::Sender<FromHost>,
    role: Role,
    name: String,
    /// Missed a fact, and is told nothing more of the run until it takes a snapshot.
    behind: bool,
}

struct Live {
    handle: Arc<RunHandle>,
    facts: broadcast::Receiver<Fact>,
    gauge: watch::Receiver<Gauge>,
    seq: u64,
}

/// Something to say, to one or to all.
type Saying = (Option<ClientId>, FromHost);

/// What a piece of work leaves to say or to take on.
enum Done {
    Say(ClientId, FromHost),
    /// The plan is another one or says something else.
    Changed {
        client: ClientId,
        id: u64,
        answer: Answer,
    },
    /// Another plan is open, or its runs were taken back, and where the latest one stands.
    Opened {
        client: ClientId,
        id: u64,
        answer: Answer,
        stands: Snapshot,
    },
    Started {
        client: ClientId,
        id: u64,
        result: Result<(RunHandle, broadcast::Receiver<Fact>, Snapshot), String>,
    },
    /// Whether somebody else changed the plan's file.
    Reread(bool),
    /// The run is over, and what it wrote was validated, where that was wanted.
    Validated(Option<Box<Fact>>),
    /// A validation that a console asked for.
    Looked {
        client: ClientId,
        id: u64,
        fact: Option<Box<Fact>>,
        answer: Result<Answer, String>,
    },
}

/// Whether an ask changes what others see.
fn changes(ask: &Ask) -> bool {
    matches!(
        ask,
        Ask::Save { .. }
            | Ask::Select { .. }
            | Ask::Open { .. }
            | Ask::New(_)
            | Ask::Start { .. }
            | Ask::Act { .. }
            | Ask::RetryMany { .. }
            | Ask::StopRetrying
            | Ask::Connect { .. }
            | Ask::Restore { .. }
            | Ask::ExportOthers { .. }
            | Ask::Purge { .. }
            | Ask::Validate
            | Ask::StopValidation
            | Ask::ReviewSample(_)
            | Ask::Profile { .. }
            | Ask::StopProfile
    )
}

impl Hub {
    fn new(workbench: Arc<Workbench>, detached: bool) -> Self {
        Self {
            workbench,
            detached,
            clients: BTreeMap::new(),
            lease: Lease::default(),
            asked: None,
            idle: detached.then(Instant::now),
            run: None,
            validates: false,
            restoring: None,
            breaks_off: Arc::default(),
            stops_profile: watch::Sender::default(),
            work: JoinSet::new(),
        }
    }

    async fn live(mut self, mut heard: mpsc::Receiver<(ClientId, Said)>) {
        let mut validating = self.workbench.progress();
        let mut retrying = self.workbench.retrying();
        let mut keeping = self.workbench.keeping();
        let mut profiling = self.workbench.profiling();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (asked, idle) = (self.asked.map(|since| since + PATIENCE), self.idle.map(|since| since + GRACE));
            let said = tokio::select! {
                said = heard.recv() => match said {
                    Some((_, Said::End)) | None => break,
                    Some((client, said)) => self.hear(client, said).await,
                },
                Some(done) = self.work.join_next() => self.finished(done),
                news = next(&mut self.run, self.workbench.ledger()) => {
                    news.into_iter().map(|message| (None, message)).collect()
                }
                progress = told(&mut self.restoring) => {
                    progress.into_iter().map(|progress| (None, FromHost::Restoring(progress))).collect()
                }
                Ok(()) = validating.changed() => {
                    vec![(None, FromHost::Validating(validating.borrow_and_update().clone()))]
                }
                progress = paced(&mut retrying) => vec![(None, FromHost::Retrying(progress))],
                Some(progress) = kept(&mut keeping) => vec![(None, FromHost::Keeping(progress))],
                Ok(()) = profiling.changed() => {
                    vec![(None, FromHost::Profiling(profiling.borrow_and_update().clone()))]
                }
                _ = looks.tick(), if !self.clients.is_empty() && !self.is_running() => {
                    let workbench = Arc::clone(&self.workbench);
                    self.work.spawn(async move { Done::Reread(workbench.reread().await) });
                    Vec::new()
                }
                () = until(asked) => {
                    self.lease.gives_in();
                    self.presence()
                }
                () = until(idle) => break,
            };
            self.deliver(said).await;
            if self.clients.is_empty() && !self.detached {
                break;
            }
            let busy = self.is_running()
                || self.validates
                || self.workbench.is_validating()
                || self.restoring.is_some()
                || self.workbench.is_retrying();
            let deserted = self.detached && self.clients.is_empty() && !busy;
            self.idle = deserted.then(|| self.idle.unwrap_or_else(Instant::now));
        }
        self.hang_up().await;
    }

    fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|live| !live.handle.is_over())
    }

    async fn hear(&mut self, client: ClientId, said: Said) -> Vec<Saying> {
        match said {
            Said::Joined { name, role, outbox } => {
                if role == Role::Sit {
                    self.lease.joins(client, name.clone());
                }
                self.clients.insert(client, Client { outbox, role, name, behind: false });
                let mut said = self.presence();
                let stands = self.stands().await;
                if stands.run.is_some() || role == Role::Command {
                    said.push((Some(client), FromHost::Snapshot(Box::new(stands))));
                }
                let progress = self.workbench.progress().borrow().clone();
                // Whoever comes with a command waits for this word.
                if progress.is_some() || role == Role::Command {
                    said.push((Some(client), FromHost::Validating(progress)));
                }
                said
            }
            Said::Message(message) => self.take(client, message),
            Said::Left | Said::End => {
                self.clients.remove(&client);
                self.lease.leaves(client);
                self.presence()
            }
        }
    }

    /// Everybody's view of who is there. In one process there is nobody else.
    fn presence(&mut self) -> Vec<Saying> {
        self.asked = self.lease.is_asked().then(|| self.asked.unwrap_or_else(Instant::now));
        let sitting = self.clients.iter().filter(|(_, client)| self.detached && client.role == Role::Sit);
        sitting.map(|(id, _)| (Some(*id), FromHost::Presence(self.lease.seen_by(*id)))).collect()
    }

    async fn deliver(&mut self, said: Vec<Saying>) {
        let run = self.run.as_ref().map(|live| live.handle.run().clone());
        let late = self.clients.values().any(|client| client.behind && client.outbox.capacity() > Port::CAPACITY / 2);
        let snapshot = match run {
            Some(run) if late => self.workbench.ledger().snapshot(&run).await.ok(),
            _ => None,
        };
        for (id, client) in &mut self.clients {
            if let Some(snapshot) = snapshot.as_ref().filter(|_| client.behind) {
                client.behind = client.outbox.try_send(FromHost::Snapshot(Box::new(snapshot.clone()))).is_err();
            }
            for (to, message) in said.iter().filter(|(to, _)| to.is_none_or(|to| to == *id)) {
                match to {
                    Some(_) => client.answer(message.clone()),
                    None => client.tell(message),
                }
            }
        }
    }

    /// Where the run under way stands, else the plan's latest one.
    async fn stands(&self) -> Snapshot {
        match &self.run {
            Some(live) => self.workbench.ledger().snapshot(live.handle.run()).await.unwrap_or_default(),
            None => stands(&self.workbench).await,
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

    fn may(&self, client: ClientId) -> bool {
        let commands = self.clients.get(&client).is_some_and(|client| client.role == Role::Command);
        commands || self.lease.may(client)
    }

    fn take(&mut self, client: ClientId, message: ToHost) -> Vec<Saying> {
        let watches = || format!("{} is at the controls; T asks for them", self.lease.commander());
        match message {
            ToHost::TakeOver => {
                // Why not is plain from who is there.
                let _ = self.lease.wants(client);
                return self.presence();
            }
            ToHost::HandOver { yes } => {
                self.lease.answers(client, yes);
                return self.presence();
            }
            ToHost::Ask { id, ask } if changes(&ask) && !self.may(client) => {
                return vec![(Some(client), FromHost::Answer { id, answer: Err(watches()) })];
            }
            ToHost::Command { id, .. } if !self.may(client) => {
                return vec![(Some(client), FromHost::Reply { id, reply: Reply::Refused(watches()) })];
            }
            ToHost::Ask { id, ask } => self.ask(client, id, ask),
            ToHost::Command { id, command } => self.command(client, id, command),
        }
        Vec::new()
    }

    fn ask(&mut self, client: ClientId, id: u64, ask: Ask) {
        let (workbench, running) = (self.workbench.clone(), self.is_running());
        let (progress, told) = watch::channel(RestoreProgress::default());
        if matches!(ask, Ask::Restore { .. }) && self.restoring.is_none() {
            self.restoring = Some(told);
        }
        let (breaks_off, by) = (self.breaks_off.clone(), self.name_of(client));
        let stops_profile = self.stops_profile.clone();
        self.work.spawn(async move {
            let refused = |why: &str| Done::Say(client, FromHost::Answer { id, answer: Err(why.to_owned()) });
            match ask {
                Ask::Start { .. } if running => refused("a run of this plan is under way"),
                Ask::Start { .. } if workbench.is_retrying() => {
                    refused("flagged rows are being tried again; wait for that, or break it off")
                }
                Ask::Start { .. } if workbench.is_validating() => {
                    refused("a validation is under way: x on 7 Validate breaks it off")
                }
                Ask::Validate if running => refused("there is something to validate when the run is over"),
                Ask::Validate => look(&workbench, client, id, &breaks_off).await,
                Ask::Profile { side, table, rows } => {
                    look_into(&workbench, client, id, (side, &table, rows), &stops_profile).await
                }
                Ask::StopProfile => {
                    stops_profile.send_replace(true);
                    Done::Say(client, FromHost::Answer { id, answer: Ok(Answer::Profile(None)) })
                }
                Ask::StopValidation => {
                    breaks_off.notify_waiters();
                    Done::Say(client, FromHost::Answer { id, answer: workbench.answer(Ask::Validation).await })
                }
                Ask::ReviewSample(saying) => review(&workbench, client, id, (&saying, &by)).await,
                Ask::Start { on_error, confirmed } => {
                    Done::Started { client, id, result: start(&workbench, on_error, confirmed).await }
                }
                Ask::Restore { .. } if running => refused("a run of this plan is under way; stop it first"),
                Ask::Restore { name, typed, others, identity } => {
                    let how = (others, identity.as_deref().map(Path::new));
                    match workbench.restore(&name, &typed, how, &progress).await {
                        Ok(restored) => {
                            let answer = Answer::Restored(Box::new(restored));
                            Done::Opened { client, id, answer, stands: stands(&workbench).await }
                        }
                        Err(error) => refused(&error.to_string()),
                    }
                }
                Ask::Open { .. } | Ask::New(_) if running => {
                    refused("another plan opens when the run is over; stop it first")
                }
                ask @ (Ask::Open { .. } | Ask::New(_)) => match workbench.answer(ask).await {
                    Ok(answer) => {
                        // What is being looked at belongs to the plan before.
                        stops_profile.send_replace(true);
                        Done::Opened { client, id, answer, stands: stands(&workbench).await }
                    }
                    Err(why) => refused(&why),
                },
                Ask::Save { .. } | Ask::Select { .. } if running => {
                    refused("the plan cannot change while it runs; stop the run first")
                }
                ask @ (Ask::Save { .. } | Ask::Select { .. }) => match workbench.answer(ask).await {
                    Ok(answer) => Done::Changed { client, id, answer },
                    Err(why) => refused(&why),
                },
                ask => Done::Say(client, FromHost::Answer { id, answer: workbench.answer(ask).await }),
            }
        });
    }

    /// Under which name the client acts.
    fn name_of(&self, client: ClientId) -> String {
        let named = self.clients.get(&client).map(|client| client.name.clone()).filter(|name| !name.is_empty());
        named.unwrap_or_else(|| self.workbench.by().to_owned())
    }

    fn command(&mut self, client: ClientId, id: u64, command: Command) {
        let handle = self.run.as_ref().map(|live| live.handle.clone());
        let by = self.name_of(client);
        self.work.spawn(async move {
            let reply = match handle {
                Some(handle) => handle.command(command, &by).await,
                None => Reply::Refused("no run is under way".into()),
            };
            Done::Say(client, FromHost::Reply { id, reply })
        });
    }

    fn finished(&mut self, done: Result<Done, tokio::task::JoinError>) -> Vec<Saying> {
        match done {
            Ok(Done::Say(client, message)) => vec![(Some(client), message)],
            Ok(Done::Changed { client, id, answer }) => {
                let mut said = self.others(client);
                said.push((Some(client), FromHost::Answer { id, answer: Ok(answer) }));
                said
            }
            Ok(Done::Opened { client, id, answer, stands }) => {
                self.run = None;
                let mut said = vec![(None, FromHost::Snapshot(Box::new(stands)))];
                said.extend(self.others(client));
                said.push((Some(client), FromHost::Answer { id, answer: Ok(answer) }));
                said
            }
            Ok(Done::Started { client, id, result: Err(why) }) => {
                vec![(Some(client), FromHost::Answer { id, answer: Err(why) })]
            }
            Ok(Done::Started { client, id, result: Ok((handle, facts, before)) }) => {
                let run = handle.run().clone();
                let gauge = handle.gauge();
                let seq = before.seq;
                self.validates = true;
                let breaks_off = self.breaks_off.clone();
                self.work.spawn(validate(self.workbench.clone(), run.clone(), gauge.clone(), breaks_off));
                self.run = Some(Live { handle: Arc::new(handle), facts, gauge, seq });
                vec![
                    (None, FromHost::Snapshot(Box::new(before))),
                    (Some(client), FromHost::Answer { id, answer: Ok(Answer::Started(run)) }),
                ]
            }
            Ok(Done::Reread(changed)) => changed.then_some((None, FromHost::PlanChanged)).into_iter().collect(),
            Ok(Done::Validated(fact)) => {
                self.validates = false;
                fact.map(|fact| (None, FromHost::Fact(fact))).into_iter().collect()
            }
            Ok(Done::Looked { client, id, fact, answer }) => {
                let fact = fact.map(|fact| (None, FromHost::Fact(fact)));
                fact.into_iter().chain([(Some(client), FromHost::Answer { id, answer })]).collect()
            }
            Err(error) => {
                tracing::error!(%error, "a piece of the host's work died");
                Vec::new()
            }
        }
    }

    /// Tells all others that the plan is not what they saw.
    fn others(&self, client: ClientId) -> Vec<Saying> {
        let others = self.clients.keys().filter(|other| **other != client);
        others.map(|other| (Some(*other), FromHost::PlanChanged)).collect()
    }
}

impl Client {
    /// An answer is never lost; where there is no room it waits apart from everything else.
    fn answer(&self, message: FromHost) {
        if let Err(mpsc::error::TrySendError::Full(message)) = self.outbox.try_send(message) {
            let outbox = self.outbox.clone();
            tokio::spawn(async move { outbox.send(message).await });
        }
    }

    /// News of the run.
    fn tell(&mut self, message: &FromHost) {
        let is_gauge = matches!(
            message,
            FromHost::Gauge(_)
                | FromHost::Validating(Some(_))
                | FromHost::Retrying(Some(_))
                | FromHost::Profiling(Some(_))
        );
        if (is_gauge && self.outbox.capacity() < Port::CAPACITY / 4) || self.behind {
            return;
        }
        let full = matches!(self.outbox.try_send(message.clone()), Err(mpsc::error::TrySendError::Full(_)));
        self.behind = full && !is_gauge;
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// Where the latest run of the workbench's plan stands; nothing, where it did not run here.
async fn stands(workbench: &Workbench) -> Snapshot {
    let ledger = workbench.ledger();
    let Ok(runs) = ledger.runs(Some(&workbench.plan_key().await)).await else { return Snapshot::default() };
    let Some(latest) = runs.first() else { return Snapshot::default() };
    let mut snapshot = ledger.snapshot(&latest.id).await.unwrap_or_default();
    interrupted(&mut snapshot, is_run_elsewhere(ledger, &latest.plan_key));
    snapshot
}

/// Whether another process has the right to run the plan.
pub(super) fn is_run_elsewhere(ledger: &Ledger, plan_key: &str) -> bool {
    matches!(ledger.lock_plan(plan_key), Err(LedgerError::Locked { .. }))
}

/// What the ledger calls a running run does not run here: another process has it, or its process died.
fn interrupted(snapshot: &mut Snapshot, elsewhere: bool) {
    if snapshot.run.is_some() && !snapshot.phase.is_over() {
        snapshot.phase = RunPhase::Stopped;
        snapshot.open.clear();
        snapshot.stopped = Some(match elsewhere {
            true => "another whimbrel runs it; `whimbrel attach` goes there".to_owned(),
            false => "it was cut off; starting goes on with it".to_owned(),
        });
    }
}

async fn start(
    workbench: &Workbench,
    on_error: Option<OnError>,
    confirmed: bool,
) -> Result<(RunHandle, broadcast::Receiver<Fact>, Snapshot), String> {
    if workbench.is_changed_elsewhere().await {
        return Err("the plan's file was changed a moment ago; look at what it says now, then start".to_owned());
    }
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
    workbench.keep_checks(prepared.run_id(), &items).await;
    workbench.forget().await;
    let before = prepared.before().clone();
    let (handle, facts) = engine::spawn(prepared);
    Ok((handle, facts, before))
}
