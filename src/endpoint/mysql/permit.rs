//! Whether the account may do what a run does.
//!
//! One idea: grants come by user, role, wildcard and default in ways that differ between servers and releases. So they
//! are not read but asked about: preparing a statement checks the rights that running it would need, and changes
//! nothing.

use super::{
    connect::{Session, text_at},
    marks,
    sql::{self, Place},
};
use crate::{
    endpoint::{ErrorKind, Result},
    model::{Mode, Table},
};

/// Findings, each a sentence with its remedy.
pub(super) async fn permissions(session: &mut Session, create: bool, tables: &[Table]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    if create && is_denied(session, probe_of_creating(&sql::name("whimbrel_probe"))).await? {
        findings.push("The account may not create tables: GRANT CREATE, ALTER, REFERENCES ON {db}.*".to_owned());
    }
    for table in tables {
        let name = sql::name(&table.name);
        findings.extend(denied(session, &table.name, &name, &probes(&name)).await?);
    }
    findings.extend(engines(session, tables).await?);
    let mut findings = addressed(session, findings).await?;
    findings.extend(read_only(session).await?);
    Ok(findings)
}

/// What the mode takes beyond adding and reading rows.
pub(super) async fn lacks(session: &mut Session, table: &str, mode: Mode) -> Result<Vec<String>> {
    let name = sql::name(table);
    let mut findings = Vec::new();
    match mode {
        Mode::Insert => {}
        Mode::Upsert => {
            let column = session.shown(format!("SHOW COLUMNS FROM {name}")).await?;
            let column = column.first().and_then(|row| text_at(row, 0)).unwrap_or_default();
            let update = format!("UPDATE {name} SET {0} = {0}", sql::name(&column));
            findings.extend(denied(session, table, &name, &[("UPDATE", update)]).await?);
            let temporary = format!("CREATE TEMPORARY TABLE {} (`a` int)", sql::name("whimbrel_probe"));
            if is_denied(session, temporary).await? {
                let finding = "The account may not make temporary tables: GRANT CREATE TEMPORARY TABLES ON {db}.*";
                findings.push(finding.to_owned());
            }
        }
        Mode::Replace => {
            let delete = format!("DELETE FROM {name}");
            findings.extend(denied(session, table, &name, &[("DELETE", delete)]).await?);
        }
    }
    addressed(session, findings).await
}

/// Why marks cannot be kept in the place.
pub(super) async fn marks(session: &mut Session, place: &Place) -> Result<Option<String>> {
    let name = place.quoted();
    let findings = if marks::exist(session, place).await? {
        denied(session, &place.to_string(), &name, &probes(&name)).await?
    } else if is_denied(session, marks::create(place)).await? {
        let on = place.database.as_ref().map_or_else(|| "{db}".to_owned(), |database| sql::name(database));
        vec![format!("The account may not create the table of marks: GRANT CREATE ON {on}.*{{}}")]
    } else {
        Vec::new()
    };
    Ok(addressed(session, findings).await?.into_iter().next())
}

/// What the probes that are denied would need.
async fn denied(
    session: &mut Session,
    table: &str,
    name: &str,
    probes: &[(&'static str, String)],
) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (right, statement) in probes {
        if is_denied(session, statement.clone()).await? {
            let act = if *right == "SELECT" { "read" } else { "write" };
            let on = if name.contains("`.`") { name.to_owned() } else { format!("{{db}}.{name}") };
            findings.push(format!("The account may not {act} table {table}: GRANT {right} ON {on}{{}}"));
        }
    }
    Ok(findings)
}

/// Remedies with the database and the account that they are about.
async fn addressed(session: &mut Session, mut findings: Vec<String>) -> Result<Vec<String>> {
    if findings.iter().any(|finding| is_open(finding)) {
        let database = session.value("SELECT DATABASE()", &[]).await?.unwrap_or_default();
        let account = session.value("SELECT CURRENT_USER()", &[]).await?.unwrap_or_default();
        let account =
            account.rsplit_once('@').map(|(user, host)| format!("{}@{}", sql::quoted(user), sql::quoted(host)));
        let account = account.unwrap_or_else(|| "CURRENT_USER".into());
        for finding in findings.iter_mut().filter(|finding| is_open(finding)) {
            let named = finding.replace("{db}", &sql::name(&database)).replace("{}", "");
            *finding = format!("{named} TO {account}.");
        }
    }
    Ok(findings)
}

/// Whether a finding still lacks whom it is about.
fn is_open(finding: &str) -> bool {
    finding.contains("{db}") || finding.ends_with("{}")
}

fn probes(name: &str) -> [(&'static str, String); 2] {
    [("SELECT", format!("SELECT 1 FROM {name}")), ("INSERT", format!("INSERT INTO {name} () VALUES ()"))]
}

fn probe_of_creating(name: &str) -> String {
    format!("CREATE TABLE {name} (`a` int)")
}

/// Only what the server says about rights counts; another complaint is left for when it matters.
async fn is_denied(session: &mut Session, statement: String) -> Result<bool> {
    match session.probe(statement).await {
        Err(error) if error.kind == ErrorKind::Permission => Ok(true),
        Err(error) if error.kind == ErrorKind::Lost => Err(error),
        _ => Ok(false),
    }
}

/// Tables whose engine cannot take a chunk back.
async fn engines(session: &mut Session, tables: &[Table]) -> Result<Vec<String>> {
    let rows = session
        .rows(
            "SELECT t.TABLE_NAME, t.ENGINE FROM information_schema.TABLES t JOIN information_schema.ENGINES e \
             ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' \
             AND COALESCE(e.TRANSACTIONS, 'NO') <> 'YES'",
            &[],
        )
        .await?;
    let finding = |row| {
        let (name, engine) = (text_at(row, 0)?, text_at(row, 1)?);
        let message = format!(
            "Table {name} is of engine {engine}, which has no transactions: ALTER TABLE {} ENGINE=InnoDB.",
            sql::name(&name)
        );
        (tables.iter().any(|table| table.name == name)).then_some(message)
    };
    Ok(rows.iter().filter_map(finding).collect())
}

async fn read_only(session: &mut Session) -> Result<Option<String>> {
    let set = session.value("SELECT CAST(@@global.read_only AS CHAR)", &[]).await?;
    Ok(set.filter(|set| !matches!(set.as_str(), "0" | "OFF")).map(|_| {
        "The server is read-only, as a replica is, and refuses all but privileged accounts: use the primary, or SET \
         GLOBAL read_only = 0."
            .into()
    }))
}
