//! A way to a server that swallows its answer to a COMMIT, and then is closed for a while.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const CLOSED: Duration = Duration::from_millis(1500);

/// What all connections know.
#[derive(Default)]
pub struct State {
    /// As it stands in statements.
    table: String,
    /// COMMITs that are still to be swallowed the answers of.
    left: AtomicUsize,
    /// Closed until then.
    until: Mutex<Option<Instant>>,
    /// All connections there ever were.
    open: Mutex<Vec<TcpStream>>,
}

impl State {
    /// Swallows the answers to so many COMMITs from now on.
    pub fn swallow(&self, commits: usize) {
        self.left.store(commits, Ordering::SeqCst);
    }

    fn is_closed(&self) -> bool {
        self.until.lock().unwrap().is_some_and(|until| Instant::now() < until)
    }

    /// Breaks all connections, and is closed for a while.
    fn close(&self) {
        *self.until.lock().unwrap() = Some(Instant::now() + CLOSED);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Whether this message's answer is to be swallowed: each time a later COMMIT.
    fn swallows(&self, message: &[u8]) -> bool {
        let commits = has(message, "COMMIT\0");
        let takes = |left: usize| left.checked_sub(1);
        commits && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes).is_ok()
    }
}

fn has(message: &[u8], words: &str) -> bool {
    message.windows(words.len()).any(|part| part == words.as_bytes())
}

/// Lets everything through to `server`, which speaks plain text, but for the answers to so many COMMITs of rows of a table: those the
/// server carries out, all connections then break, and for a while there is none. Returns the port,
/// and what says to swallow more.
pub fn forgetful(server: SocketAddr, table: &str, commits: usize) -> (u16, Arc<State>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let state = Arc::new(State { table: format!("\"{table}\""), ..State::default() });
    state.swallow(commits);
    let shared = state.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if state.is_closed() {
                continue;
            }
            let Ok(server) = TcpStream::connect(server) else { continue };
            state.open.lock().unwrap().push(client.try_clone().unwrap());
            let state = state.clone();
            thread::spawn(move || pass(client, server, &state));
        }
    });
    (port, shared)
}

fn pass(mut client: TcpStream, mut server: TcpStream, state: &State) {
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let silent = Arc::new(AtomicUsize::new(0));
    let hush = silent.clone();
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if hush.load(Ordering::SeqCst) == 0 && to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    // Only commits of the table's rows are of interest.
    let (mut loads, mut concerns) = (false, false);
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        loads |= has(&buffer[..read], "FROM STDIN");
        concerns |= has(&buffer[..read], &state.table);
        let swallows = loads && concerns && state.swallows(&buffer[..read]);
        silent.fetch_add(usize::from(swallows), Ordering::SeqCst);
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
        if swallows {
            // The server carries it out meanwhile.
            thread::sleep(Duration::from_millis(300));
            state.close();
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
