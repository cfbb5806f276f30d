//! Addresses, connections and what every session sets before it does anything.
//!
//! One idea: sqlx is not safe to cancel. A future dropped while it reads leaves half an answer on the wire, and the next
//! statement would take it for its own. So a [`Session`] knows whether it is in the middle of an answer, and refuses to
//! be used again when it was left there.

use std::{sync::Mutex, time::Duration};

use sqlx::{
    ConnectOptions, Connection, Decode, MySql, MySqlConnection, Row,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow, MySqlSslMode},
};
use tokio::time::timeout;
use url::Url;

use super::{
    error::{Complaint, sorted, sorted_connect},
    sql,
};
use crate::endpoint::{EndpointError, ErrorKind, Result, nodelay};

const PATIENCE: Duration = Duration::from_secs(10);

/// Unknown system variable: a server too old for what we would like to switch off.
const UNKNOWN_VARIABLE: u16 = 1193;

/// Where a server is and how to be let in.
#[derive(Clone)]
pub(super) struct Address {
    options: MySqlConnectOptions,
    /// `host:port` or the socket: what errors name.
    pub(super) place: String,
    /// What must resolve first; none for a socket.
    host: Option<(String, u16)>,
}

impl Address {
    pub(super) fn parse(address: &str, password: Option<&str>) -> Result<Self> {
        let url = Url::parse(address).map_err(|error| wrong(format!("it is no URL: {error}")))?;
        if !matches!(url.scheme(), "mysql" | "mariadb") {
            return Err(wrong("it must start with mysql:// or mariadb://"));
        }
        if url.username().is_empty() {
            return Err(wrong("it names no user: mysql://user@host/database"));
        }
        if url.path().trim_matches('/').is_empty() {
            return Err(wrong("it names no database: mysql://user@host/database"));
        }
        let mut bare = url.clone();
        bare.set_query(None);
        let options = MySqlConnectOptions::from_url(&bare).map_err(|_| wrong("a part of it is not valid UTF-8"))?;
        let host = url.host_str().unwrap_or("localhost").trim_matches(['[', ']']).to_owned();
        let port = url.port().unwrap_or(3306);
        let mut this =
            Self { options: options.host(&host), place: format!("{host}:{port}"), host: Some((host.clone(), port)) };
        this.apply_parameters(&url, is_loopback(&host))?;
        this.apply_password(password);
        Ok(this)
    }

    /// An empty password and none are different answers to the server, and the first is never meant.
    fn apply_password(&mut self, password: Option<&str>) {
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            self.options = self.options.clone().password(password);
        }
    }

    fn apply_parameters(&mut self, url: &Url, mut near: bool) -> Result<()> {
        let mut options = self.options.clone();
        let mut mode = None;
        for (key, value) in url.query_pairs() {
            match &*key {
                "ssl-mode" | "sslmode" => mode = Some(ssl_mode(&value)?),
                "ssl-ca" | "sslca" => options = options.ssl_ca(&*value),
                "ssl-cert" | "sslcert" => options = options.ssl_client_cert(&*value),
                "ssl-key" | "sslkey" => options = options.ssl_client_key(&*value),
                "socket" => {
                    options = options.socket(&*value);
                    self.place = value.into_owned();
                    self.host = None;
                    near = true;
                }
                other => return Err(wrong(format!("unknown option '{other}'"))),
            }
        }
        let default = if near { MySqlSslMode::Preferred } else { MySqlSslMode::VerifyIdentity };
        self.options = options
            .ssl_mode(mode.unwrap_or(default))
            // All of this is set by `prepare`, once and for both servers alike.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None::<String>)
            .set_names(false)
            // Statements hold key values, which belong in no log.
            .disable_statement_logging();
        Ok(())
    }

    /// Whether the server is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.host.as_ref().is_none_or(|(host, _)| is_loopback(host))
    }

    pub(super) async fn connect(&self, role: Role) -> Result<Session> {
        let attempt = async {
            self.resolve().await?;
            nodelay::connecting(self.options.connect()).await.map_err(|error| sorted_connect(&self.place, error))
        };
        let late = |_| {
            let message = format!("no answer within {} seconds", PATIENCE.as_secs());
            EndpointError::new(ErrorKind::Timeout, format!("cannot connect to {}", self.place), message)
        };
        let connection = timeout(PATIENCE, attempt).await.map_err(late)??;
        let mut session = Session { connection, whole: true, id: 0, flavour: Flavour::Mysql };
        session.prepare(role).await.map_err(|error| error.during(format!("cannot connect to {}", self.place)))?;
        Ok(session)
    }

    async fn resolve(&self) -> Result<()> {
        let Some((host, port)) = &self.host else { return Ok(()) };
        match tokio::net::lookup_host((host.as_str(), *port)).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let context = format!("cannot connect to {}", self.place);
                Err(EndpointError::new(ErrorKind::Name, context, error.to_string()))
            }
        }
    }
}

