//! What systemd tells a service and is told by it, without systemd.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use super::served::Served;
use crate::api::server::PATIENCE;

fn database() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = format!("sqlite:{}", folder.path().join("a.gpkg").display());
    (folder, url)
}

/// Waits until systemd would be told this; gives what it was told before.
fn told(socket: &UnixDatagram, what: &str) -> Vec<String> {
    let mut before = Vec::new();
    let mut message = [0; 256];
    loop {
        let length = socket.recv(&mut message).expect("it is told in time");
        let message = String::from_utf8_lossy(&message[..length]).into_owned();
        if message.lines().any(|line| line == what) {
            return before;
        }
        before.push(message);
    }
}

#[tokio::test]
async fn systemd_is_told_when_the_service_is_ready_alive_and_stopping() {
    let (folder, url) = database();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = path.to_str().unwrap();
    let variables = [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "400000")];
    let served = Served::start_with(&["--database-url", &url], &variables);
    let before = told(&socket, "READY=1");
    assert!(
        before
            .iter()
            .all(|message| message.starts_with("WATCHDOG=1")),
        "{before:?}"
    );
    let begun = std::time::Instant::now();
    for _ in 0..3 {
        told(&socket, "WATCHDOG=1");
    }
    // Twice in the time that systemd waits.
    assert!(begun.elapsed().as_millis() >= 350, "{:?}", begun.elapsed());
    served.stop();
    told(&socket, "STOPPING=1");
}

#[tokio::test]
async fn the_service_listens_on_the_socket_that_it_is_handed() {
    let (_folder, url) = database();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut starter = Command::new("sh");
    starter.args([
        "-c",
        "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&0",
        "sh",
    ]);
    starter.stdin(Stdio::from(OwnedFd::from(listener)));
    let served = Served::start_under(starter, &["serve", "--database-url", &url]);
    assert_eq!(served.url(""), format!("http://{address}"));
    assert_eq!(served.get("/readyz").await.0, 200);
    served.stop();
}

#[tokio::test]
async fn a_socket_that_is_none_is_refused() {
    let (folder, url) = database();
    let socket = UnixDatagram::bind(folder.path().join("other")).unwrap();
    let refused = Command::new("sh")
        .args([
            "-c",
            "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&0",
            "sh",
        ])
        .args([
            env!("CARGO_BIN_EXE_nearby"),
            "serve",
            "--database-url",
            &url,
        ])
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("one that listens for TCP"), "{said}");
}
