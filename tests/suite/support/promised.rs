//! What depends on time.

/// How often it is tried.
const TRIES: u32 = 3;

/// Asserts what a busy machine spoils now and then, and what is wrong spoils each time.
pub async fn holds_once_in_three(attempt: impl AsyncFn() -> Result<(), String>) {
    let mut last = String::new();
    for _ in 0..TRIES {
        match attempt().await {
            Ok(()) => return,
            Err(why) => last = why,
        }
    }
    panic!("{last}, also when it was tried again");
}