fn wrong(message: impl Into<String>) -> EndpointError {
    EndpointError::new(ErrorKind::Address, "cannot read the MySQL address", message)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn ssl_mode(value: &str) -> Result<MySqlSslMode> {
    Ok(match value.to_ascii_lowercase().replace('-', "_").as_str() {
        "disabled" | "disable" => MySqlSslMode::Disabled,
        "preferred" | "prefer" => MySqlSslMode::Preferred,
        "required" | "require" => MySqlSslMode::Required,
        "verify_ca" => MySqlSslMode::VerifyCa,
        "verify_identity" | "verify_full" => MySqlSslMode::VerifyIdentity,
        _ => {
            let known = "disabled, preferred, required, verify_ca, verify_identity";
            return Err(wrong(format!("unknown ssl-mode '{value}'; known are {known}")));
        }
    })
}

/// Two servers that share a wire and, mostly, a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    Mysql,
    Mariadb,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Looks at catalogs and rows; text arrives in the character set it is stored in.
    Look {
        read_only: bool,
    },
    Write,
}

impl Role {
    /// Strict for a writer: a value that does not fit is an error and an id of 0 stays 0. But a date that another such
    /// server holds is taken, be it on a calendar or not: whoever has one as text was refused before. Lax for a reader, since
    /// strictness only keeps it from comparing a key with the zero date that the table holds.
    fn sql_mode(self) -> &'static str {
        match self {
            Self::Look { .. } => "NO_ENGINE_SUBSTITUTION",
            Self::Write => {
                "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,\
                 ALLOW_INVALID_DATES"
            }
        }
    }
}

/// One connection, prepared.
pub(super) struct Session {
    connection: MySqlConnection,
    /// No answer is left half read.
    whole: bool,
    /// The server's number for this connection.
    pub(super) id: u64,
    pub(super) flavour: Flavour,
}

impl Session {
    async fn prepare(&mut self, role: Role) -> Result<()> {
        self.execute(format!(
            "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '{}', wait_timeout = 604800, net_read_timeout = 3600, \
             net_write_timeout = 3600, lock_wait_timeout = 60, sql_select_limit = 18446744073709551615, sql_big_selects = 1, \
             sql_auto_is_null = 0, sql_safe_updates = 0, sql_notes = 1, foreign_key_checks = 1, unique_checks = 1, \
             autocommit = 1",
            role.sql_mode()
        ))
        .await?;
        let facts = self.rows("SELECT VERSION(), CAST(CONNECTION_ID() AS CHAR)", &[]).await?;
        let fact = |index| facts.first().and_then(|row| text_at(row, index)).unwrap_or_default();
        self.id = fact(1).parse().unwrap_or(0);
        self.flavour = if fact(0).contains("MariaDB") { Flavour::Mariadb } else { Flavour::Mysql };
        self.lift_limits().await?;
        if let Role::Look { read_only } = role {
            self.execute("SET character_set_results = NULL").await?;
            if read_only {
                self.execute("SET SESSION TRANSACTION READ ONLY").await?;
            }
        }
        Ok(())
    }

