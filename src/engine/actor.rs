//! The thin half: performs the machine's steps, and tells it what came of them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};

use super::{
    AttemptSpec, Input, Machine, Prepared, Step,
    attempt::{AttemptError, Lane, Shared, attempt},
    meter::Meter,
    now_ms,
    pace::Pace,
    readers::Readers,
    throttle::Throttle,
    writing::Writing,
};
use crate::{
    binding::encoding,
    endpoint::EndpointError,
    ledger::{Ledger, LedgerError, PlanLock},
    model::{Gauge, RunId, Table},
    plan::Mapping,
    protocol::{Command, Event, Fact, Reply, Snapshot},
};

/// How many facts a listener may lag behind before it must read them from the ledger.
const FACTS: usize = 4096;

/// A run cannot go on because its own records fail, or a worker died.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the run broke down: {0}; what is committed stands, go on with --resume")]
    Broken(String),
}

struct Order {
    command: Command,
    by: String,
    reply: oneshot::Sender<Reply>,
}

/// A run under way. Dropping it stops nothing.
pub struct RunHandle {
    run: RunId,
    orders: mpsc::Sender<Order>,
    gauge: watch::Receiver<Gauge>,
    done: JoinHandle<Result<Snapshot, RunError>>,
}

impl RunHandle {
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Figures of the moment, at most 10 a second.
    pub fn gauge(&self) -> watch::Receiver<Gauge> {
        self.gauge.clone()
    }

    pub async fn command(&self, command: Command, by: &str) -> Reply {
        let (reply, answer) = oneshot::channel();
        let order = Order { command, by: by.to_owned(), reply };
        let over = || Reply::Refused("the run is over".to_owned());
        if self.orders.send(order).await.is_err() {
            return over();
        }
        answer.await.unwrap_or_else(|_| over())
    }

    pub fn is_over(&self) -> bool {
        self.done.is_finished()
    }

    /// Where the run stood when it ended.
    pub async fn ended(self) -> Result<Snapshot, RunError> {
        self.done.await.map_err(|error| RunError::Broken(error.to_string()))?
    }
}

/// Begins the run. The receiver gets every fact and closes when the run is over; whoever lags reads what it missed from
/// the ledger.
pub fn spawn(prepared: Prepared) -> (RunHandle, broadcast::Receiver<Fact>) {
    let (orders, orders_in) = mpsc::channel(64);
    let (facts, first) = broadcast::channel(FACTS);
    let (gauge_out, gauge) = watch::channel(Gauge::default());
    let run = prepared.run.id.clone();
    let actor = Actor::new(prepared, facts, gauge_out);
    let done = tokio::spawn(actor.live(orders_in));
    (RunHandle { run, orders, gauge, done }, first)
}

struct Actor {
    machine: Machine,
    shared: Arc<Shared>,
    ledger: Ledger,
    lanes: HashMap<String, Lane>,
    attempts: JoinSet<(String, Lane, Result<Input, AttemptError>)>,
    waits: JoinSet<Input>,
    abort: watch::Sender<bool>,
    facts: broadcast::Sender<Fact>,
    gauge: watch::Sender<Gauge>,
    seq: u64,
    created: Vec<Table>,
    loaded: Vec<Table>,
    left_out: Vec<String>,
    reply: Option<oneshot::Sender<Reply>>,
    over: bool,
    _lock: PlanLock,
}

impl Actor {
    fn new(prepared: Prepared, facts: broadcast::Sender<Fact>, gauge: watch::Sender<Gauge>) -> Self {
        let Prepared {
            job,
            plan,
            run,
            binding,
            created,
            left_out,
            starts,
            before,
            resumed,
            standing: remark,
            taken,
            mut journals,
            lock,
        } = prepared;
        let (abort, aborted) = watch::channel(false);
        let standing = starts.iter().map(|start| {
            let counts = start.table.counts;
            (start.table.to.clone(), counts.read, counts.written)
        });
        let shared = Arc::new(Shared {
            run: run.id.clone(),
            on_error: before.on_error,
            options: plan.run.clone(),
            readers: Readers::new(job.source.clone()),
            destination: job.destination.clone(),
            ledger: job.ledger.clone(),
            meter: Meter::new(standing),
            throttle: Arc::new(Throttle::new(None)),
            abort: aborted,
        });
        let loaded = binding.tables.iter().map(|table| table.mapping.to.clone()).collect();
        let writing = |mapping: &Mapping| {
            let mut writing = Writing::of(mapping, binding.order.in_cycle(&mapping.to.name), &plan.run, run.unmarked);
            writing.options.empties_first = binding.emptied_with(&mapping.to.name);
            writing
        };
        let writings: Vec<Writing> = binding.tables.iter().map(|table| writing(&table.mapping)).collect();
        let lanes = binding.tables.into_iter().zip(writings).filter_map(|(table, writing)| {
            let name = table.mapping.to.name.clone();
            let lane = Lane {
                writing,
                encoding: Arc::new(encoding(&table.mapping, &*job.destination)),
                mapping: Arc::new(table.mapping),
                transform: Arc::new(table.transform?),
                loader: None,
                pace: Pace::new(plan.run.chunk_rows),
                ahead: None,
                unsure: None,
                journal: journals.remove(&name),
            };
            Some((name, lane))
        });
        let lanes = lanes.collect();
        let seq = before.seq;
        Self {
            machine: Machine::new(before, job.attended, resumed, starts).with_remark(remark).with_first(taken),
            shared,
            ledger: job.ledger,
            lanes,
            attempts: JoinSet::new(),
            waits: JoinSet::new(),
            abort,
            facts,
            gauge,
            seq,
            created,
            loaded,
            left_out,
            reply: None,
            over: false,
            _lock: lock,
        }
    }

