//! What systemd is told, where it has started the process; nothing happens otherwise.

use sd_notify::{NotifyState, notify, watchdog_enabled};

/// That requests are answered.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// That the process is about to end.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Says that the process is alive for as long as it is, where that is asked for. A runtime that
/// hangs says nothing, and the process is started again.
pub(super) async fn keep_alive() {
    let Some(period) = watchdog_enabled() else {
        return;
    };
    loop {
        tell(NotifyState::Watchdog);
        tokio::time::sleep(period / 2).await;
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::warn!(cause = %error, "systemd cannot be told");
    }
}
