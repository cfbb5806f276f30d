//! Why a connection fails: which step of it, and what was found on the way there.
//!
//! Opens nothing but a bare connection to the server's port. One idea: a name that resolves and a port that answers rule out
//! the network, so that whoever reads this knows which of them to ask: the network's people or the server's.

use std::{path::Path, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use url::Url;

use super::{EndpointError, ErrorKind};
use crate::plan::{Address, SidePlan, address};

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The steps of connecting to the side, each with what came of it; up to the one that `error` is about.
pub async fn examine(side: &SidePlan, base: &Path, error: &EndpointError) -> Vec<String> {
    let url = match address(&side.url, base) {
        Ok(Address::Postgres(url) | Address::Mysql(url)) => url,
        _ => return Vec::new(),
    };
    let Some((host, port)) = place(&url) else { return Vec::new() };
    let mut steps = Vec::new();
    let found = match timeout(PATIENCE, tokio::net::lookup_host((host.as_str(), port))).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(why)) => {
            steps.push(format!("✗ DNS: {host} is not known here: {why}"));
            return steps;
        }
        Err(_) => {
            steps.push(format!("✗ DNS: no answer about {host} within {} seconds", PATIENCE.as_secs()));
            return steps;
        }
    };
    let shown: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    steps.push(format!("✓ DNS: {host} is {}", shown.join(", ")));
    match timeout(PATIENCE, TcpStream::connect(found.as_slice())).await {
        Ok(Ok(_)) => steps.push(format!("✓ TCP: port {port} answers")),
        Ok(Err(why)) => {
            steps.push(format!(
                "✗ TCP: port {port}: {why}; the server does not run, listens elsewhere, or a firewall refuses"
            ));
            return steps;
        }
        Err(_) => {
            steps.push(format!(
                "✗ TCP: port {port} gives no answer within {} seconds, as behind a firewall",
                PATIENCE.as_secs()
            ));
            return steps;
        }
    }
    steps.extend(beyond(error));
    steps
}

/// The server answers: what it says no to.
fn beyond(error: &EndpointError) -> Vec<String> {
    let step = |words: &str| vec![words.to_owned()];
    match error.kind {
        ErrorKind::Tls => vec![format!("✗ TLS: {}", tls_part(&error.message))],
        ErrorKind::Authentication => step("✓ the server speaks\n✗ user and password: the server refuses them"),
        ErrorKind::NoDatabase => step("✓ user and password\n✗ database: the server has none of that name"),
        ErrorKind::Permission => step("✓ user and password\n✗ permission: this account may not connect there"),
        ErrorKind::Resources => step("✗ the server takes no further connection now"),
        ErrorKind::Timeout => {
            step("✗ the port answers and the server does not: it is overloaded, or something else listens there")
        }
        ErrorKind::Lost => step("✗ the server hung up: it may be starting or stopping, or speak another language"),
        _ => Vec::new(),
    }
    .iter()
    .flat_map(|lines| lines.lines().map(str::to_owned).collect::<Vec<_>>())
    .collect()
}

/// Which part of TLS failed, in words that say whose turn it is.
pub(super) fn tls_part(message: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["UnknownIssuer", "CaUsedAsEndEntity", "self-signed", "unknown issuer"]) {
        return "the certificate is signed by nobody whom this machine trusts; name the authority's file in the URL \
                (sslrootcert=FILE, for MySQL ssl-ca=FILE)";
    }
    if has(&["NotValidForName", "not valid for name"]) {
        return "the certificate is for another host name; connect by a name that it holds";
    }
    if has(&["Expired", "expired"]) {
        return "the certificate has expired; the server needs a new one";
    }
    if has(&["NotValidYet", "not valid yet"]) {
        return "the certificate is not valid yet; check the clocks of both machines";
    }
    if has(&["not support", "upgrade to TLS", "does not offer"]) {
        return "the server offers none; it must be set up there, or the URL must allow plain text (sslmode=disable)";
    }
    if has(&["BadSignature", "InvalidPurpose", "Revoked", "peer certificate"]) {
        return "the certificate does not hold what it should; the server needs another one";
    }
    "both ends cannot agree on a version or a cipher; the server may be too old"
}

/// Host and port; none for a socket.
fn place(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok()?;
    if url.query_pairs().any(|(key, _)| key == "socket" || key == "host") {
        return None;
    }
    let host = url.host_str().filter(|host| !host.is_empty() && !host.starts_with("%2F"))?;
    let port = url.port().unwrap_or(if url.scheme().starts_with("postgres") { 5432 } else { 3306 });
    Some((host.trim_matches(['[', ']']).to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_tls_that_failed_is_named() {
        for (message, words) in [
            ("invalid peer certificate: UnknownIssuer", "nobody whom"),
            ("invalid peer certificate: certificate not valid for name \"db\"", "another host name"),
            ("invalid peer certificate: Expired", "expired"),
            ("server does not support TLS", "offers none"),
            ("received fatal alert: HandshakeFailure", "version or a cipher"),
        ] {
            assert!(tls_part(message).contains(words), "{message}: {}", tls_part(message));
        }
    }

    #[test]
    fn only_a_host_and_port_can_be_looked_at_from_outside() {
        assert_eq!(place("postgres://u@db/d"), Some(("db".into(), 5432)));
        assert_eq!(place("mysql://u@[::1]:3307/d"), Some(("::1".into(), 3307)));
        assert_eq!(place("postgres://u@%2Fvar%2Frun/d"), None);
        assert_eq!(place("mysql://u@db/d?socket=/run/s"), None);
    }
}
