use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::process::{nearby, run};

#[test]
fn the_same_seed_gives_the_same_file_and_another_one_another() {
    let generate = |count: &str, seed: &str| {
        let ended = run(&["generate", "--count", count, "--seed", seed]);
        ended.assert(0, &[]);
        String::from_utf8(ended.stdout).unwrap()
    };
    let file = generate("100", "7");
    assert_eq!(file, generate("100", "7"));
    assert_ne!(file, generate("100", "8"));
    assert!(generate("1000", "7").starts_with(&file));
    assert_eq!(file.lines().count(), 101);
    assert!(file.starts_with("id,name,country,region,city,latitude,longitude\n1,"));
    assert_eq!(generate("0", "7").lines().count(), 1);
}

#[test]
fn a_reader_that_has_had_enough_ends_it_quietly() {
    let mut child = nearby()
        .args(["generate", "--count", "100000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
