//! The README, held to what the program does.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const README: &str = include_str!("../../README.md");
const NEARBY: &str = env!("CARGO_BIN_EXE_nearby");

/// Every command with its help.
const COMMANDS: [&str; 14] = [
    "attributes",
    "serve",
    "demo",
    "migrate",
    "import",
    "export",
    "adopt",
    "backfill",
    "verify",
    "organizations",
    "keys",
    "audit",
    "generate",
    "health",
];

/// The actions of `nearby migrate`, which have arguments of their own.
const MIGRATE_ACTIONS: [&str; 5] = ["up", "down", "status", "stamp", "new"];

/// Those of `nearby keys`.
const KEYS_ACTIONS: [&str; 3] = ["create", "list", "revoke"];

/// Those of `nearby attributes`.
const ATTRIBUTES_ACTIONS: [&str; 3] = ["add", "list", "remove"];

/// A command of the README and what it says that it prints.
struct Example {
    command: String,
    output: String,
}

/// The examples in ```` ```console ```` blocks.
fn examples() -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in README.split("```console\n").skip(1) {
        let block = block.split("```").next().expect("a block ends");
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                examples.push(Example {
                    command: command.to_owned(),
                    output: String::new(),
                });
            } else {
                let example = examples.last_mut().expect("output follows a command");
                example.output.push_str(line);
            }
        }
    }
    examples
}

/// The demo on a free port and a file of its own; ends with the test.
struct Demo {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(NEARBY)
            .args(["demo", "--bind", "127.0.0.1:0", "--database"])
            .arg(folder.path().join("demo.gpkg"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let first = BufReader::new(process.stdout.take().expect("it is piped"))
            .lines()
            .next()
            .expect("the demo says what to try")
            .unwrap();
        let address = first
            .strip_prefix("nearby answers at http://")
            .and_then(|rest| rest.strip_suffix("/: open it in a browser, or try"))
            .unwrap_or_else(|| panic!("no address in {first}"))
            .to_owned();
        Self {
            process,
            address,
            _folder: folder,
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The request ids differ from run to run.
fn without_request_id(text: &str) -> Value {
    let mut value: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    if let Some(object) = value.as_object_mut() {
        object.remove("request_id");
    }
    value
}

#[test]
#[cfg_attr(not(tool_tests), ignore = "needs curl: run scripts/test")]
fn every_example_of_the_readme_prints_what_it_says() {
    let demo = Demo::start();
    let examples = examples();
    assert!(examples.len() >= 4, "the examples are not found");
    for Example { command, output } in examples {
        let here = command.replace("127.0.0.1:8080", &demo.address);
        let ran = Command::new("sh")
            .args(["-c", &format!("{here} --silent --show-error")])
            .output()
            .unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{here}: {said}");
        assert_eq!(
            without_request_id(&printed),
            without_request_id(&output.replace("127.0.0.1:8080", &demo.address)),
            "{command}"
        );
    }
}

fn help(arguments: &[&str]) -> String {
    let ran = Command::new(NEARBY)
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{arguments:?} has no help");
    String::from_utf8(ran.stdout).unwrap()
}

fn all_help() -> String {
    let commands = COMMANDS.iter().map(|command| help(&[command]));
    let actions = MIGRATE_ACTIONS
        .iter()
        .map(|action| help(&["migrate", action]));
    let of_keys = KEYS_ACTIONS.iter().map(|action| help(&["keys", action]));
    let of_attributes = ATTRIBUTES_ACTIONS
        .iter()
        .map(|action| help(&["attributes", action]));
    let of_actions = actions.chain(of_keys).chain(of_attributes);
    commands.chain(of_actions).collect()
}

/// The words of a text that begin so, without what punctuation follows.
fn words<'a>(text: &'a str, beginning: &str) -> BTreeSet<&'a str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
        .filter(|word| {
            word.strip_prefix(beginning)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        })
        .collect()
}

#[test]
fn the_readme_and_the_help_name_the_same_variables() {
    let help = all_help();
    let mut in_readme = words(README, "NEARBY_");
    // Of the test scripts and of compose.yaml.
    for other in ["NEARBY_TEST_MYSQL_URL", "NEARBY_MYSQL_PASSWORD"] {
        assert!(in_readme.remove(other), "{other} is gone from the README");
    }
    assert_eq!(in_readme, words(&help, "NEARBY_"));
    assert!(help.contains("DATABASE_URL") && README.contains("DATABASE_URL"));
}

#[test]
fn every_flag_of_the_readme_is_in_the_help() {
    let help = all_help();
    let known = words(&help, "--");
    let of_other_programs = [
        "--release",
        "--bench",
        "--build",
        "--wait",
        "--data-urlencode",
        "--minutes",
    ];
    for flag in words(README, "--") {
        assert!(
            known.contains(flag) || of_other_programs.contains(&flag),
            "the README has {flag}, no help does"
        );
    }
}

#[test]
fn the_readme_lists_every_route() {
    let spec: Value = yaml_serde::from_str(include_str!("../../openapi.yaml")).unwrap();
    for path in spec["paths"].as_object().unwrap().keys() {
        assert!(README.contains(path.as_str()), "the README lacks {path}");
    }
}
