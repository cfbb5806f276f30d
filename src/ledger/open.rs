//! Where the ledger lives, and who may use it.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{LedgerError, Result, Seal, schema};
use crate::model::hex;

/// An open ledger. Cheap to clone; all clones share one connection, so that writes come one after another.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) pool: SqlitePool,
    folder: PathBuf,
    seal: Option<Seal>,
}

/// Held while a process runs a plan; released when dropped, or when the process dies.
#[derive(Debug)]
pub struct PlanLock {
    _file: File,
}

/// `$XDG_STATE_HOME/whimbrel`, else `~/.local/state/whimbrel`.
pub fn default_state_folder() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("whimbrel"))
        .ok_or(LedgerError::NoHome)
}

impl Ledger {
    /// Opens the ledger in `folder`, making both where they are not there: the folder 0700, the files 0600.
    pub async fn open(folder: &Path) -> Result<Self> {
        private_folder(folder)?;
        let path = folder.join("ledger.sqlite");
        private_file(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(std::time::Duration::from_secs(10))
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        let ledger = Self { pool, folder: folder.to_owned(), seal: None };
        ledger.migrate().await?;
        Ok(ledger)
    }

    /// The same, with a key that its audit trail is signed with.
    pub fn sealed(mut self, seal: Option<Seal>) -> Self {
        self.seal = seal;
        self
    }

    pub(super) fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    async fn migrate(&self) -> Result<()> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let found: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *transaction).await?.get(0);
        if found > schema::VERSION {
            return Err(LedgerError::Newer { found, known: schema::VERSION });
        }
        if found == 0 {
            sqlx::raw_sql(schema::CREATE).execute(&mut *transaction).await?;
        }
        if found < 2 {
            sqlx::raw_sql(schema::TO_2).execute(&mut *transaction).await?;
        }
        if found < 3 {
            sqlx::raw_sql(schema::TO_3).execute(&mut *transaction).await?;
        }
        if found < 4 {
            sqlx::raw_sql(schema::TO_4).execute(&mut *transaction).await?;
        }
        if found < 5 {
            sqlx::raw_sql(schema::TO_5).execute(&mut *transaction).await?;
        }
        if found < 6 {
            sqlx::raw_sql(schema::TO_6).execute(&mut *transaction).await?;
        }
        if found < schema::VERSION {
            sqlx::raw_sql(schema::TO_7).execute(&mut *transaction).await?;
            let version = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {}", schema::VERSION));
            sqlx::raw_sql(version).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Takes the right to run the plan, which one process at a time has.
    pub fn lock_plan(&self, plan_key: &str) -> Result<PlanLock> {
        let locks = self.folder.join("locks");
        private_folder(&locks)?;
        let name = hex(&Sha256::digest(plan_key)[..12]);
        let path = locks.join(name);
        let file = private_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(PlanLock { _file: file }),
            Err(_) => Err(LedgerError::Locked { path }),
        }
    }
}

