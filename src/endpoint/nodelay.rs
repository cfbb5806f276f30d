//! Small messages leave at once.
//!
//! May not know a protocol. One idea: sqlx opens its TCP connections without TCP_NODELAY and hands none of them out, and a
//! COPY ends with a few bytes behind its data, which Nagle's algorithm then holds back until the server has acknowledged
//! that data, up to 40 ms later. So the option is set on a duplicate of the descriptor, which stands for the same socket.

/// Sets TCP_NODELAY on the TCP connections of this process. Where the system has no way to, they stay slower and as they are.
#[cfg(target_os = "linux")]
pub(super) fn send_at_once() {
    use rustix::{
        net::sockopt::set_tcp_nodelay,
        process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
    };
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else { return };
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return };
    for descriptor in open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        if let Ok(duplicate) = pidfd_getfd(&own, descriptor, PidfdGetfdFlags::empty()) {
            // What is no TCP socket says so, and stays as it is.
            let _ = set_tcp_nodelay(&duplicate, true);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn send_at_once() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn an_open_connection_no_longer_waits_for_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(!stream.nodelay().unwrap());
        super::send_at_once();
        assert!(stream.nodelay().unwrap());
    }
}
