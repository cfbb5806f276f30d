//! Which system a side's URL names, and where.

use std::path::{Path, PathBuf};

use url::Url;

use super::{PlanError, suggest::did_you_mean};
use crate::model::System;

/// A side's URL, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `postgres://...`, without a password.
    Postgres(String),
    /// `mysql://...`, without a password.
    Mysql(String),
    Sqlite(PathBuf),
    /// A folder of files, or one file.
    Csv(PathBuf),
}

impl Address {
    pub fn system(&self) -> System {
        match self {
            Self::Postgres(_) => System::Postgres,
            Self::Mysql(_) => System::Mysql,
            Self::Sqlite(_) => System::Sqlite,
            Self::Csv(_) => System::Csv,
        }
    }
}

const SCHEMES: [&str; 6] = ["postgres", "postgresql", "mysql", "mariadb", "sqlite", "csv"];
const SECRET_OPTIONS: [&str; 5] = ["password", "passwd", "pwd", "pass", "sslpassword"];

/// Understands a side's URL. `sqlite:PATH`, `sqlite://PATH` and the same with `csv` take a path as it is: relative ones
/// are relative to `base`, the plan's folder, and `~` is not expanded. Servers need `SCHEME://[USER@]HOST[:PORT]/DATABASE`.
/// A password in the URL is refused. No message repeats the URL.
pub fn address(url: &str, base: &Path) -> Result<Address, PlanError> {
    let Some((scheme, rest)) = url.split_once(':') else {
        let known = SCHEMES.join(", ");
        return Err(PlanError::Address(format!("the URL says no system; begin it with one of {known} and a colon")));
    };
    match scheme {
        "postgres" | "postgresql" => server("postgres", url, rest).map(Address::Postgres),
        "mysql" | "mariadb" => server("mysql", url, rest).map(Address::Mysql),
        "sqlite" => file("sqlite", rest, base).map(Address::Sqlite),
        "csv" => file("csv", rest, base).map(Address::Csv),
        _ => Err(unknown_scheme(scheme)),
    }
}

fn unknown_scheme(scheme: &str) -> PlanError {
    let hint = did_you_mean(scheme, SCHEMES);
    let plain = scheme.len() <= 12 && scheme.chars().all(|c| c.is_ascii_lowercase()) && !hint.is_empty();
    let named = if plain { format!("'{scheme}' is no known system{hint}") } else { "no known system".to_owned() };
    PlanError::Address(format!("{named}; allowed are {}", SCHEMES.join(", ")))
}

fn server(scheme: &str, url: &str, rest: &str) -> Result<String, PlanError> {
    if holds_password(url, rest) {
        return Err(PlanError::Address(
            "a password may not stand in the URL; take it out and write password = { env = \"NAME\" }".into(),
        ));
    }
    let form =
        || PlanError::Address(format!("not a URL of the form {scheme}://user@host:port/database; check host and port"));
    let parsed = Url::parse(url).map_err(|_| form())?;
    let names_host = parsed.has_host() && parsed.host_str().is_some_and(|host| !host.is_empty());
    let by_socket = parsed.query_pairs().any(|(key, _)| key == "host" || key == "socket");
    if !rest.starts_with("//") || !(names_host || by_socket) {
        return Err(form());
    }
    Ok(format!("{scheme}:{rest}"))
}

/// Errs on the side of finding one: in a URL that does not parse, any colon before an `@` counts.
fn holds_password(url: &str, rest: &str) -> bool {
    match Url::parse(url) {
        Ok(parsed) => {
            let secret = |key: &str| SECRET_OPTIONS.contains(&key.to_ascii_lowercase().as_str());
            parsed.password().is_some() || parsed.query_pairs().any(|(key, _)| secret(&key))
        }
        Err(_) => rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')),
    }
}

fn file(scheme: &str, rest: &str, base: &Path) -> Result<PathBuf, PlanError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let refuse = |message: String| Err(PlanError::Address(message));
    if path.is_empty() {
        return refuse(format!("the URL names no file; write {scheme}:PATH"));
    }
    if scheme == "sqlite" && path.starts_with(":memory:") {
        return refuse("a database in memory is gone when the run ends; name a file".into());
    }
    if let Some((path, _)) = path.split_once('?').filter(|(_, options)| options.contains('=')) {
        return refuse(format!("a {scheme} URL takes no options; write {scheme}:{path}"));
    }
    Ok(base.join(path))
}

