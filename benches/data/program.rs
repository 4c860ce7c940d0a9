//! Running `nearby` as its users do, and what it took.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::common::client::{Connection, get};
use super::common::world::SEED;
use super::scratch;

/// How long the service may take to be ready.
const READY_TIMEOUT: Duration = Duration::from_mins(10);

/// What a run of the program took.
#[derive(Debug)]
pub struct Run {
    /// From its start to its end.
    pub seconds: f64,
    /// The most memory it held, in bytes.
    pub peak_bytes: f64,
    /// What it wrote to standard output, then to standard error.
    pub output: String,
}

fn nearby(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearby"));
    command.args(arguments).env_remove("NEARBY_DATABASE_URL");
    command
}

/// Runs it to its end.
pub fn run(arguments: &[&str]) -> anyhow::Result<Run> {
    let started = Instant::now();
    let mut child = nearby(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut peak_bytes: f64 = 0.0;
    while child.try_wait()?.is_none() {
        peak_bytes = peak_bytes.max(memory(&child, "VmHWM").unwrap_or(0.0));
        thread::sleep(Duration::from_millis(2));
    }
    let seconds = started.elapsed().as_secs_f64();
    let output = child.wait_with_output()?;
    let written = String::from_utf8([output.stdout, output.stderr].concat())?;
    ensure!(
        output.status.success(),
        "nearby {arguments:?} ended with {}: {written}",
        output.status
    );
    Ok(Run {
        seconds,
        peak_bytes,
        output: written,
    })
}

/// A line of `/proc/PID/status`, in bytes.
fn memory(child: &Child, what: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// So many generated centers as CSV.
pub fn generated_csv(count: u64) -> anyhow::Result<PathBuf> {
    let path = scratch(&format!("data-{count}.csv"));
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        let (count, seed) = (count.to_string(), SEED.to_string());
        let ended = nearby(&["generate", "--count", &count, "--seed", &seed])
            .stdout(fs::File::create(&unfinished)?)
            .status()?;
        ensure!(ended.success(), "nearby generate ended with {ended}");
        fs::rename(&unfinished, &path)?;
    }
    Ok(path)
}

/// The service, until dropped.
pub struct Service {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it answered searches.
    pub ready_after: Duration,
}

impl Service {
    /// Starts it and waits until it answers searches.
    pub fn start(database_url: &str, more: &[&str]) -> anyhow::Result<Self> {
        let address = free_address()?;
        let bind = address.to_string();
        let mut arguments = vec!["serve", "--database-url", database_url, "--bind", &bind];
        arguments.extend(more);
        let started = Instant::now();
        let child = nearby(&arguments).stderr(Stdio::null()).spawn()?;
        let mut service = Self {
            child,
            address,
            ready_after: Duration::ZERO,
        };
        while !is_ready(address) {
            if let Some(ended) = service.child.try_wait()? {
                bail!("nearby {arguments:?} ended with {ended}");
            }
            ensure!(started.elapsed() < READY_TIMEOUT, "nearby is not ready");
            thread::sleep(Duration::from_millis(5));
        }
        service.ready_after = started.elapsed();
        Ok(service)
    }

    /// The memory it holds now, in bytes.
    pub fn resident_bytes(&self) -> anyhow::Result<f64> {
        memory(&self.child, "VmRSS").context("the system does not tell")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

fn is_ready(address: SocketAddr) -> bool {
    Connection::open(address)
        .and_then(|mut connection| connection.exchange(&get("/readyz")).map(drop))
        .is_ok()
}
