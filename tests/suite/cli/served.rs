//! `nearby serve` as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::process::nearby;
use crate::api::server::{KEY, PATIENCE};

/// A running `nearby serve` on a free port; ends with the test.
pub struct Served {
    process: Child,
    address: String,
    /// What it logged so far.
    pub said: Vec<String>,
    log: mpsc::Receiver<String>,
}

impl Served {
    /// Starts it and waits until it is ready. Over MySQL it asks the database, unless it is
    /// told otherwise.
    pub fn start(args: &[&str]) -> Self {
        let is_over_mysql = args.iter().any(|arg| arg.starts_with("mysql:"));
        let engine: &[&str] = if is_over_mysql && !args.contains(&"--engine") {
            &["--engine", "sql"]
        } else {
            &[]
        };
        Self::start_command(&[&["serve"], args, engine].concat())
    }

    /// The same with these variables.
    pub fn start_with(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = nearby();
        command.arg("serve").args(args);
        Self::start_in(&mut command, variables)
    }

    /// The same of another command that serves.
    pub fn start_command(args: &[&str]) -> Self {
        Self::start_as(nearby().args(args))
    }

    /// The same by a program that starts others.
    pub fn start_under(mut starter: Command, args: &[&str]) -> Self {
        let command = nearby();
        starter.arg(command.get_program()).args(args);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => starter.env(name, value),
                None => starter.env_remove(name),
            };
        }
        Self::start_as(&mut starter)
    }

    fn start_as(command: &mut Command) -> Self {
        Self::start_in(command, &[("NEARBY_ADMIN_KEY", KEY)])
    }

    fn start_in(command: &mut Command, variables: &[(&str, &str)]) -> Self {
        let mut process = command
            .args(["--bind", "127.0.0.1:0", "--log-format", "json"])
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = BufReader::new(process.stderr.take().expect("it is piped"));
        let (tell, told) = mpsc::channel();
        // Read to its end: what is logged later must have somewhere to go.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                // Nobody listens once it is ready.
                let _ = tell.send(line);
            }
        });
        let mut address = None;
        let mut said = Vec::new();
        while let Ok(line) = told.recv_timeout(PATIENCE) {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            said.push(line);
            if event["message"] == "ready" {
                break;
            }
            if let Some(listening) = event["address"].as_str() {
                address = Some(listening.to_owned());
            }
        }
        Self {
            process,
            address: address.unwrap_or_else(|| panic!("it did not start: {said:?}")),
            said,
            log: told,
        }
    }

    /// Waits until it has logged this.
    #[track_caller]
    pub fn until_it_says(&mut self, text: &str) {
        while !self.said.iter().any(|line| line.contains(text)) {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => self.said.push(line),
                Err(error) => panic!("no `{text}` in {:?}: {error}", self.said),
            }
        }
    }

    /// What it logged until now.
    pub fn log(&mut self) -> String {
        self.said.extend(self.log.try_iter());
        self.said.join("\n")
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The status and body of a GET.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        let answer = reqwest::get(url).await.expect("it answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("the body is JSON"))
    }

    /// The status and body of a POST with the key.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::POST, path, body).await
    }

    /// The same of another method; a PATCH is merged.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let kind = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let request = reqwest::Client::new().request(method, self.url(path));
        let request = request.bearer_auth(KEY).header(CONTENT_TYPE, kind);
        let answer = request
            .body(body.to_string())
            .send()
            .await
            .expect("it answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("the body is JSON"))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Tells it to stop and waits until it has.
    pub fn stop(self) {
        assert!(self.ended().success());
    }

    /// The same, however it ends.
    pub fn ended(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        let told = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status();
        assert!(told.expect("kill is there").success());
        self.process.wait().expect("it ends")
    }

    /// The ids that a search finds.
    pub async fn found_ids(&self, path: &str) -> Vec<i64> {
        let (status, answer) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {answer}");
        crate::api::server::ids_of(&answer)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
