//! `--tls-cert` and `--tls-key`: HTTPS without a proxy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::process::run;
use super::served::Served;
use crate::api::server::PATIENCE;

/// A certificate for `localhost`, and its key, in two files.
struct Files {
    folder: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let files = Self {
            folder,
            certificate,
            key,
        };
        files.renew();
        files
    }

    /// Another pair in the same files; its certificate.
    fn renew(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(&self.key, signing_key.serialize_pem()).unwrap();
        fs::write(&self.certificate, cert.pem()).unwrap();
        cert.der().clone()
    }

    fn serve(&self) -> Served {
        let url = format!("sqlite:{}", self.folder.path().join("a.gpkg").display());
        let (certificate, key) = (self.certificate.display(), self.key.display());
        Served::start(&[
            "--database-url",
            &url,
            "--tls-cert",
            &certificate.to_string(),
            "--tls-key",
            &key.to_string(),
        ])
    }
}

fn address(served: &Served) -> String {
    served.url("").replace("http://", "")
}

/// Shakes hands as a client that trusts this certificate alone.
async fn shake(
    served: &Served,
    trusted: &CertificateDer<'static>,
    name: &'static str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address(served)).await?;
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

/// Asks and reads to the end.
async fn ask(mut stream: TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer));
    reading.await.expect("it ends").unwrap();
    answer
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_answered_over_tls() {
    let files = Files::new();
    let certificate = files.renew();
    let served = files.serve();
    let stream = shake(&served, &certificate, "localhost").await.unwrap();
    let version = stream.get_ref().1.protocol_version();
    assert_eq!(format!("{version:?}"), "Some(TLSv1_3)");
    let answer = ask(stream, "/tiles/centers.json").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Addresses in answers are those of this port.
    assert!(answer.contains("\"https://localhost/tiles/"), "{answer}");
    // What the parser refuses is told as over plain TCP.
    let mut stream = shake(&served, &certificate, "localhost").await.unwrap();
    stream.write_all(b"nonsense\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("request_refused"), "{answer}");

    let other = Files::new().renew();
    let refused = shake(&served, &other, "localhost").await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
    let refused = shake(&served, &certificate, "other.example").await;
    assert!(refused.is_err());
    served.stop();
}

#[tokio::test]
async fn who_does_not_speak_tls_is_not_let_in() {
    let files = Files::new();
    let served = files.serve();
    let mut plain = TcpStream::connect(address(&served)).await.unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("this port speaks TLS") && answer.contains("https://"),
        "{answer}"
    );

    // A handshake that never goes on, and one that never begins.
    let slow = async |first: &[u8]| {
        let mut slow = TcpStream::connect(address(&served)).await.unwrap();
        slow.write_all(first).await.unwrap();
        let begun = Instant::now();
        let mut rest = Vec::new();
        let reading = tokio::time::timeout(3 * PATIENCE, slow.read_to_end(&mut rest));
        // An error is a way of closing as well.
        let _ = reading.await.expect("it is closed");
        begun.elapsed()
    };
    let (stalled, silent) = tokio::join!(slow(b"\x16\x03\x01"), slow(b""));
    for took in [stalled, silent] {
        assert!((9..15).contains(&took.as_secs()), "{took:?}");
    }
    served.stop();
}

#[test]
#[cfg_attr(not(tool_tests), ignore = "needs openssl: run scripts/test")]
fn an_old_version_of_tls_is_refused() {
    let files = Files::new();
    let served = files.serve();
    let shakes = |version: &str| {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &address(&served), version]);
        // Old versions are beneath what it allows by itself.
        client.args(["-cipher", "ALL:@SECLEVEL=0"]);
        let said = client.stdin(Stdio::null()).output().expect("openssl runs");
        said.status.success()
    };
    assert!(shakes("-tls1_2"));
    assert!(!shakes("-tls1_1"));
    served.stop();
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_a_bad_one_is_not() {
    let files = Files::new();
    let first = files.renew();
    let mut served = files.serve();
    let open = shake(&served, &first, "localhost").await.unwrap();
    // As it stands while somebody copies the files: neither fits the other.
    fs::write(&files.key, "not a key").unwrap();
    served.until_it_says("those read before stay");
    shake(&served, &first, "localhost").await.unwrap();

    let second = files.renew();
    let begun = Instant::now();
    while shake(&served, &second, "localhost").await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "it goes on showing the old one");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(shake(&served, &first, "localhost").await.is_err());
    let answer = ask(open, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    // The same, told by a signal.
    let third = files.renew();
    let told = Command::new("kill")
        .args(["-HUP", &served.pid().to_string()])
        .status();
    assert!(told.unwrap().success());
    let begun = Instant::now();
    while shake(&served, &third, "localhost").await.is_err() {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served.stop();
}

#[test]
fn files_that_are_of_no_use_are_told_before_anything_begins() {
    let (files, other) = (Files::new(), Files::new());
    let url = format!("sqlite:{}", files.folder.path().join("a.gpkg").display());
    let text = files.folder.path().join("text");
    fs::write(&text, "hello").unwrap();
    let refused = |certificate: &Path, key: &Path, said: &[&str]| {
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        let args = ["serve", "--database-url", &url, "--bind", "127.0.0.1:0"];
        let tls = ["--tls-cert", &certificate, "--tls-key", &key];
        run(&[&args[..], &tls].concat()).assert(2, said);
    };
    refused(
        Path::new("/nowhere"),
        &files.key,
        &["/nowhere: there is no such file", "PEM"],
    );
    refused(&text, &files.key, &["it holds no certificate"]);
    refused(
        &files.certificate,
        &text,
        &["the private key of the certificate"],
    );
    refused(&files.certificate, &other.key, &["do not fit each other"]);
    run(&["serve", "--tls-cert", "a"]).assert(2, &["--tls-key"]);
}
