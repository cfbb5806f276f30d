//! Whether the account may do what a run does.
//!
//! May not change anything. One idea: the server is asked, never tried, so the answer costs nothing and leaves nothing.

use sqlx::{Row as _, postgres::PgConnection};

use crate::{
    endpoint::{Mark, Result},
    model::Table,
};

use super::{
    error::failure,
    sql::{TableName, ident},
};

const SERVER: &str = "
    SELECT pg_is_in_recovery() AS standby, current_user::text AS account, current_database()::text AS database";

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
           (SELECT relrowsecurity AND NOT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = place) AS filtered
    FROM named";

/// What the account may do in one place.
struct Rights {
    new_schema: bool,
    enter: Option<bool>,
    make: Option<bool>,
    add: Option<bool>,
    look: Option<bool>,
    filtered: Option<bool>,
}

pub(super) async fn permissions(
    connection: &mut PgConnection,
    schema: &str,
    create: bool,
    tables: &[Table],
) -> Result<Vec<String>> {
    let failed = |error| failure(error, "cannot look up the account's privileges");
    let row = sqlx::query(SERVER).fetch_one(&mut *connection).await.map_err(failed)?;
    let account: String = row.try_get("account").map_err(failed)?;
    let database: String = row.try_get("database").map_err(failed)?;
    let mut findings = Vec::new();
    if row.try_get("standby").map_err(failed)? {
        findings.push("The server is a standby and cannot be written; connect to its primary.".to_owned());
    }
    let marks = TableName::new(schema, Mark::TABLE);
    let names = tables.iter().map(|table| TableName::parse(&table.name, schema));
    for name in names.chain([marks.clone()]) {
        let rights = rights(connection, &name).await.map_err(failed)?;
        let asked =
            Asked { name: &name, account: ident(&account), database: ident(&database), display: name.display(schema) };
        findings.extend(asked.findings(&rights, create || name == marks));
    }
    findings.dedup();
    Ok(findings)
}

async fn rights(connection: &mut PgConnection, name: &TableName) -> sqlx::Result<Rights> {
    let row = sqlx::query(TABLE).bind(&name.schema).bind(&name.name).fetch_one(connection).await?;
    Ok(Rights {
        new_schema: row.try_get("new_schema")?,
        enter: row.try_get("enter")?,
        make: row.try_get("make")?,
        add: row.try_get("add")?,
        look: row.try_get("look")?,
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
    fn findings(&self, rights: &Rights, may_create: bool) -> Vec<String> {
        let Self { account, database, display, .. } = self;
        let (table, schema) = (self.name.quoted(), ident(&self.name.schema));
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
                let mut findings: Vec<String> = lacks
                    .map(|(_, right)| {
                        format!("The account lacks {right} on {display}: GRANT {right} ON {table} TO {account}.")
                    })
                    .collect();
                if rights.filtered == Some(true) {
                    findings.push(format!("Row security is on for {display}; load it as its owner or as a superuser."));
                }
                findings
            }
        }
    }
}
