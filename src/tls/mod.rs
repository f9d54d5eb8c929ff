//! TLS for http and grpc: one rustls configuration, one provider (ring), made only when a probe needs it.
//!
//! Without `--cacert`, chain and name are not verified, as the kubelet's probers do not (InsecureSkipVerify); that the
//! server holds its certificate's key always is. With it, everything is, and a certificate that stands in the file
//! byte for byte is accepted as it is: people make `openssl req -x509` certificates for localhost, which are their
//! own authority (CA:TRUE) and often name nobody, and webpki refuses both.

mod cause;
mod files;
mod public_key;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
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
        let Some((verifier, pinned)) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        let verified = verifier.verify_server_cert(certificate, intermediates, name, ocsp, now);
        if !pinned.contains(certificate) {
            return verified;
        }
        let checked = match verified {
            // webpki looks at the dates first: only the certificate's own kind was left to object to.
            Err(Error::InvalidCertificate(CertificateError::Other(error))) if is_own_authority(&error) => {
                let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
                rustls::client::verify_server_name(&parsed, name).map(|()| ServerCertVerified::assertion())
            }
            verified => verified,
        };
        match checked {
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }))
                if presented.is_empty() =>
            {
                self.learned.name_unchecked.store(true, Ordering::Relaxed);
                Ok(ServerCertVerified::assertion())
            }
            checked => checked,
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
            Err(error) if self.goes_by_key(&error) => public_key::verify_tls12(message, certificate, signed, known),
            verified => verified,
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
            Err(error) if self.goes_by_key(&error) => public_key::verify_tls13(message, certificate, signed, known),
            verified => verified,
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    /// True for a certificate that webpki does not read, where nothing but its key counts.
    fn goes_by_key(&self, error: &Error) -> bool {
        use CertificateError::{BadEncoding, Other, UnhandledCriticalExtension};
        self.chain.is_none()
            && matches!(error, Error::InvalidCertificate(BadEncoding | Other(_) | UnhandledCriticalExtension))
    }
}

/// True for webpki's "this certificate is an authority's, not a server's".
fn is_own_authority(error: &OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}
