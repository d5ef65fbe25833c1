//! A PostgreSQL 15 of the bench's own, gone when dropped.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const BINARIES: &str = "/usr/lib/postgresql/15/bin";

pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
}

/// A command as somebody who is not root: PostgreSQL refuses to run as root.
fn command(program: &str) -> Command {
    let root = std::env::var("USER").is_ok_and(|user| user == "root") || {
        let user = Command::new("id").arg("-u").output();
        user.is_ok_and(|output| output.stdout == b"0\n")
    };
    let program = format!("{BINARIES}/{program}");
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", &program]);
    command
}

impl Postgres {
    /// Starts it on a free port with a role `lakeport`; `None` when there is none to start.
    pub(crate) fn start() -> Option<Self> {
        if !Path::new(BINARIES).exists() {
            return None;
        }
        let folder = std::env::temp_dir().join(format!("lakeport-peer-{}", std::process::id()));
        let data = folder.to_str()?;
        let made = command("initdb").args(["-D", data, "-U", "lakeport", "-A", "trust"]).output();
        made.ok().filter(|output| output.status.success())?;
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let server = command("postgres")
            .args(["-D", data, "-p", &port.to_string(), "-k", data])
            .args(["-c", "max_connections=300", "-c", "shared_buffers=2GB"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let peer = Self { server, folder, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        for _ in 0..100 {
            let info = format!("host=127.0.0.1 port={port} user=lakeport dbname=postgres");
            let asked = Command::new("psql").args([&info, "-c", "SELECT 1"]).output().ok()?;
            if asked.status.success() {
                return Some(peer);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        None
    }

    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(data) = self.folder.to_str() {
            let _ = command("pg_ctl").args(["-D", data, "-m", "immediate", "stop"]).output();
        }
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
