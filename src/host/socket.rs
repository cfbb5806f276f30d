//! Hosts of their own: where they listen, who may talk to them, and how a console finds one.
//!
//! One idea: the folder is the list. A host is a socket in the state folder; one that nobody answers on is what a dead
//! host left, and is taken away by whoever notices.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use super::{
    Port, Workbench,
    frame::{self, FrameError},
    hub::{Said, stay},
    lease::ClientId,
};
use crate::protocol::{FromHost, Hello, Role, ToHost, VERSION};

/// How long a host may take to answer, or to come up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest path that a socket can have, on the systems that have the shortest.
const LONGEST_PATH: usize = 100;

/// Why there is no talking to a host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("cannot use {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{} is too long for a socket; give --state-dir a shorter path, or --in-process", .0.display())]
    LongPath(PathBuf),
    #[error("{} is open to others (mode {mode:o}); make it private: chmod 700", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "the host (process {process}, whimbrel {theirs}) speaks another protocol than this whimbrel {ours}; use the \
         version it was started with, or end it with `kill {process}` and resume its run"
    )]
    Version { process: String, theirs: String, ours: &'static str },
    #[error("the host did not come up: {0}; --in-process does without one")]
    NotUp(String),
    #[error("the host answers nothing: {0}")]
    Silent(String),
}

/// The hosts of a state folder.
#[derive(Clone, Debug)]
pub struct Hosts {
    state: PathBuf,
    folder: PathBuf,
}

/// A host that answered.
#[derive(Clone, Debug)]
pub struct Found {
    path: PathBuf,
    /// What it said of itself.
    pub hello: Hello,
}

fn hello(name: &str, plan: String, role: Role) -> Hello {
    Hello { protocol: VERSION, program: env!("CARGO_PKG_VERSION").to_owned(), name: name.to_owned(), plan, role }
}

impl Hosts {
    pub fn of(state: &Path) -> Self {
        Self { state: state.to_owned(), folder: state.join("hosts") }
    }

