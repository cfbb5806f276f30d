//! Servers of a test's own, to be stopped and started as nobody may do with those that tests share; and a small disk.
//!
//! One idea: where the test is root, servers run as the user that they are made for, since they refuse to be root.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::skip::left_out;

const PATIENCE: Duration = Duration::from_secs(60);

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder that the servers' user owns.
fn folder() -> TempDir {
    let parent = if is_root() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("whimbrel-own").tempdir_in(parent).unwrap();
    own(folder.path());
    folder
}

fn own(path: &Path) {
    if is_root() {
        let done = Command::new("chown").arg(user()).arg(path).status().unwrap();
        assert!(done.success());
    }
}

fn user() -> &'static str {
    let known =
        |name: &&str| Command::new("id").args(["-u", name]).output().is_ok_and(|output| output.status.success());
    ["postgres", "mysql", "nobody"].into_iter().find(known).unwrap()
}

/// A command as the servers' user.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", user(), "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn find(folders: &[&str], name: &str) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        match folder.split_once('*') {
            None => found.push(Path::new(folder).join(name)),
            Some((before, after)) => {
                let entries = fs::read_dir(before).into_iter().flatten().flatten();
                let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
                paths.sort();
                found.extend(paths.into_iter().rev().map(|path| path.join(after.trim_matches('/')).join(name)));
            }
        }
    }
    found.into_iter().find(|path| path.exists())
}

/// A PostgreSQL server.
pub struct OwnPostgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl OwnPostgres {
    /// `None`, said so, where its programs are not here.
    pub fn start() -> Option<Self> {
        let folders =
            ["/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@17/bin", "/usr/bin"];
        let Some(initdb) = find(&folders, "initdb") else {
            left_out("there are no programs of a PostgreSQL server to start one's own");
            return None;
        };
        let server = Self { folder: folder(), programs: initdb.parent().unwrap().to_owned(), port: free_port() };
        let made = server
            .command("initdb")
            .args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"])
            .status();
        assert!(made.unwrap().success());
        server.up();
        Some(server)
    }

    fn command(&self, program: &str) -> Command {
        command(&self.programs.join(program), self.folder.path())
    }

    /// A folder that the server may write to.
    pub fn place(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir(&path).unwrap();
        own(&path);
        path
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub fn up(&self) {
        let options =
            format!("-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=50 -p {}", self.port);
        let started = self
            .command("pg_ctl")
            .args(["-D", "data", "-w", "-t", "60", "-l", "server.log", "-o", &options, "start"])
            .status();
        assert!(
            started.unwrap().success(),
            "{}",
            fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
        );
    }

    /// `immediate` is as if the machine had lost its power, `fast` a shutdown in order.
    pub fn down(&self, mode: &str) {
        let _ = self.command("pg_ctl").args(["-D", "data", "-w", "-m", mode, "stop"]).status();
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.down("immediate");
    }
}

/// A MariaDB or MySQL server.
pub struct OwnMysql {
    folder: TempDir,
    program: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl OwnMysql {
    /// `None`, said so, where its programs are not here.
    pub fn start() -> Option<Self> {
        let folders = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin"];
        let (Some(program), Some(installer)) = (find(&folders, "mariadbd"), find(&folders, "mariadb-install-db"))
        else {
            left_out("there are no programs of a MariaDB server to start one's own");
            return None;
        };
        let mut server = Self { folder: folder(), program, port: free_port(), child: None };
        let data = server.data();
        let made = command(&installer, server.folder.path())
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data])
            .status();
        assert!(made.unwrap().success());
        server.up();
        Some(server)
    }

    fn data(&self) -> String {
        format!("--datadir={}", self.folder.path().join("data").display())
    }

    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.port)
    }

    pub fn up(&mut self) {
        let folder = self.folder.path();
        let mut command = command(&self.program, folder);
        command.args(["--no-defaults", &self.data(), "--bind-address=127.0.0.1", "--skip-log-bin"]);
        command.arg(format!("--port={}", self.port)).arg(format!("--socket={}", folder.join("s").display()));
        command.arg(format!("--pid-file={}", folder.join("pid").display()));
        self.child = Some(command.spawn().unwrap());
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(since.elapsed() < PATIENCE, "MariaDB did not start");
            sleep(Duration::from_millis(50));
        }
    }

    /// As if the machine had lost its power.
    pub fn down(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // The child may be the one that changed to the servers' user, which is not the server itself.
        if let Ok(pid) = fs::read_to_string(self.folder.path().join("pid")) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
        let _ = child.kill();
        let _ = child.wait();
        let _ = fs::remove_file(self.folder.path().join("pid"));
    }
}

impl Drop for OwnMysql {
    fn drop(&mut self) {
        self.down();
    }
}

/// A file system of so many megabytes, gone with this value.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where only root may have one.
    pub fn mount(path: PathBuf, megabytes: u32) -> Option<Self> {
        if !is_root() {
            return None;
        }
        fs::create_dir_all(&path).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).status();
        own(&path);
        mounted.is_ok_and(|status| status.success()).then_some(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it so large, or so small.
    pub fn resize(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}
