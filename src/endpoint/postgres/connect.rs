//! The address, and sessions on it.
//!
//! May not know any table. One idea: sessions are opened on demand and kept in a small stack instead of a bounded pool,
//! so that no number of tables at work can wait for each other; one that was not given back is closed by being dropped.

use std::{net::IpAddr, str::FromStr as _, sync::Mutex, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgConnection, PgSslMode},
};
use url::Url;

use crate::endpoint::{EndpointError, ErrorKind, Result, nodelay};

use super::{error, sql};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEPT_IDLE: usize = 4;

/// What an address may say after `?`.
const OPTIONS: &[&str] =
    &["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "hostaddr", "port", "dbname", "user", "password"];

/// Where the server is and how to get in; the secret in it never leaves.
struct Address {
    options: PgConnectOptions,
    /// `host:port`, for messages.
    place: String,
    /// It is on this machine.
    local: bool,
}

impl Address {
    fn parse(text: &str, password: Option<&str>) -> Result<Self> {
        let url = Url::parse(text).map_err(|error| misstated(error.to_string()))?;
        check_form(&url)?;
        let options = PgConnectOptions::from_str(url.as_str())
            .map_err(|_| misstated("a port, sslmode or file name in it has a wrong form".into()))?;
        let host = options.get_host().trim_matches(['[', ']']).to_owned();
        let socket = options.get_socket().map(|path| path.display().to_string());
        let place = format!("{}:{}", socket.as_deref().unwrap_or(&host), options.get_port());
        let local = socket.is_some() || is_local(&host);
        let mut options = options
            .host(&host)
            .application_name("whimbrel")
            .extra_float_digits(None)
            .ssl_mode(ssl_mode(&url, local)?)
            .disable_statement_logging();
        if let Some(password) = password {
            options = options.password(password);
        }
        Ok(Self { options, place, local })
    }

    fn context(&self) -> String {
        format!("cannot connect to {}", self.place)
    }
}

fn misstated(message: String) -> EndpointError {
    EndpointError::new(ErrorKind::Address, "cannot use the PostgreSQL address", message)
}

fn check_form(url: &Url) -> Result<()> {
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(misstated(format!("'{}' is not postgres:// or postgresql://", url.scheme())));
    }
    match url.query_pairs().find(|(key, _)| !OPTIONS.contains(&key.as_ref())) {
        Some((key, _)) => Err(misstated(format!("unknown option '{key}'; known are {}", OPTIONS.join(", ")))),
        None => Ok(()),
    }
}

/// What the address says; else a local server may speak plain text and any other must prove who it is.
fn ssl_mode(url: &Url, local: bool) -> Result<PgSslMode> {
    match url.query_pairs().find(|(key, _)| key == "sslmode") {
        Some((_, mode)) => mode.parse().map_err(|_| misstated(format!("unknown sslmode '{mode}'"))),
        None if local => Ok(PgSslMode::Prefer),
        None => Ok(PgSslMode::VerifyFull),
    }
}

fn is_local(host: &str) -> bool {
    host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What every session runs with, so that a value reads the same whatever the server's or the role's settings are.
/// Row security is off so that a policy makes an error of what it would otherwise silently leave out, and scans start
/// at the first page so that reading a range again gives the same order. A lock that somebody else holds is waited for
/// a minute and no longer, so that whoever waits can be told of it.
const SETTINGS: &str = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; \
     SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmloption = 'content'; \
     SET standard_conforming_strings = on; SET client_min_messages = error; \
     SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET lock_timeout = '60s'; \
     SET row_security = off; SET synchronize_seqscans = off; SET tcp_keepalives_idle = 60;";

/// Opens sessions and keeps a few that have nothing to do.
pub(super) struct Sessions {
    address: Address,
    read_only: bool,
    idle: Mutex<Vec<PgConnection>>,
}

impl Sessions {
    pub(super) fn new(url: &str, password: Option<&str>, read_only: bool) -> Result<Self> {
        Ok(Self { address: Address::parse(url, password)?, read_only, idle: Mutex::default() })
    }

    pub(super) fn is_local(&self) -> bool {
        self.address.local
    }

    /// A session of the caller's own.
    pub(super) async fn open(&self) -> Result<PgConnection> {
        let timed = tokio::time::timeout(CONNECT_TIMEOUT, self.establish()).await;
        timed.unwrap_or_else(|_| {
            let message = format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs());
            Err(EndpointError::new(ErrorKind::Timeout, self.address.context(), message))
        })
    }

    async fn establish(&self) -> Result<PgConnection> {
        let failed = |error| error::failure(error, self.address.context());
        let mut connection = nodelay::connecting(self.address.options.connect()).await.map_err(failed)?;
        let mut settings = SETTINGS.to_owned();
        if connection.server_version_num().is_some_and(|version| version >= 140_000) {
            settings.push_str("SET idle_session_timeout = 0;");
        }
        if self.read_only {
            settings.push_str("SET default_transaction_read_only = on;");
        }
        sql::run(&mut connection, &settings).await.map_err(failed)?;
        Ok(connection)
    }

    /// An idle session that still answers, else a new one. Give it back when it is between transactions.
    pub(super) async fn take(&self) -> Result<PgConnection> {
        while let Some(mut connection) = self.pop() {
            let alive = tokio::time::timeout(CONNECT_TIMEOUT, connection.ping()).await;
            if matches!(alive, Ok(Ok(()))) {
                return Ok(connection);
            }
        }
        self.open().await
    }

    fn pop(&self) -> Option<PgConnection> {
        self.idle.lock().ok()?.pop()
    }

    pub(super) fn give_back(&self, connection: PgConnection) {
        if let Ok(mut idle) = self.idle.lock()
            && idle.len() < KEPT_IDLE
        {
            idle.push(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> PgSslMode {
        Address::parse(url, None).unwrap().options.get_ssl_mode()
    }

    #[test]
    fn only_a_local_server_may_speak_plain_text_unasked() {
        for url in [
            "postgres://u@localhost/d",
            "postgresql://u@127.0.0.1:5433/d",
            "postgres://u@[::1]/d",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/d",
            "postgres:///d?host=/tmp",
        ] {
            assert!(matches!(mode(url), PgSslMode::Prefer), "{url}");
        }
        for url in ["postgres://u@db.example.com/d", "postgres://u@10.0.0.1/d", "postgres://u@localhost.evil.example/d"]
        {
            assert!(matches!(mode(url), PgSslMode::VerifyFull), "{url}");
        }
        assert!(matches!(mode("postgres://u@db.example.com/d?sslmode=disable"), PgSslMode::Disable));
    }

    #[test]
    fn an_address_of_a_wrong_form_says_so_without_its_secret() {
        for url in [
            "mysql://u:hush@h/d",
            "postgres://u:hush@h/d?sslmode=maybe",
            "postgres://u:hush@h/d?slmode=require",
            "postgres://u:hush@h:99999/d",
            "hush",
        ] {
            let error = Address::parse(url, Some("hush")).err().unwrap();
            assert_eq!(error.kind, ErrorKind::Address, "{url}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn the_place_is_host_and_port() {
        assert_eq!(Address::parse("postgres://u@[::1]:5433/d", None).unwrap().place, "::1:5433");
        assert_eq!(Address::parse("postgres://u:hush@h/d", None).unwrap().place, "h:5432");
    }
}
