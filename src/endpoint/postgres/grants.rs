//! Whether the account may do what a run does.
//!
//! May not change anything. One idea: the server is asked, never tried, so the answer costs nothing and leaves nothing.

use sqlx::{Row as _, postgres::PgConnection};

use crate::{
    endpoint::{EndpointError, Result},
    model::{Mode, Table},
};

use super::{
    error::failure,
    sql::{TableName, ident},
};

const SERVER: &str = "
    SELECT pg_is_in_recovery() AS standby, current_user::text AS account, current_database()::text AS database,
           has_database_privilege(current_database(), 'TEMPORARY') AS temporary";

/// Every answer is NULL where the thing asked about does not exist.
const TABLE: &str = "
    WITH named AS (
        SELECT (SELECT oid FROM pg_namespace WHERE nspname = $1) AS schema,
               (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')) AS place)
    SELECT has_database_privilege(current_database(), 'CREATE') AS new_schema,
           has_schema_privilege(schema, 'USAGE') AS enter,
           has_schema_privilege(schema, 'CREATE') AS make,
           has_table_privilege(place, 'INSERT') AS add,
           has_table_privilege(place, 'SELECT') AS look,
           has_table_privilege(place, 'UPDATE') AS change,
           has_table_privilege(place, 'TRUNCATE') AS clear,
           (SELECT relrowsecurity AND NOT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = place) AS filtered
    FROM named";

/// What the account may do in one place.
struct Rights {
    new_schema: bool,
    enter: Option<bool>,
    make: Option<bool>,
    add: Option<bool>,
    look: Option<bool>,
    change: Option<bool>,
    clear: Option<bool>,
    filtered: Option<bool>,
}

pub(super) async fn permissions(
    connection: &mut PgConnection,
    schema: &str,
    create: bool,
    tables: &[Table],
) -> Result<Vec<String>> {
    let who = Who::ask(connection).await.map_err(failed)?;
    let mut findings = Vec::new();
    if who.standby {
        findings.push("The server is a standby and cannot be written; connect to its primary.".to_owned());
    }
    for name in tables.iter().map(|table| TableName::parse(&table.name, schema)) {
        let rights = rights(connection, &name).await.map_err(failed)?;
        findings.extend(who.about(&name, schema).findings(&rights, create));
    }
    findings.dedup();
    Ok(findings)
}

/// Why marks cannot be kept in the place.
pub(super) async fn marks(connection: &mut PgConnection, schema: &str, name: &TableName) -> Result<Option<String>> {
    let who = Who::ask(connection).await.map_err(failed)?;
    let rights = rights(connection, name).await.map_err(failed)?;
    let findings = who.about(name, schema).findings(&rights, true);
    Ok(findings.into_iter().next())
}

/// What the mode takes beyond adding and reading rows.
pub(super) async fn lacks(
    connection: &mut PgConnection,
    name: &TableName,
    schema: &str,
    mode: Mode,
) -> Result<Vec<String>> {
    let who = Who::ask(connection).await.map_err(failed)?;
    let rights = rights(connection, name).await.map_err(failed)?;
    let asked = who.about(name, schema);
    let lacking = match mode {
        Mode::Insert => None,
        Mode::Upsert => (rights.change == Some(false)).then_some("UPDATE"),
        Mode::Replace => (rights.clear == Some(false)).then_some("TRUNCATE"),
    };
    let mut findings: Vec<String> = lacking.into_iter().map(|right| asked.lacks(right)).collect();
    if mode == Mode::Upsert && !who.temporary {
        let (database, account) = (&asked.database, &asked.account);
        findings.push(format!(
            "The account may not make temporary tables: GRANT TEMPORARY ON DATABASE {database} TO {account}."
        ));
    }
    Ok(findings)
}

fn failed(error: sqlx::Error) -> EndpointError {
    failure(error, "cannot look up the account's privileges")
}

struct Who {
    account: String,
    database: String,
    standby: bool,
    temporary: bool,
}

impl Who {
    async fn ask(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let row = sqlx::query(SERVER).fetch_one(connection).await?;
        Ok(Self {
            account: row.try_get("account")?,
            database: row.try_get("database")?,
            standby: row.try_get("standby")?,
            temporary: row.try_get("temporary")?,
        })
    }

    fn about<'t>(&self, name: &'t TableName, schema: &str) -> Asked<'t> {
        let (account, database) = (ident(&self.account), ident(&self.database));
        Asked { name, account, database, display: name.display(schema) }
    }
}

async fn rights(connection: &mut PgConnection, name: &TableName) -> sqlx::Result<Rights> {
    let row = sqlx::query(TABLE).bind(&name.schema).bind(&name.name).fetch_one(connection).await?;
    Ok(Rights {
        new_schema: row.try_get("new_schema")?,
        enter: row.try_get("enter")?,
        make: row.try_get("make")?,
        add: row.try_get("add")?,
        look: row.try_get("look")?,
        change: row.try_get("change")?,
        clear: row.try_get("clear")?,
        filtered: row.try_get("filtered")?,
    })
}

struct Asked<'t> {
    name: &'t TableName,
    account: String,
    database: String,
    display: String,
}

impl Asked<'_> {
    fn lacks(&self, right: &str) -> String {
        let (display, table, account) = (&self.display, self.name.quoted(), &self.account);
        format!("The account lacks {right} on {display}: GRANT {right} ON {table} TO {account}.")
    }

    fn findings(&self, rights: &Rights, may_create: bool) -> Vec<String> {
        let Self { account, database, display, .. } = self;
        let schema = ident(&self.name.schema);
        match rights {
            Rights { enter: Some(false), .. } => {
                vec![format!("The account may not use schema {schema}: GRANT USAGE ON SCHEMA {schema} TO {account}.")]
            }
            Rights { add: None, .. } if !may_create => {
                vec![format!("There is no table {display}; let the plan create it, or create it first.")]
            }
            Rights { add: None, make: Some(false), .. } => {
                vec![format!("The account may not create {display}: GRANT CREATE ON SCHEMA {schema} TO {account}.")]
            }
            Rights { add: None, make: None, new_schema: false, .. } => {
                vec![format!(
                    "The account may not create schema {schema}: GRANT CREATE ON DATABASE {database} TO {account}."
                )]
            }
            Rights { add: None, .. } => Vec::new(),
            _ => {
                let lacks = [(rights.add, "INSERT"), (rights.look, "SELECT")];
                let lacks = lacks.into_iter().filter(|(has, _)| *has == Some(false));
                let mut findings: Vec<String> = lacks.map(|(_, right)| self.lacks(right)).collect();
                if rights.filtered == Some(true) {
                    findings.push(format!("Row security is on for {display}; load it as its owner or as a superuser."));
                }
                findings
            }
        }
    }
}
