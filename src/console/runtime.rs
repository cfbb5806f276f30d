//! The driver: the only place with a clock, channels and a `select!`. Turns what happens into messages, performs the
//! effects, draws when something changed.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::sleep_until,
};

use super::{
    App, Effect, Exit, Message, Options, Redraw, input::Input, memory::Memory, terminal::Screen, theme::ThemeError,
    update,
};
use crate::{host::Port, protocol::FromHost};

/// Between two frames that nobody pressed a key for.
const FRAME: Duration = Duration::from_millis(100);
/// Messages that are taken in before one draw.
const BATCH: usize = 64;

/// Why a console cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("cannot use the terminal: {0}; without a terminal, give the command `run`, `check` or `status`")]
    Terminal(#[from] io::Error),
    #[error(transparent)]
    Theme(#[from] ThemeError),
}

/// How a console ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub exit: Exit,
    /// The file of the plan that was open last.
    pub plan: String,
    /// Whether a run goes on without it.
    pub goes_on: bool,
}

/// Runs a console on this process's terminal until the operator or the host ends it.
pub async fn run(port: Port, options: Options) -> Result<Ended, ConsoleError> {
    // What a console holds is too much for the stack of whoever waits for it.
    Box::pin(sit(port, options)).await
}

async fn sit(port: Port, options: Options) -> Result<Ended, ConsoleError> {
    let look = options.look()?;
    let mut screen = Screen::enter()?;
    screen.report_mouse(options.mouse)?;
    let (input, keys) = Input::start()?;
    let mut app = App::new(&options, look);
    let (keys_of, wrong) = options.keymap();
    app.keys = keys_of;
    wrong.into_iter().for_each(|wrong| app.complain(wrong));
    app.memory = options.state.as_deref().map(Memory::load).unwrap_or_default();
    let mut driver = Driver {
        app,
        port,
        _input: input,
        keys,
        signals: Signals::new()?,
        started: Instant::now(),
        drawn: None,
        repaint: false,
        suspend: false,
    };
    let exit = driver.drive(&mut screen).await;
    driver.app.remember();
    driver.app.memory.save();
    let (exit, app) = (exit?, &driver.app);
    Ok(Ended { exit, plan: app.plan.path.clone(), goes_on: app.can_detach && app.run.is_going() })
}

struct Signals {
    resize: Signal,
    hang_up: Signal,
    terminate: Signal,
    continued: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            resize: signal(SignalKind::window_change())?,
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }
}

struct Driver {
    app: App,
    port: Port,
    /// Reads keys for as long as it is held.
    _input: Input,
    keys: mpsc::Receiver<Message>,
    signals: Signals,
    started: Instant,
    drawn: Option<Instant>,
    repaint: bool,
    /// The operator wants the shell.
    suspend: bool,
}

/// What woke the driver.
enum Woken {
    Message(Message),
    Resized,
    HungUp,
    /// After a stop, whoever stopped it.
    Continued,
    Frame,
}

impl Driver {
    async fn drive(&mut self, screen: &mut Screen) -> io::Result<Exit> {
        self.tell(resized(screen)?, screen)?;
        if let Some(exit) = self.tell(Message::Opened, screen)? {
            return Ok(exit);
        }
        loop {
            self.draw_if_due(screen)?;
            let woken = self.wait().await;
            if let Some(exit) = self.wake(woken, screen)? {
                return Ok(exit);
            }
            for _ in 1..BATCH {
                let Ok(key) = self.keys.try_recv() else { break };
                if let Some(exit) = self.wake(Woken::Message(key), screen)? {
                    return Ok(exit);
                }
            }
            if std::mem::take(&mut self.suspend) {
                screen.suspend()?;
                self.signals.continued.recv().await;
                self.wake(Woken::Continued, screen)?;
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let alarm = self.alarm();
        tokio::select! {
            biased;
            _ = self.signals.hang_up.recv() => Woken::HungUp,
            _ = self.signals.terminate.recv() => Woken::HungUp,
            _ = self.signals.continued.recv() => Woken::Continued,
            message = self.keys.recv() => message.map_or(Woken::HungUp, Woken::Message),
            _ = self.signals.resize.recv() => Woken::Resized,
            message = self.port.receive() => Woken::Message(from_host(message)),
            () = sleep(alarm) => Woken::Frame,
        }
    }

    /// When the console wants to be woken though nothing happens: for a frame that waits, or for its own sake.
    fn alarm(&self) -> Option<Instant> {
        let frame =
            (self.app.redraw == Redraw::Soon).then(|| self.drawn.map_or_else(Instant::now, |drawn| drawn + FRAME));
        let own = self.app.wakes_in().map(|ms| self.started + Duration::from_millis(self.app.now_ms + ms));
        [frame, own].into_iter().flatten().min()
    }

    fn wake(&mut self, woken: Woken, screen: &mut Screen) -> io::Result<Option<Exit>> {
        let message = match woken {
            Woken::HungUp => return Ok(Some(Exit::HungUp)),
            Woken::Frame => return self.tell_time(screen),
            Woken::Continued => {
                screen.come_back()?;
                screen.report_mouse(self.app.mouse)?;
                resized(screen)?
            }
            Woken::Resized => resized(screen)?,
            Woken::Message(Message::Resize { .. }) => resized(screen)?,
            Woken::Message(message) => message,
        };
        if let Some(exit) = self.tell_time(screen)? {
            return Ok(Some(exit));
        }
        self.tell(message, screen)
    }

    fn tell_time(&mut self, screen: &mut Screen) -> io::Result<Option<Exit>> {
        let now_ms = self.started.elapsed().as_millis() as u64;
        self.tell(Message::Tick { now_ms }, screen)
    }

    fn tell(&mut self, message: Message, screen: &mut Screen) -> io::Result<Option<Exit>> {
        let mut messages = vec![message];
        while let Some(message) = messages.pop() {
            for effect in update(&mut self.app, message) {
                match effect {
                    Effect::Quit(exit) => return Ok(Some(exit)),
                    Effect::Send(message) => {
                        messages.extend(self.port.send(message).err().map(Message::Undelivered));
                    }
                    Effect::Copy(text) => self.copy(&text, screen)?,
                    Effect::Repaint => self.repaint = true,
                    Effect::Suspend => self.suspend = true,
                    Effect::Mouse(on) => screen.report_mouse(on)?,
                }
            }
        }
        Ok(None)
    }

    fn copy(&mut self, text: &str, screen: &mut Screen) -> io::Result<()> {
        match screen.copy(text)? {
            true => self.app.say("Sent to the terminal, which may or may not put it into its clipboard"),
            false => self.app.complain("Too long for a terminal's clipboard"),
        }
        Ok(())
    }

    fn draw_if_due(&mut self, screen: &mut Screen) -> io::Result<()> {
        let due = match self.app.redraw {
            Redraw::None => false,
            Redraw::Soon => self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME),
            Redraw::Now => true,
        };
        if !due && !self.repaint {
            return Ok(());
        }
        if std::mem::take(&mut self.repaint) {
            screen.repaint()?;
        }
        self.app.redraw = Redraw::None;
        self.app.hits = screen.draw(&self.app)?;
        self.drawn = Some(Instant::now());
        Ok(())
    }
}

fn resized(screen: &Screen) -> io::Result<Message> {
    let (width, height) = screen.size()?;
    Ok(Message::Resize { width, height })
}

fn from_host(message: Option<FromHost>) -> Message {
    message.map_or(Message::Gone, |message| Message::Host(Box::new(message)))
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}
