//! A side's URL as the fields of a form, and back.

use url::Url;

use crate::model::System;

/// What the connection form holds, the password apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub system: System,
    pub host: String,
    pub port: String,
    pub database: String,
    pub username: String,
    /// For files.
    pub path: String,
    /// What follows the question mark, kept as it is.
    query: Option<String>,
}

impl Address {
    pub fn new(system: System) -> Self {
        let none = String::new;
        Self { system, host: none(), port: none(), database: none(), username: none(), path: none(), query: None }
            .with_default_port()
    }

    pub fn is_file(&self) -> bool {
        self.system.default_port().is_none()
    }

    /// Of a plan's URL; an empty PostgreSQL form for what is none.
    pub fn parse(text: &str) -> Self {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let system = match scheme {
            "mysql" | "mariadb" => System::Mysql,
            "sqlite" => System::Sqlite,
            "csv" => System::Csv,
            _ => System::Postgres,
        };
        let address = Self::new(system);
        if address.is_file() {
            return Self { path: rest.to_owned(), ..address };
        }
        let Ok(url) = Url::parse(text) else { return address };
        Self {
            host: url.host_str().map(decode).unwrap_or_default(),
            port: url.port().map_or(address.port.clone(), |port| port.to_string()),
            database: decode(url.path().trim_start_matches('/')),
            username: decode(url.username()),
            query: url.query().map(str::to_owned),
            ..address
        }
    }

    pub fn with_system(self, system: System) -> Self {
        Self { system, query: None, ..self }.with_default_port()
    }

    fn with_default_port(self) -> Self {
        Self { port: self.system.default_port().map(|port| port.to_string()).unwrap_or_default(), ..self }
    }

    /// The URL for the plan, or the first thing that is missing or wrong.
    pub fn url(&self) -> Result<String, &'static str> {
        let scheme = match self.system {
            System::Postgres => "postgres",
            System::Mysql => "mysql",
            System::Sqlite => "sqlite",
            System::Csv => "csv",
        };
        if self.is_file() {
            return if self.path.is_empty() { Err("Path is missing") } else { Ok(format!("{scheme}:{}", self.path)) };
        }
        if self.host.is_empty() {
            return Err("Host is missing");
        }
        if !matches!(self.port.parse::<u16>(), Ok(1..)) {
            return Err("Port must be 1 to 65535");
        }
        if self.database.is_empty() {
            return Err("Database is missing");
        }
        if matches!(self.database.as_str(), "." | "..") {
            return Err("Database cannot have that name");
        }
        let user = if self.username.is_empty() { String::new() } else { format!("{}@", encode(&self.username)) };
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let host = self.host.trim();
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        let port = self.port.parse::<u16>().ok().filter(|port| Some(*port) != self.system.default_port());
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let url = format!("{scheme}://{user}{host}{port}/{}{query}", encode(&self.database));
        Url::parse(&url).map(|_| url).map_err(|_| "Host is no host name")
    }
}

fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| tail.get(..2)).flatten();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
        bytes.push(escaped.unwrap_or(first));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_survive_the_form() {
        for url in [
            "postgres://migration_user@source-db.example.com/old_database",
            "postgres://db:6543/x?sslmode=disable",
            "mysql://a%40b@[::1]:3307/d%2Fb",
            "sqlite:credvault.db",
            "csv:data/in put",
        ] {
            assert_eq!(Address::parse(url).url().as_deref(), Ok(url));
        }
    }

    #[test]
    fn the_system_brings_its_port() {
        let address = Address::parse("postgres://u@h/d").with_system(System::Mysql);
        assert_eq!((address.port.as_str(), address.url().unwrap().as_str()), ("3306", "mysql://u@h/d"));
        assert_eq!(Address::parse("").port, "5432");
    }

    #[test]
    fn what_is_missing_is_named() {
        let address = Address::parse("postgres://u@h/d");
        assert_eq!(Address { port: "0".into(), ..address.clone() }.url(), Err("Port must be 1 to 65535"));
        assert_eq!(Address { port: "65536".into(), ..address.clone() }.url(), Err("Port must be 1 to 65535"));
        assert_eq!(Address { host: String::new(), ..address }.url(), Err("Host is missing"));
        assert_eq!(Address::new(System::Csv).url(), Err("Path is missing"));
    }

    proptest! {
        #[test]
        fn names_of_any_characters_survive(username in "\\PC{1,12}", database in "\\PC{1,12}") {
            let address = Address { host: "h".into(), username, database, ..Address::new(System::Postgres) };
            if let Ok(url) = address.url() {
                prop_assert_eq!(Address::parse(&url), address);
            }
        }
    }
}