    async fn live(mut self, mut orders: mpsc::Receiver<Order>) -> Result<Snapshot, RunError> {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut handles_gone = false;
        self.handle(Input::Begin).await?;
        while !self.over {
            tokio::select! {
                order = orders.recv(), if !handles_gone => match order {
                    Some(Order { command, by, reply }) => {
                        self.reply = Some(reply);
                        self.handle(Input::Command { command, by }).await?;
                    }
                    None => handles_gone = true,
                },
                Some(ended) = self.attempts.join_next() => {
                    let (table, lane, result) = ended.map_err(|error| RunError::Broken(error.to_string()))?;
                    self.lanes.insert(table.clone(), lane);
                    let input = judge(table, result)?;
                    self.handle(input).await?;
                }
                Some(waited) = self.waits.join_next() => {
                    let input = waited.map_err(|error| RunError::Broken(error.to_string()))?;
                    self.handle(input).await?;
                }
                _ = tick.tick() => self.show(),
            }
        }
        self.show();
        Ok(self.machine.snapshot().clone())
    }

    fn show(&self) {
        self.gauge.send_replace(self.shared.meter.read());
    }

    async fn handle(&mut self, input: Input) -> Result<(), RunError> {
        let steps = self.machine.handle(input);
        self.record(&steps).await?;
        for step in steps {
            self.perform(step);
        }
        Ok(())
    }

    /// What must outlive us, before anybody hears of it: answers, open faults, facts.
    async fn record(&mut self, steps: &[Step]) -> Result<(), RunError> {
        let digest = self.machine.snapshot().digest.clone();
        let mut facts = Vec::new();
        for step in steps {
            match step {
                Step::Decide { fault, decision, scope, by } => {
                    self.ledger.decide(fault, decision, *scope, by, None, now_ms(), &digest).await?;
                }
                Step::Emit(event) => {
                    if let Event::FaultRaised { fault } = event {
                        self.ledger.raise(std::slice::from_ref(&**fault), 0).await?;
                    }
                    self.seq += 1;
                    let run = self.shared.run.clone();
                    facts.push(Fact { run, seq: self.seq, at_ms: now_ms(), event: event.clone() });
                }
                _ => {}
            }
        }
        if facts.is_empty() {
            return Ok(());
        }
        self.ledger.append(&facts, self.machine.snapshot().phase).await?;
        for fact in facts {
            // Nobody listening is fine: the ledger has it.
            let _ = self.facts.send(fact);
        }
        Ok(())
    }

    fn perform(&mut self, step: Step) {
        match step {
            Step::Emit(_) | Step::Decide { .. } => {}
            Step::Reply(reply) => {
                if let Some(waiting) = self.reply.take() {
                    let _ = waiting.send(reply);
                }
            }
            Step::Attempt(spec) => self.attempt(*spec),
            Step::Wait { table, time } => {
                let mut abort = self.abort.subscribe();
                self.waits.spawn(async move {
                    let _ = tokio::time::timeout(time, abort.wait_for(|abort| *abort)).await;
                    Input::Waited { table }
                });
            }
            Step::Throttle(limit) => self.shared.throttle.set(limit),
            Step::Abort => {
                self.abort.send_replace(true);
            }
            Step::Finish => self.finish(),
            Step::End => self.over = true,
        }
    }

    fn attempt(&mut self, spec: AttemptSpec) {
        let Some(lane) = self.lanes.remove(&spec.table) else { return };
        let shared = self.shared.clone();
        let table = spec.table.clone();
        self.attempts.spawn(async move {
            let (lane, result) = attempt(shared, lane, spec).await;
            (table, lane, result)
        });
    }

    fn finish(&mut self) {
        for lane in self.lanes.values_mut() {
            lane.loader = None;
        }
        let destination = self.shared.destination.clone();
        let (created, loaded, left_out) = (self.created.clone(), self.loaded.clone(), self.left_out.clone());
        self.shared.meter.now("finishing", "indexes, keys and counters");
        self.waits.spawn(async move {
            match destination.finish(&created, &loaded).await {
                Ok(remarks) => Input::Finished { remarks: left_out.into_iter().chain(remarks).collect() },
                Err(error) => {
                    Input::Unfinished { message: format!("{error}. {}", error.hint()), transient: error.is_transient() }
                }
            }
        });
    }
}

/// A failed attempt as the machine understands it. Only a failing ledger ends the run at once: without it nothing that
/// happens could be told afterwards.
fn judge(table: String, result: Result<Input, AttemptError>) -> Result<Input, RunError> {
    match result {
        Ok(input) => Ok(input),
        Err(AttemptError::Endpoint(error) | AttemptError::Unsure(error)) => Ok(failed(table, &error)),
        Err(AttemptError::Transform(error)) => {
            Ok(Input::Failed { table, message: error.to_string(), transient: false })
        }
        Err(AttemptError::Worker(error)) => Ok(Input::Failed { table, message: error.to_string(), transient: false }),
        Err(AttemptError::Ledger(error)) => Err(error.into()),
    }
}

fn failed(table: String, error: &EndpointError) -> Input {
    Input::Failed { table, message: format!("{error}. {}", error.hint()), transient: error.is_transient() }
}
