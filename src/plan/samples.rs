//! Plans for this room's tests.

/// The design's own plan.
pub(super) const SAMPLE: &str = r#"[plan]
name = "Postgres to CredVault"
kind = "one-time"                      # one-time | scheduled | continuous

[source]
url = "postgres://migration_user@source-db.example.com/old_database"
password = { env = "OLD_DB_PASSWORD" } # env, file, command, keyring, or asked for

[destination]
url = "sqlite:credvault.db"

[run]
on_error = "ask"                       # ask | skip | stop | flag; the prompt starts on stop
parallel = 4

[[table]]
from = "customers"
to = "customers"
key = ["id"]
skip = ["internal_notes"]              # source columns left behind on purpose

[table.columns]                        # destination column = where it comes from
id = "customer_id"                     # a rename
user_email = { expr = "upper(email)" } # any SQL expression over the source columns
created_at = { expr = "parse_date(created_date, 'MM/DD/YYYY')" }
tier_code = { from = "customer_tier", type = "integer", values = { gold = 1, silver = 2 } }
name = { expr = "trim(name)", default = "unknown", check = "length(name) > 0" }
full_age = { expr = "date_part('year', run_date()) - birth_year" }
internal_tag = { skip = true }         # a destination column left unfilled on purpose
"#;
