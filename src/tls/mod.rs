//! TLS for http and grpc: one rustls configuration, one provider (ring), made only when a probe needs it.
//!
//! Without `--cacert`, chain and name are not verified, as the kubelet's probers do not (InsecureSkipVerify); that the
//! server holds its certificate's key always is. With it, everything is, and a certificate that stands in the file
//! byte for byte is accepted as it is if its dates hold: people make `openssl req -x509` certificates for localhost,
//! which are their own authority (CA:TRUE) and often name nobody, and webpki refuses both.

mod cause;
mod date;
mod der;
mod files;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

pub(crate) use cause::{TlsCause, cause};
pub(crate) use files::{Identity, load_key, server_name};

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

/// The certificates of `--cacert`.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    roots: Arc<RootCertStore>,
    pinned: Arc<[CertificateDer<'static>]>,
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
}

/// What our parts inside rustls learn.
#[derive(Debug, Default)]
struct Learned {
    asked_for_certificate: AtomicBool,
    name_unchecked: AtomicBool,
}

impl Tls {
    /// Prepares a session with `host`, a name or an address without brackets and scope.
    pub(crate) fn session(&self, host: &str, alpn: Alpn) -> Result<Session, Error> {
        let provider = Arc::new(ring::default_provider());
        let learned = Arc::new(Learned::default());
        let chain = match &self.trust {
            None => None,
            Some(trust) => {
                let builder = WebPkiServerVerifier::builder_with_provider(trust.roots.clone(), provider.clone());
                let verifier = builder.build().map_err(|error| Error::General(error.to_string()))?;
                Some((verifier, trust.pinned.clone()))
            }
        };
        let verifier = Verifier { provider: provider.clone(), chain, learned: learned.clone() };
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
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| Error::UnsupportedNameType)?,
        };
        let connection = ClientConnection::new(Arc::new(config), name)?;
        Ok(Session { connection, learned, has_identity: self.identity.is_some() })
    }
}

impl Session {
    /// True if the server asked for a certificate that we do not have.
    pub(crate) fn wants_certificate(&self) -> bool {
        !self.has_identity && self.learned.asked_for_certificate.load(Ordering::Relaxed)
    }

    /// True if a pinned certificate names nobody, so that there was nothing to check.
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

/// Verifies chain and name where `--cacert` is given, and the handshake's signature always.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    chain: Option<(Arc<WebPkiServerVerifier>, Arc<[CertificateDer<'static>]>)>,
    learned: Arc<Learned>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.chain {
            None => Ok(ServerCertVerified::assertion()),
            Some(_) if self.is_pinned(certificate) => self.verify_pinned(certificate, name, now),
            Some((verifier, _)) => verifier.verify_server_cert(certificate, intermediates, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        match verify_tls12_signature(message, certificate, signed, known) {
            Err(error) if self.goes_by_key(certificate, &error) => {
                der::verify_tls12(message, certificate, signed, known)
            }
            verified => verified.map_err(|error| told_by_key(certificate, error)),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        match verify_tls13_signature(message, certificate, signed, known) {
            Err(error) if self.goes_by_key(certificate, &error) => {
                der::verify_tls13(message, certificate, signed, known)
            }
            verified => verified.map_err(|error| told_by_key(certificate, error)),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    /// True if the certificate stands in `--cacert` byte for byte.
    fn is_pinned(&self, certificate: &CertificateDer<'_>) -> bool {
        self.chain.as_ref().is_some_and(|(_, pinned)| pinned.contains(certificate))
    }

    /// Verifies a certificate that is trusted as it is: its dates, and its name if it has one.
    fn verify_pinned(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (not_before, not_after) = der::validity(certificate).ok_or(CertificateError::BadEncoding)?;
        let (not_before, not_after) = (seconds(not_before), seconds(not_after));
        if now < not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
        }
        if now > not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
        }
        // What webpki does not read is of version 1, which has no place for names.
        let checked = match rustls::server::ParsedCertificate::try_from(certificate) {
            Ok(parsed) => rustls::client::verify_server_name(&parsed, name),
            Err(_) => {
                Err(CertificateError::NotValidForNameContext { expected: name.to_owned(), presented: vec![] }.into())
            }
        };
        match checked {
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }))
                if presented.is_empty() =>
            {
                self.learned.name_unchecked.store(true, Ordering::Relaxed);
                Ok(ServerCertVerified::assertion())
            }
            checked => checked.map(|()| ServerCertVerified::assertion()),
        }
    }

    /// True for a certificate that webpki does not read, where nothing but its key counts.
    fn goes_by_key(&self, certificate: &CertificateDer<'_>, error: &Error) -> bool {
        use CertificateError::{BadEncoding, Other, UnhandledCriticalExtension};
        (self.chain.is_none() || self.is_pinned(certificate))
            && matches!(error, Error::InvalidCertificate(BadEncoding | Other(_) | UnhandledCriticalExtension))
    }
}

/// A signature by a key that is too short for ring fails like a wrong one; this tells them apart.
fn told_by_key(certificate: &CertificateDer<'_>, error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) if der::has_short_rsa_key(certificate) => {
            CertificateError::ApplicationVerificationFailure.into()
        }
        error => error,
    }
}

/// A date as rustls has it, which begins in 1970.
fn seconds(date: date::Date) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(date.0).unwrap_or_default()))
}
