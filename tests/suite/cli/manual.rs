//! `nearby completions` and `nearby man`.

use std::fs;
use std::process::Command;

use super::process::run;

const COMMANDS: [&str; 6] = ["serve", "import", "adopt", "migrate", "keys", "completions"];

#[test]
fn shells_are_told_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(&["completions", shell]);
        ended.assert(0, &[]);
        let script = String::from_utf8(ended.stdout).unwrap();
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: no {command}");
        }
    }
    run(&["completions", "tcsh"]).assert(2, &["bash", "zsh", "fish"]);
}

#[test]
fn bash_takes_what_it_is_told_and_completes_by_it() {
    let script = run(&["completions", "bash"]).stdout;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nearby");
    fs::write(&file, script).unwrap();
    let complete = "source \"$0\"; COMP_WORDS=(nearby ser); COMP_CWORD=1; COMP_LINE='nearby ser'; \
                    COMP_POINT=10; _nearby nearby ser nearby; echo \"${COMPREPLY[@]}\"";
    let completed = Command::new("bash")
        .arg("-c")
        .arg(complete)
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout).trim(), "serve");
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    run(&["man", pages.to_str().unwrap()]).assert(0, &[]);
    let names: Vec<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.contains(&"nearby.1".to_owned()), "{names:?}");
    for command in COMMANDS {
        let name = format!("nearby-{command}.1");
        assert!(names.contains(&name), "{names:?}");
        let page = fs::read_to_string(pages.join(name)).unwrap();
        assert!(
            page.contains(".TH") && page.contains(".SH SYNOPSIS"),
            "{page}"
        );
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    run(&["man", file.to_str().unwrap()]).assert(2, &["cannot be made"]);
}
