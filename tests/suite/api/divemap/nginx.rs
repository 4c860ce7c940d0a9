//! The README's lines for nginx, in a real one, before nearby and another server.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nearby::http::routes::ROUTES;
use serde_json::json;

use super::TestServer;
use crate::support::TestDatabase;

const README: &str = include_str!("../../../../README.md");
/// What the other server answers.
const DIVEMAPS: &str = "Divemap was asked";

/// nginx with its files, until the test ends.
struct Nginx {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start(nearby: SocketAddr, divemap: SocketAddr) -> Self {
        let block = README
            .split("```nginx\n")
            .nth(1)
            .expect("there are lines for nginx");
        let block = block.split("```").next().expect("a block ends");
        let (http, server) = block.split_once("# In server { }.\n").expect("two parts");
        let http = http
            .replace("127.0.0.1:8080", &nearby.to_string())
            .replace("127.0.0.1:8000", &divemap.to_string());
        let address = free_address();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let config = folder.path().join("nginx.conf");
        let text = format!(
            "daemon off; pid nginx.pid; error_log stderr; events {{}}\n\
             http {{ access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; \
             uwsgi_temp_path u; scgi_temp_path s;\n{http}\n\
             server {{ listen {address};\n{server}\nlocation / {{ proxy_pass http://divemap; }} }} }}"
        );
        std::fs::write(&config, text).expect("the file can be written");
        let process = Command::new("nginx")
            .args([
                "-p".as_ref(),
                folder.path(),
                "-c".as_ref(),
                config.as_path(),
            ])
            .spawn()
            .expect("nginx runs");
        let nginx = Self {
            process,
            address,
            _folder: folder,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(nginx.address).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }

    /// Whether a request reaches Divemap.
    fn asks_divemap(&self, method: &str, path: &str, header: &str) -> bool {
        let mut stream = TcpStream::connect(self.address).expect("nginx listens");
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).expect("nginx reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("nginx answers");
        assert!(!answer.starts_with("HTTP/1.1 502"), "{path}: {answer}");
        answer.contains(DIVEMAPS)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it when they are told, not when it is killed.
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address")
}

/// A server that always says the same.
fn divemap() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4_096]);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{DIVEMAPS}",
                DIVEMAPS.len()
            );
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(tool_tests), ignore = "needs nginx: run scripts/test")]
async fn nginx_asks_nearby_for_what_it_answers_and_divemap_for_all_else() {
    let server = TestServer::start(TestDatabase::sqlite().await).await;
    server
        .seed(&[json!({ "name": "a", "latitude": 0, "longitude": 0 })])
        .await;
    let nginx = Nginx::start(server.address, divemap());
    tokio::task::spawn_blocking(move || {
        let theirs = ROUTES
            .iter()
            .filter(|endpoint| endpoint.pattern.starts_with("/api/v1/"));
        let mut asked = 0;
        for endpoint in theirs {
            let path = endpoint
                .pattern
                .replace("{key}", "disable_diving_center_reviews");
            let path = path
                .replace("{diving_center_id}", "1")
                .replace("{dive_site_id}", "1");
            assert!(!nginx.asks_divemap("GET", &path, ""), "{path}");
            assert!(
                !nginx.asks_divemap("GET", &format!("{path}?search=blue"), ""),
                "{path}"
            );
            let signed_in = "Authorization: Bearer x\r\n";
            assert!(nginx.asks_divemap("GET", &path, signed_in), "{path}");
            assert!(
                nginx.asks_divemap("PUT", &path, "Content-Length: 0\r\n"),
                "{path}"
            );
            asked += 1;
        }
        assert!(asked > 10, "{asked}");
        for path in [
            "/api/v1/diving-centers/managed",
            "/api/v1/diving-centers/reverse-geocode",
            "/api/v1/diving-centers/ownership-requests",
            "/api/v1/diving-centers/1/comments",
            "/api/v1/diving-centers/1/follow-status",
            "/api/v1/dive-sites/1/media",
            "/api/v1/dive-sites/wind-recommendations",
            "/api/v1/dive-sites/countries",
            "/api/v1/dive-sites/?wind_suitability=good",
            "/api/v1/settings",
            "/api/v1/users/me",
            "/",
        ] {
            assert!(nginx.asks_divemap("GET", path, ""), "{path}");
        }
    })
    .await
    .expect("every answer is as expected");
}