    /// A reader may stream for hours, a writer may wait for a human: no clock of the server ends either.
    async fn lift_limits(&mut self) -> Result<()> {
        let limits: &[&str] = match self.flavour {
            Flavour::Mariadb => {
                &["max_statement_time", "idle_transaction_timeout", "idle_readonly_transaction_timeout"]
            }
            Flavour::Mysql => &["max_execution_time", "information_schema_stats_expiry"],
        };
        for limit in limits {
            match self.execute(format!("SET SESSION {limit} = 0")).await {
                Err(error) if error.code.as_deref() == Some(&UNKNOWN_VARIABLE.to_string()) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Marks the beginning of an answer; [`Session::answered`] marks its end.
    pub(super) fn asking(&mut self) -> Result<&mut MySqlConnection> {
        if !self.whole {
            return Err(EndpointError::new(
                ErrorKind::Lost,
                "the connection cannot be used any more",
                "it was left in the middle of an answer",
            ));
        }
        self.whole = false;
        Ok(&mut self.connection)
    }

    /// Ends an answer: after a complaint of the server the connection is as good as before.
    pub(super) fn answered(&mut self, error: Option<&sqlx::Error>) {
        self.whole = error.is_none_or(|error| error.as_database_error().is_some());
    }

    /// Runs a statement as text, without parameters.
    pub(super) async fn execute(&mut self, statement: impl Into<String>) -> Result<()> {
        let connection = self.asking()?;
        let outcome = sqlx::raw_sql(sql::vouched(statement)).execute(connection).await;
        self.answered(outcome.as_ref().err());
        outcome.map(drop).map_err(|error| sorted("the server refused a statement", error))
    }

    /// All rows of a small answer.
    pub(super) async fn rows(&mut self, statement: impl Into<String>, binds: &[&str]) -> Result<Vec<MySqlRow>> {
        let connection = self.asking()?;
        // What takes parameters comes again and again. Closing a prepared statement costs 40 ms on a connection that
        // delays small packets, and a catalog takes several a table.
        let mut query = sqlx::query(sql::vouched(statement)).persistent(!binds.is_empty());
        for bind in binds {
            query = query.bind(*bind);
        }
        let outcome = query.fetch_all(connection).await;
        self.answered(outcome.as_ref().err());
        outcome.map_err(|error| sorted("the server refused a query", error))
    }

    /// All rows of an answer as text, for statements that servers do not prepare.
    pub(super) async fn shown(&mut self, statement: impl Into<String>) -> Result<Vec<MySqlRow>> {
        let connection = self.asking()?;
        let outcome = sqlx::raw_sql(sql::vouched(statement)).fetch_all(connection).await;
        self.answered(outcome.as_ref().err());
        outcome.map_err(|error| sorted("the server refused a query", error))
    }

    /// The first cell of the first row, as text.
    pub(super) async fn value(&mut self, statement: impl Into<String>, binds: &[&str]) -> Result<Option<String>> {
        Ok(self.rows(statement, binds).await?.first().and_then(|row| text_at(row, 0)))
    }

    /// Has the server look at a statement without running it: names and rights are checked.
    pub(super) async fn probe(&mut self, statement: String) -> Result<()> {
        use sqlx::{Executor as _, SqlSafeStr as _};
        let connection = self.asking()?;
        let outcome = connection.prepare(sql::vouched(statement).into_sql_str()).await;
        self.answered(outcome.as_ref().err());
        outcome.map(drop).map_err(|error| sorted("the server refused a statement", error))
    }

    /// Runs a prepared statement; `kept` keeps it prepared. Returns the rows it took, or the server's complaint.
    pub(super) async fn run(
        &mut self,
        statement: &str,
        arguments: MySqlArguments,
        kept: bool,
    ) -> Result<std::result::Result<u64, Complaint>> {
        let connection = self.asking()?;
        let query = sqlx::query_with(sql::vouched(statement), arguments).persistent(kept);
        let outcome = query.execute(connection).await;
        self.answered(outcome.as_ref().err());
        match outcome {
            Ok(done) => Ok(Ok(done.rows_affected())),
            Err(error) => match Complaint::of(&error) {
                Some(complaint) => Ok(Err(complaint)),
                None => Err(sorted("the connection failed", error)),
            },
        }
    }

    /// Reads what is left of an answer whose stream was dropped, until the connection is quiet. What the server says
    /// about having been interrupted is expected here.
    pub(super) async fn quiet(&mut self) -> Result<()> {
        let mut last = None;
        for _ in 0..3 {
            match sqlx::raw_sql("DO 0").execute(&mut self.connection).await {
                Ok(_) => {
                    self.whole = true;
                    return Ok(());
                }
                Err(error) if error.as_database_error().is_some() => last = Some(error),
                Err(error) => return Err(sorted("the connection failed", error)),
            }
        }
        Err(last.map_or_else(
            || EndpointError::new(ErrorKind::Lost, "the connection failed", "it never became quiet"),
            |error| sorted("the connection failed", error),
        ))
    }

    async fn is_alive(&mut self) -> bool {
        self.whole && timeout(PATIENCE, self.connection.ping()).await.is_ok_and(|outcome| outcome.is_ok())
    }
}

/// Sessions that wait for the next question, so that looking at a hundred tables does not connect a hundred times.
#[derive(Default)]
pub(super) struct Idle(Mutex<Vec<Session>>);

impl Idle {
    const KEPT: usize = 2;

    pub(super) async fn take(&self) -> Option<Session> {
        loop {
            let mut session = self.0.lock().ok()?.pop()?;
            if session.is_alive().await {
                return Some(session);
            }
        }
    }

    /// Takes a session back. One that is not whole, or one too many, is closed.
    pub(super) fn keep(&self, mut session: Session) {
        // After a very large value it would keep as much room for the next.
        session.connection.shrink_buffers();
        if let Ok(mut idle) = self.0.lock()
            && session.whole
            && idle.len() < Self::KEPT
        {
            idle.push(session);
        }
    }
}

/// A cell's bytes as they came; NULL is `None`. sqlx's own test for NULL takes zero dates for one, so it is not asked.
pub(super) fn bytes_at(row: &MySqlRow, index: usize) -> Option<&[u8]> {
    let value = row.try_get_raw(index).ok()?;
    <&[u8] as Decode<MySql>>::decode(value).ok()
}

/// A cell of a catalog query that gives text.
pub(super) fn text_at(row: &MySqlRow, index: usize) -> Option<String> {
    bytes_at(row, index).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> String {
        let address = Address::parse(url, None).unwrap();
        let url = address.options.to_url_lossy();
        url.query_pairs().find(|(key, _)| key == "ssl-mode").unwrap().1.into_owned()
    }

    #[test]
    fn only_near_servers_may_speak_in_the_clear() {
        assert_eq!(mode("mysql://u@127.0.0.1/d"), "PREFERRED");
        assert!(is_loopback("::1") && !is_loopback("10.0.0.1"));
        assert_eq!(mode("mariadb://u@localhost/d"), "PREFERRED");
        assert_eq!(mode("mysql://u@db.example.com/d"), "VERIFY_IDENTITY");
        assert_eq!(mode("mysql://u@db.example.com/d?ssl-mode=required"), "REQUIRED");
        assert_eq!(mode("mysql://u@db.example.com/d?sslmode=disable"), "DISABLED");
        assert_eq!(mode("mysql://u@db.example.com/d?socket=/run/s.sock"), "PREFERRED");
    }

    #[test]
    fn an_address_of_version_6_loses_its_brackets() {
        let address = Address::parse("mysql://u@[::1]:3307/d", None).unwrap();
        assert_eq!(address.host, Some(("::1".into(), 3307)));
    }

    #[test]
    fn a_wrong_address_says_what_is_wrong() {
        for (url, words) in [
            ("nonsense", "no URL"),
            ("postgres://u@h/d", "mysql://"),
            ("mysql://h/d", "no user"),
            ("mysql://u@h/", "no database"),
            ("mysql://u@h/d?ssl-mode=maybe", "unknown ssl-mode"),
            ("mysql://u@h/d?colour=red", "unknown option 'colour'"),
        ] {
            let error = Address::parse(url, Some("hidden")).err().unwrap();
            assert_eq!(error.kind, ErrorKind::Address);
            assert!(error.to_string().contains(words), "{url}: {error}");
            assert!(!error.to_string().contains("hidden"));
        }
    }
}
