//! A PostgreSQL 15 of the test's own, in a temporary folder; gone when dropped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::data::skip;

/// A running PostgreSQL that trusts everybody on this machine.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    pub port: u16,
    // Dropped last: the server writes in it.
    _folder: TempDir,
}

/// Where Debian and others put the server's programs.
const FOLDERS: [&str; 3] =
    ["/usr/lib/postgresql/15/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@15/bin"];

/// The folder of the server's programs, or `None` (said by name).
///
/// `LAKEPORT_POSTGRES` names another one.
fn programs() -> Option<PathBuf> {
    let named = std::env::var("LAKEPORT_POSTGRES").ok();
    let folders = named.iter().map(String::as_str).chain(FOLDERS);
    let found = folders.map(PathBuf::from).find(|folder| folder.join("initdb").exists());
    if found.is_none() {
        skip("PostgreSQL 15: no initdb in any of its usual folders");
    }
    found
}

/// As root, PostgreSQL refuses to run: then it is another user's.
fn command(program: &Path, as_other: bool) -> Command {
    if !as_other {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(program);
    command
}

impl Postgres {
    /// Starts one, or says by name why there is none.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::tempdir().unwrap();
        let id = Command::new("id").arg("-u").output().unwrap();
        let root = id.stdout.starts_with(b"0\n");
        if root {
            let mut owner = Command::new("chown");
            assert!(owner.arg("nobody:nogroup").arg(folder.path()).status().unwrap().success());
        }
        let data = folder.path().join("data");
        let made = command(&programs.join("initdb"), root)
            .args(["-U", "lakeport", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = command(&programs.join("postgres"), root)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "fsync=off", "-k"])
            .arg(folder.path())
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postgres = Self { child, port, _folder: folder };
        let until = Instant::now() + Duration::from_secs(30);
        let ready = || {
            let mut asked = Command::new(programs.join("pg_isready"));
            asked
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
                .unwrap()
                .success()
        };
        while !ready() {
            assert!(Instant::now() < until, "PostgreSQL did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(postgres)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT: no new connections, the old ones ended, at once.
        let _ = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
