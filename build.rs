//! Turns the environment into cfg flags for tests that need more than this crate.
//!
//! Write `#[cfg_attr(not(mysql_tests), ignore = "needs MySQL: run scripts/test")]` above a test that
//! talks to MySQL, and `not(tool_tests)` above one that calls `ogrinfo` or `promtool`. A plain
//! `cargo test` then reports it as ignored. `scripts/test` provides both and sets the variables; with
//! `CI` set all such tests run, so one whose need is missing fails.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Embedded at compile time: a file that is added there must rebuild the crate.
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=web");

    let ci = set("CI");
    for (cfg, variable) in [
        ("mysql_tests", "NEARBY_TEST_MYSQL_URL"),
        ("tool_tests", "NEARBY_TEST_TOOLS"),
    ] {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        if set(variable) || ci {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}

/// Whether the variable holds anything but an empty string or `false`.
fn set(variable: &str) -> bool {
    println!("cargo::rerun-if-env-changed={variable}");
    env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "false")
}
