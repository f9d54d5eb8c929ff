//! TLS for http and grpc: one rustls configuration, one provider (ring), made only when a probe needs it.
//!
//! Without `--cacert`, chain and name are not verified, as the kubelet's probers do not (InsecureSkipVerify); that the
//! server holds its certificate's key always is. With it, both are, as far as webpki and [`trust`] go. A certificate
//! that is itself in the file is accepted if its dates hold: people make `openssl req -x509` certificates for localhost,
//! which are their own authority (CA:TRUE) and often name no host, and webpki refuses both.

mod cause;
mod date;
mod der;
mod files;
mod key;
mod refusal;
mod trust;
mod verifier;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, Error, SignatureScheme};

use crate::text::{VALUE_CHARS, shown};
pub(crate) use cause::TlsCause;
pub(crate) use files::{Identity, load_key, server_name};
pub(crate) use trust::Trust;
use verifier::Verifier;

/// What the TLS options say; the default is TLS without verification.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// Whom to trust; none: the chain is not verified.
    pub(crate) trust: Option<Trust>,
    /// Our own certificate.
    pub(crate) identity: Option<Arc<CertifiedKey>>,
    /// The name to send and to verify in place of the host's.
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// What is spoken above TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alpn {
    /// `http/1.1`
    Http1,
    /// `h2`
    Http2,
}

/// A TLS session before its handshake, and what it learns.
#[derive(Debug)]
pub(crate) struct Session {
    /// rustls' side.
    pub(crate) connection: ClientConnection,
    learned: Arc<Learned>,
    has_identity: bool,
    alpn: Alpn,
}

/// What our parts inside rustls learn.
#[derive(Debug, Default)]
struct Learned {
    asked_for_certificate: AtomicBool,
    name_unchecked: AtomicBool,
    refused: OnceLock<TlsCause>,
}

impl Learned {
    fn name_unchecked(&self) {
        self.name_unchecked.store(true, Ordering::Relaxed);
    }

    /// Keeps why the server's certificate is refused.
    fn refused(&self, cause: TlsCause) {
        let _ = self.refused.set(cause);
    }
}

impl Tls {
    /// Prepares a session with `host`, a name or an address without brackets and scope.
    pub(crate) fn session(&self, host: &str, alpn: Alpn) -> Result<Session, TlsCause> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(host).map_err(|_| TlsCause::NoName { host: shown(host, VALUE_CHARS) })?,
        };
        let learned = Arc::new(Learned::default());
        let config = self.config(alpn, &learned);
        let connection = config.and_then(|config| ClientConnection::new(Arc::new(config), name));
        let connection = connection.map_err(|error| cause::cause(&error, alpn, false))?;
        Ok(Session { connection, learned, has_identity: self.identity.is_some(), alpn })
    }

    fn config(&self, alpn: Alpn, learned: &Arc<Learned>) -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier { provider: provider.clone(), trust: self.trust.clone(), learned: learned.clone() };
        let resolver = Resolver { identity: self.identity.clone(), learned: learned.clone() };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(resolver));
        // One connection a process: there is nothing to resume.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![match alpn {
            Alpn::Http1 => b"http/1.1".to_vec(),
            Alpn::Http2 => b"h2".to_vec(),
        }];
        Ok(config)
    }
}

impl Session {
    /// What rustls' error means.
    pub(crate) fn cause(&self, error: &Error) -> TlsCause {
        let refused = self.learned.refused.get().filter(|_| matches!(error, Error::InvalidCertificate(_)));
        let agreed = self.connection.negotiated_cipher_suite().is_some();
        refused.cloned().unwrap_or_else(|| cause::cause(error, self.alpn, agreed))
    }

    /// True if the server asked for a certificate that we do not have.
    pub(crate) fn wants_certificate(&self) -> bool {
        !self.has_identity && self.learned.asked_for_certificate.load(Ordering::Relaxed)
    }

    /// True if a pinned certificate names no host, so that there was nothing to check.
    pub(crate) fn is_name_unchecked(&self) -> bool {
        self.learned.name_unchecked.load(Ordering::Relaxed)
    }
}

/// Gives our certificate, and learns that the server asked for one.
#[derive(Debug)]
struct Resolver {
    identity: Option<Arc<CertifiedKey>>,
    learned: Arc<Learned>,
}

impl ResolvesClientCert for Resolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.learned.asked_for_certificate.store(true, Ordering::Relaxed);
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
