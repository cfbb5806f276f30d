//! Whether the account may do what a run does.
//!
//! One idea: grants come by user, role, wildcard and default in ways that differ between servers and releases. So they
//! are not read but asked about: preparing a statement checks the rights that running it would need, and changes
//! nothing.

use super::{
    connect::{Session, text_at},
    ddl, sql,
};
use crate::{
    endpoint::{ErrorKind, Mark, Result},
    model::Table,
};

/// Findings, each a sentence with its remedy.
pub(super) async fn permissions(session: &mut Session, create: bool, tables: &[Table]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let marks = ddl::marks_exist(session).await?;
    if (create || !marks) && !may_create(session).await? {
        let what = if create { "tables" } else { "the table of marks" };
        findings.push(format!("The account may not create {what}: GRANT CREATE, ALTER, REFERENCES ON {{db}}.*"));
    }
    let present: Vec<&str> =
        tables.iter().map(|table| table.name.as_str()).chain(marks.then_some(Mark::TABLE)).collect();
    for table in present {
        for (right, statement) in probes(table) {
            if is_denied(session, statement).await? {
                findings.push(format!(
                    "The account may not {} table {table}: GRANT {right} ON {{db}}.{}",
                    if right == "SELECT" { "read" } else { "write" },
                    sql::name(table)
                ));
            }
        }
    }
    findings.extend(engines(session, tables).await?);
    if findings.iter().any(|finding| finding.contains("{db}")) {
        let database = session.value("SELECT DATABASE()", &[]).await?.unwrap_or_default();
        let account = session.value("SELECT CURRENT_USER()", &[]).await?.unwrap_or_default();
        let account =
            account.rsplit_once('@').map(|(user, host)| format!("{}@{}", sql::quoted(user), sql::quoted(host)));
        let account = account.unwrap_or_else(|| "CURRENT_USER".into());
        for finding in &mut findings {
            if finding.contains("{db}") {
                *finding = format!("{} TO {account}.", finding.replace("{db}", &sql::name(&database)));
            }
        }
    }
    findings.extend(read_only(session).await?);
    Ok(findings)
}

fn probes(table: &str) -> [(&'static str, String); 2] {
    let name = sql::name(table);
    [("SELECT", format!("SELECT 1 FROM {name}")), ("INSERT", format!("INSERT INTO {name} () VALUES ()"))]
}

async fn may_create(session: &mut Session) -> Result<bool> {
    let probe = format!("CREATE TABLE {} (`a` int)", sql::name("whimbrel_probe"));
    Ok(!is_denied(session, probe).await?)
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
        (name == Mark::TABLE || tables.iter().any(|table| table.name == name)).then_some(message)
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