    /// All that answer, the latest first. What a dead host left is removed.
    pub async fn live(&self) -> Vec<Found> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|end| end == "sock")).collect();
        paths.sort();
        let mut found = Vec::new();
        for path in paths.into_iter().rev() {
            match greet(&path, hello("", String::new(), Role::Look)).await {
                Ok((_, hello)) => found.push(Found { path, hello }),
                Err(FrameError::Stream(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    let _ = fs::remove_file(&path);
                }
                Err(error) => tracing::warn!(%error, path = %path.display(), "a host does not answer"),
            }
        }
        found
    }

    /// Joins a host; what it says comes out of the port.
    pub async fn attach(&self, found: &Found, name: &str, role: Role) -> Result<Port, HostError> {
        let greeted = greet(&found.path, hello(name, String::new(), role)).await;
        let (stream, theirs) = greeted.map_err(|error| HostError::Silent(error.to_string()))?;
        if theirs.protocol != VERSION {
            let ours = env!("CARGO_PKG_VERSION");
            return Err(HostError::Version { process: theirs.name, theirs: theirs.program, ours });
        }
        let (port, inbox, outbox) = Port::pair();
        let (reader, writer) = stream.into_split();
        tokio::spawn(pump_out::<ToHost>(writer, inbox));
        tokio::spawn(pump_in(reader, outbox));
        Ok(port)
    }

    /// Starts a host for the plan (none: without one) as a process of its own, and waits until it answers.
    pub async fn start(&self, plan: Option<&Path>) -> Result<Found, HostError> {
        let not_up = |why: String| HostError::NotUp(why);
        // What the host would only tell its log is told here.
        self.folder()?;
        let program = std::env::current_exe().map_err(|error| not_up(error.to_string()))?;
        let mut command = Command::new(program);
        command.arg("--state-dir").arg(&self.state).arg("host").args(plan);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = spawned.map_err(|error| not_up(error.to_string()))?;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let process = child.id().to_string();
            if let Some(found) = self.live().await.into_iter().find(|found| found.hello.name == process) {
                return Ok(found);
            }
            if let Ok(Some(status)) = child.try_wait() {
                let log = self.state.join("whimbrel.log");
                return Err(not_up(format!("it ended with {status}; see {}", log.display())));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(not_up("it did not answer in 10 seconds".into()))
    }

    /// Makes the folder, for its owner alone.
    fn folder(&self) -> Result<&Path, HostError> {
        let path = &self.folder;
        let failed = |source| HostError::Folder { path: path.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 { Err(HostError::Exposed { path: path.clone(), mode }) } else { Ok(path) }
    }

    /// Is a host, until nobody is connected and no run goes on, or `end` comes, which stops the run.
    pub async fn be(&self, workbench: Arc<Workbench>, end: impl Future<Output = ()>) -> Result<(), HostError> {
        let socket = Socket::bind(self.folder()?)?;
        let (desk, heard) = mpsc::channel(Port::CAPACITY);
        let mut staying = tokio::spawn(stay(workbench.clone(), heard));
        tokio::select! {
            _ = &mut staying => return Ok(()),
            () = socket.accept(&workbench, desk.clone()) => {}
            () = end => {}
        }
        // Its run is stopped in order.
        let _ = desk.send((0, Said::End)).await;
        let _ = staying.await;
        Ok(())
    }
}

/// Connects, and says and hears who is there.
async fn greet(path: &Path, hello: Hello) -> Result<(UnixStream, Hello), FrameError> {
    let greeting = async {
        let mut stream = UnixStream::connect(path).await?;
        frame::write(&mut stream, &hello).await?;
        let theirs = frame::read::<Hello>(&mut stream).await?;
        let theirs = theirs.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        Ok((stream, theirs))
    };
    tokio::time::timeout(PATIENCE, greeting).await.map_err(io::Error::from)?
}

/// Until the other side or the sender is gone.
async fn pump_in<T: serde::de::DeserializeOwned>(mut reader: impl tokio::io::AsyncRead + Unpin, to: mpsc::Sender<T>) {
    loop {
        match frame::read::<T>(&mut reader).await {
            Ok(Some(message)) => {
                if to.send(message).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "a conversation broke off"),
        }
    }
}

async fn pump_out<T: serde::Serialize>(mut writer: impl tokio::io::AsyncWrite + Unpin, mut from: mpsc::Receiver<T>) {
    while let Some(message) = from.recv().await {
        if let Err(error) = frame::write(&mut writer, &message).await {
            return tracing::debug!(%error, "a conversation ended");
        }
    }
}

/// A listening socket, which goes away with its host.
struct Socket {
    path: PathBuf,
    listener: UnixListener,
}

impl Socket {
    /// Named so that the latest comes last.
    fn bind(folder: &Path) -> Result<Self, HostError> {
        let path = folder.join(format!("{}.sock", uuid::Uuid::now_v7().simple()));
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(HostError::LongPath(path));
        }
        let failed = |source| HostError::Folder { path: path.clone(), source };
        let listener = UnixListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self { path, listener })
    }

    /// Takes in whoever comes; for ever.
    async fn accept(&self, workbench: &Arc<Workbench>, desk: mpsc::Sender<(ClientId, Said)>) {
        let mut last: ClientId = 0;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if is_mine(&stream) => {
                    last += 1;
                    tokio::spawn(talk(stream, workbench.clone(), last, desk.clone()));
                }
                Ok(_) => tracing::warn!("somebody else than its owner knocked at the host"),
                Err(error) => {
                    tracing::warn!(%error, "a console could not be let in");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn is_mine(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::getuid().as_raw())
}

/// One client, from its first word to its last.
async fn talk(
    mut stream: UnixStream,
    workbench: Arc<Workbench>,
    client: ClientId,
    desk: mpsc::Sender<(ClientId, Said)>,
) {
    let theirs = tokio::time::timeout(PATIENCE, frame::read::<Hello>(&mut stream)).await;
    let Ok(Ok(Some(theirs))) = theirs else { return };
    let ours = hello(&std::process::id().to_string(), workbench.plan_key().await, Role::Look);
    let said = frame::write(&mut stream, &ours).await;
    if said.is_err() || theirs.protocol != VERSION || theirs.role == Role::Look {
        return;
    }
    let (mut reader, writer) = stream.into_split();
    let (outbox, inbox) = mpsc::channel::<FromHost>(Port::CAPACITY);
    tokio::spawn(pump_out(writer, inbox));
    if desk.send((client, Said::Joined { name: theirs.name, role: theirs.role, outbox })).await.is_err() {
        return;
    }
    while let Ok(Some(message)) = frame::read::<ToHost>(&mut reader).await {
        if desk.send((client, Said::Message(message))).await.is_err() {
            return;
        }
    }
    let _ = desk.send((client, Said::Left)).await;
}
