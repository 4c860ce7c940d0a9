//! Runs the binary as a process of its own.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// The binary, without whatever the environment of the tests says.
pub fn nearby() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nearby"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("NEARBY_") || name.starts_with("DATABASE_URL") {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// What a process left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code and that standard error has these texts.
    #[track_caller]
    pub fn assert(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for text in said {
            assert!(
                self.stderr.contains(text),
                "no `{text}` in: {}",
                self.stderr
            );
        }
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }
}

/// Runs it to its end.
pub fn run<S: AsRef<OsStr>>(args: &[S]) -> Ended {
    run_with_input(args, b"")
}

/// Runs it to its end with this on standard input.
pub fn run_with_input<S: AsRef<OsStr>>(args: &[S], input: &[u8]) -> Ended {
    let mut child = nearby()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    std::thread::scope(|scope| {
        // A process that refuses its input may end before it has read it.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the process ends").into()
    })
}
