//! The real binary as a real process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use super::Deployment;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Asserts exit code 0.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts exit code 1.
    pub fn failed(self) -> Self {
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

impl Deployment {
    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(&mut self.command(arguments))
    }

    /// Starts `serve` (with more arguments) and waits until it is ready.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        let mut all = vec!["serve"];
        all.extend(arguments);
        Process::start(&mut self.command(&all))
    }
}

/// Runs any command to its end.
pub fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A serving process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub postgres: SocketAddr,
    pub flight: SocketAddr,
    pub http: SocketAddr,
}

impl Process {
    /// Starts it and reads its addresses up to the line `ready`.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut postgres, mut flight, mut http) = (None, None, None);
        let ready = lines.by_ref().map_while(Result::ok).any(|line| {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("postgres"), Some(address)) => postgres = address.parse().ok(),
                (Some("flight"), Some(address)) => flight = address.parse().ok(),
                (Some("http"), Some(address)) => http = address.parse().ok(),
                _ => {}
            }
            line == "ready"
        });
        if !ready {
            let mut stderr = String::new();
            let _ = child.stderr.take().unwrap().read_to_string(&mut stderr);
            panic!("the server did not become ready: {:?}\n{stderr}", child.wait());
        }
        // Somebody must read on, or the process would wait for room in the pipes.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| eprintln!("server: {line}"));
        });
        Self { child, postgres: postgres.unwrap(), flight: flight.unwrap(), http: http.unwrap() }
    }

    /// SIGTERM, then its exit code.
    pub fn terminate(self) -> Option<i32> {
        self.signal("TERM");
        self.ended()
    }

    /// Its exit code, once it has ended by itself.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
