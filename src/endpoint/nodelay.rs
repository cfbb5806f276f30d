//! Small messages leave at once.
//!
//! May not know a protocol. One idea: sqlx opens its TCP connections without TCP_NODELAY and hands none of them out, and
//! a handshake, as the end of a COPY, sends a few bytes behind others, which Nagle's algorithm then holds back until the
//! server has acknowledged those, up to 40 ms later. So the option is set on a duplicate of the descriptor, which stands
//! for the same socket, and again and again as long as a connection is being made.

use std::{future::Future, time::Duration};

/// How often a connection that is being made is looked for.
const PATIENCE: Duration = Duration::from_millis(2);

/// Makes a connection whose messages leave at once, those of its handshake too.
pub(super) async fn connecting<T>(connect: impl Future<Output = T>) -> T {
    let mut connect = std::pin::pin!(connect);
    loop {
        let done = tokio::time::timeout(PATIENCE, &mut connect).await;
        send_at_once();
        if let Ok(connected) = done {
            return connected;
        }
    }
}

/// Sets TCP_NODELAY on the TCP connections of this process. Where the system has no way to, they stay slower and as they are.
#[cfg(target_os = "linux")]
fn send_at_once() {
    use rustix::process::{PidfdFlags, getpid, pidfd_open};
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else { return };
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return };
    // Only sockets: a process that closes any descriptor of a file loses all its locks on it, SQLite's among them.
    let is_socket = |path: &std::path::Path| {
        std::fs::read_link(path).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    let sockets = open.flatten().filter(|entry| is_socket(&entry.path()));
    for number in sockets.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        set_on(&own, number);
    }
}

#[cfg(target_os = "linux")]
fn set_on(own: &std::os::fd::OwnedFd, number: std::os::fd::RawFd) {
    use rustix::{fs::FileType, net::sockopt::set_tcp_nodelay, process::PidfdGetfdFlags};
    use std::os::fd::IntoRawFd as _;
    let Ok(duplicate) = rustix::process::pidfd_getfd(own, number, PidfdGetfdFlags::empty()) else { return };
    let is_socket =
        rustix::fs::fstat(&duplicate).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Socket);
    if is_socket {
        // A socket of another kind says so, and stays as it is.
        let _ = set_tcp_nodelay(&duplicate, true);
    } else {
        // The number went to a file in between. The duplicate is left open for the sake of that file's locks.
        let _ = duplicate.into_raw_fd();
    }
}

#[cfg(not(target_os = "linux"))]
fn send_at_once() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        net::{TcpListener, TcpStream},
        os::unix::fs::MetadataExt as _,
    };

    use super::*;

    #[test]
    fn an_open_connection_no_longer_waits_for_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(!stream.nodelay().unwrap());
        send_at_once();
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_connection_sends_at_once_while_it_is_being_made() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = connecting(async {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            while !stream.nodelay().unwrap() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stream
        });
        assert!(stream.await.nodelay().unwrap());
    }

    /// The locks of all processes on a file, as the kernel lists them.
    fn locks_on(path: &std::path::Path) -> usize {
        let file = format!(":{} ", std::fs::metadata(path).unwrap().ino());
        std::fs::read_to_string("/proc/locks").unwrap().lines().filter(|line| line.contains(&file)).count()
    }

    #[test]
    fn a_database_keeps_its_locks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locked.sqlite");
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute_batch("CREATE TABLE t (a); BEGIN EXCLUSIVE").unwrap();
        let held = locks_on(&path);
        assert!(held > 0);
        send_at_once();
        assert_eq!(locks_on(&path), held);
    }
}
