//! TLS of the listener: certificate and key, read anew when their files change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use super::stream::Stream;

/// How often it is looked whether the files changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What the first byte of every handshake is (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Why a certificate and its key are of no use.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM of what it should be.
    #[error("{path}: {cause}; it must hold {wanted} in PEM, as `-----BEGIN …`")]
    File {
        /// Which.
        path: String,
        /// What is wrong.
        cause: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The certificate is not one for the key, or one of them is of no known kind.
    #[error("{certificate} and {key} do not fit each other: {cause}")]
    Pair {
        /// The file of the certificate.
        certificate: String,
        /// The file of the key.
        key: String,
        /// What is wrong.
        cause: rustls::Error,
    },
}

/// TLS with the certificate and the key that two files hold.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tls")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What new connections are shown.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// When one cannot be read, or they do not fit each other.
    ///
    /// # Panics
    /// Never: both versions of TLS are known.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let pair = read_pair(certificate, key, &provider)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let resolver = Arc::clone(&current);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("ring knows both")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Reads the files again whenever they changed or the process got SIGHUP, until it is
    /// dropped. Connections keep what they were shown; a pair that is of no use is not taken.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut seen = self.changed_at();
        loop {
            let told = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            let is_told = tokio::select! {
                _ = told => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let now = self.changed_at();
            if !is_told && now == seen {
                continue;
            }
            seen = now;
            match read_pair(&self.certificate, &self.key, &ring::default_provider()) {
                Ok(pair) => {
                    *self.current.0.write() = Arc::new(pair);
                    tracing::info!("certificate and key read again");
                }
                Err(error) => tracing::error!(
                    cause = %error,
                    "the new certificate and key are of no use; those read before stay"
                ),
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).ok()?.modified().ok())
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// When it does not, or speaks something else: then its socket is given back, if it may be
    /// told so.
    pub(super) async fn accept(&self, socket: TcpStream) -> Result<Stream, Option<TcpStream>> {
        let mut first = [0];
        match socket.peek(&mut first).await {
            Ok(1) if first[0] == HANDSHAKE => {}
            Ok(1) => return Err(Some(socket)),
            _ => return Err(None),
        }
        match self.acceptor.accept(socket).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => {
                tracing::debug!(cause = %error, "a client did not shake hands");
                Err(None)
            }
        }
    }
}

fn read_pair(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let wrong = |path: &Path, wanted, cause: String| TlsError::File {
        path: path.display().to_string(),
        cause,
        wanted,
    };
    let no_certificate = |cause| {
        wrong(
            certificate,
            "a certificate, and those that signed it",
            cause,
        )
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, pem::Error>>)
        .map_err(|error| no_certificate(said(&error)))?;
    if chain.is_empty() {
        return Err(no_certificate("it holds no certificate".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| wrong(key, "the private key of the certificate", said(&error)))?;
    CertifiedKey::from_der(chain, private, provider).map_err(|cause| TlsError::Pair {
        certificate: certificate.display().to_string(),
        key: key.display().to_string(),
        cause,
    })
}

/// What is wrong with a file of PEM.
fn said(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            "there is no such file".to_owned()
        }
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it holds nothing of the kind".to_owned(),
        error => error.to_string(),
    }
}