fn private_folder(path: &Path) -> Result<()> {
    let failed = |source| LedgerError::Folder { path: path.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(LedgerError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

fn private_file(path: &Path) -> Result<File> {
    let failed = |source| LedgerError::Folder { path: path.to_owned(), source };
    OpenOptions::new().create(true).truncate(false).write(true).read(true).mode(0o600).open(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn files_are_private_and_opening_again_is_fine() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("a/state");
        let ledger = Ledger::open(&state).await.unwrap();
        let again = Ledger::open(&state).await.unwrap();
        assert_eq!(mode(&state), 0o700);
        for entry in fs::read_dir(&state).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        drop((ledger, again));
    }

    #[tokio::test]
    async fn a_ledger_of_the_first_version_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        private_folder(&state).unwrap();
        let url = format!("sqlite:{}?mode=rwc", state.join("ledger.sqlite").display());
        let old = SqlitePool::connect(&url).await.unwrap();
        sqlx::raw_sql(schema::CREATE).execute(&old).await.unwrap();
        let run =
            "INSERT INTO runs VALUES ('r1', 'p', 'p', 'd', '', 1, 1, NULL, 'running', 'ada'); PRAGMA user_version = 1";
        sqlx::raw_sql(run).execute(&old).await.unwrap();
        old.close().await;
        let ledger = Ledger::open(&state).await.unwrap();
        let run = ledger.unfinished("p").await.unwrap().unwrap();
        assert_eq!((run.id.0.as_str(), run.unmarked, run.closed_ms), ("r1", false, None));
        ledger.close_runs("p", 5, "ada").await.unwrap();
        assert_eq!(ledger.unfinished("p").await.unwrap(), None);
        assert_eq!(ledger.run("r1").await.unwrap().closed_ms, Some(5));
        assert_eq!(ledger.points(None).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_ledger_of_the_version_before_goes_on_with_its_trail() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        private_folder(&state).unwrap();
        let url = format!("sqlite:{}?mode=rwc", state.join("ledger.sqlite").display());
        let old = SqlitePool::connect(&url).await.unwrap();
        for sql in [schema::CREATE, schema::TO_2, schema::TO_3, "PRAGMA user_version = 3"] {
            sqlx::raw_sql(sql).execute(&old).await.unwrap();
        }
        old.close().await;
        let ledger = Ledger::open(&state).await.unwrap();
        let new = super::super::NewPoint { plan_key: "p".into(), plan_digest: "d".into(), ..Default::default() };
        let name = ledger.claim_point("migration_2024_06_12_backup", &new).await.unwrap();
        assert_eq!(name, "migration_2024_06_12_backup");
        ledger.point_ready(&name, &[], 0, "m").await.unwrap();
        drop(ledger);
        let again = Ledger::open(&state).await.unwrap();
        assert_eq!(again.trail(None).await.unwrap()[0].action, "restore-point-made");
    }

    #[tokio::test]
    async fn a_ledger_of_version_5_takes_reviews_and_keeps_its_runs() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        private_folder(&state).unwrap();
        let url = format!("sqlite:{}?mode=rwc", state.join("ledger.sqlite").display());
        let old = SqlitePool::connect(&url).await.unwrap();
        for sql in [schema::CREATE, schema::TO_2, schema::TO_3, schema::TO_4, schema::TO_5] {
            sqlx::raw_sql(sql).execute(&old).await.unwrap();
        }
        let run = "INSERT INTO runs VALUES ('r1', 'p', 'p', 'd', '', 1, 1, NULL, 'completed', 'ada', 0, NULL);
                   INSERT INTO evidence VALUES ('r1', 'validation', 1, '{}'); PRAGMA user_version = 5";
        sqlx::raw_sql(run).execute(&old).await.unwrap();
        old.close().await;
        let ledger = Ledger::open(&state).await.unwrap();
        let run = ledger.run("r1").await.unwrap().id;
        assert_eq!(ledger.sample_reviews(&run).await.unwrap(), []);
        let kept = ledger.evidence::<serde_json::Value>(&run, super::super::EvidenceKind::Validation).await.unwrap();
        assert!(kept.is_some());
        drop(ledger);
        assert!(Ledger::open(&state).await.is_ok(), "and once more");
    }

    #[tokio::test]
    async fn an_exposed_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = Ledger::open(folder.path()).await.unwrap_err().to_string();
        assert!(error.contains("chmod 700"), "{error}");
    }

    #[tokio::test]
    async fn one_process_at_a_time_runs_a_plan() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("state")).await.unwrap();
        let held = ledger.lock_plan("a").unwrap();
        assert!(matches!(ledger.lock_plan("a"), Err(LedgerError::Locked { .. })));
        assert!(ledger.lock_plan("b").is_ok());
        drop(held);
        assert!(ledger.lock_plan("a").is_ok());
    }
}