/// The URL with its password taken out, in case somebody gave one; for anything that is written down.
pub fn without_password(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.to_owned() };
    let secret = |key: &str| SECRET_OPTIONS.contains(&key.to_ascii_lowercase().as_str());
    let options: Vec<(String, String)> = parsed.query_pairs().into_owned().filter(|(key, _)| !secret(key)).collect();
    let drops_option = parsed.query_pairs().count() != options.len();
    if parsed.password().is_none() && !drops_option {
        return url.to_owned();
    }
    let _ = parsed.set_password(None);
    if drops_option {
        parsed.set_query(None);
    }
    if drops_option && !options.is_empty() {
        parsed.query_pairs_mut().extend_pairs(options);
    }
    parsed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<Address, String> {
        address(url, Path::new("/plans")).map_err(|error| error.to_string())
    }

    #[test]
    fn each_form_is_understood() {
        let path = PathBuf::from;
        for (url, expected) in [
            ("postgres://u@h:5433/d", Address::Postgres("postgres://u@h:5433/d".into())),
            ("postgresql://h/d?sslmode=require", Address::Postgres("postgres://h/d?sslmode=require".into())),
            ("postgres:///d?host=/run/postgresql", Address::Postgres("postgres:///d?host=/run/postgresql".into())),
            ("mysql://root@h/d", Address::Mysql("mysql://root@h/d".into())),
            ("mariadb://root@h/d", Address::Mysql("mysql://root@h/d".into())),
            ("sqlite:a/b.db", Address::Sqlite(path("/plans/a/b.db"))),
            ("sqlite://b.db", Address::Sqlite(path("/plans/b.db"))),
            ("sqlite:///abs/b.db", Address::Sqlite(path("/abs/b.db"))),
            ("sqlite:/abs/b.db", Address::Sqlite(path("/abs/b.db"))),
            ("sqlite:~/b.db", Address::Sqlite(path("/plans/~/b.db"))),
            ("csv:in", Address::Csv(path("/plans/in"))),
            ("csv:../what now?.csv", Address::Csv(path("/plans/../what now?.csv"))),
        ] {
            assert_eq!(at(url), Ok(expected), "{url}");
        }
        assert_eq!(at("mariadb://h/d").unwrap().system(), System::Mysql);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        for (url, part) in [
            ("", "says no system"),
            ("credvault.db", "says no system"),
            ("postgre://h/d", "did you mean 'postgres'?"),
            ("oracle://h/d", "allowed are postgres, postgresql"),
            ("postgres:h/d", "not a URL of the form postgres://"),
            ("postgres://", "not a URL of the form"),
            ("mysql://h:99999/d", "check host and port"),
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "in memory"),
            ("sqlite:a.db?mode=ro", "write sqlite:a.db"),
        ] {
            let error = at(url).unwrap_err();
            assert!(error.contains(part), "{url}: {error}");
        }
    }

    #[test]
    fn no_password_passes_and_none_is_repeated() {
        for url in [
            "postgres://u:s3cret@h/d",
            "postgres://u:s3cret/x@h/d",
            "mysql://:s3cret@h/d",
            "postgres://u@h/d?password=s3cret",
            "postgres://u:s3cret@h:99999/d",
            "u:s3cret@h/d",
            "s3cret:u@h",
        ] {
            let error = at(url).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
            if url.contains("://") {
                assert!(error.contains("password = { env"), "{error}");
            }
        }
    }

    #[test]
    fn a_password_can_be_taken_out() {
        assert_eq!(without_password("postgres://u:p@h:1/d?a=b"), "postgres://u@h:1/d?a=b");
        assert_eq!(without_password("postgres://u@h/d?password=p&a=b"), "postgres://u@h/d?a=b");
        assert_eq!(without_password("postgres://u@h/d?password=p"), "postgres://u@h/d");
        assert_eq!(without_password("sqlite:x y.db"), "sqlite:x y.db");
    }
}
