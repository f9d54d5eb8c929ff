//! TLS for http and grpc: one rustls configuration, one provider (ring), made only when a probe needs it.
//!
//! Without `--cacert`, chain and name are not verified, as the kubelet's probers do not (InsecureSkipVerify); that the
//! server holds its certificate's key always is. With it, everything is, and a certificate that stands in the file
//! byte for byte is accepted as it is: people make `openssl req -x509` certificates for localhost, which are their
//! own authority (CA:TRUE) and often name nobody, and webpki refuses both.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, OtherError,
    PeerIncompatible, RootCertStore, SignatureScheme,
};

use crate::regular_file;
use crate::target::Wrong;
use crate::text::{VALUE_CHARS, shown};

/// How long a PEM file may be: a system's whole bundle has a quarter of it.
const MOST_PEM: u64 = 1024 * 1024;

/// How many names of a certificate a message shows.
const MOST_NAMES: usize = 5;

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

/// What went wrong in TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsCause {
    /// The certificate's last second has passed.
    Expired { since: u64 },
    /// The certificate's first second is to come.
    NotYetValid { from: u64 },
    /// The certificate is for other names.
    WrongName { wanted: String, valid_for: Vec<String> },
    /// Nobody in `--cacert` signed it.
    UnknownIssuer,
    /// The certificate is for another purpose, or limits itself in a way that is not understood; which.
    Unfit { why: &'static str },
    /// A signature that does not verify.
    BadSignature,
    /// A signature or key of a kind that is not spoken.
    UnknownSignature,
    /// Server and probe have no protocol version in common.
    Versions,
    /// Server and probe have no cipher suite or signature in common.
    NothingInCommon,
    /// The server speaks another protocol above TLS.
    Alpn { wanted: Alpn },
    /// The server ended the handshake with this alert.
    Alert { name: String },
    /// The answer is no TLS.
    NotTls { asked: Alpn },
    /// The answer breaks TLS's grammar.
    Broken,
}

impl TlsCause {
    /// The word in JSON's `cause`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            TlsCause::Expired { .. }
            | TlsCause::NotYetValid { .. }
            | TlsCause::WrongName { .. }
            | TlsCause::UnknownIssuer
            | TlsCause::Unfit { .. }
            | TlsCause::BadSignature
            | TlsCause::UnknownSignature => "certificate",
            TlsCause::NotTls { .. } => "not-tls",
            _ => "tls",
        }
    }
}

impl fmt::Display for TlsCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KNOWN: &str = "wanted TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20, and a P-256, P-384, Ed25519 or RSA \
                             key of 2048 bits or more";
        match self {
            TlsCause::Expired { since } => write!(f, "the server's certificate expired on {}", Date(*since)),
            TlsCause::NotYetValid { from } => {
                write!(f, "the server's certificate is not valid before {}", Date(*from))
            }
            TlsCause::WrongName { wanted, valid_for } => {
                write!(f, "the server's certificate is not valid for {wanted}")?;
                if valid_for.is_empty() {
                    return f.write_str(", it names nobody (no subjectAltName)");
                }
                let more = if valid_for.len() > MOST_NAMES { ", …" } else { "" };
                write!(f, ", but for {}{more}", valid_for[..valid_for.len().min(MOST_NAMES)].join(", "))
            }
            TlsCause::UnknownIssuer => {
                f.write_str("the server's certificate has an unknown issuer, wanted one that is in --cacert")
            }
            TlsCause::Unfit { why } => write!(f, "the server's certificate can't be accepted: {why}"),
            TlsCause::BadSignature => f.write_str("a signature of the server's does not verify"),
            TlsCause::UnknownSignature => write!(f, "the server's certificate or key is of an unknown kind, {KNOWN}"),
            TlsCause::Versions => f.write_str("no TLS version in common, wanted 1.2 or 1.3"),
            TlsCause::NothingInCommon => {
                write!(f, "nothing in common with the server's TLS (handshake_failure), {KNOWN}")
            }
            TlsCause::Alpn { wanted } => f.write_str(match wanted {
                Alpn::Http1 => {
                    "the server speaks no HTTP/1.1 over TLS (ALPN), HTTP/2 only perhaps; `grpc` or `tcp` can ask it"
                }
                Alpn::Http2 => "the server speaks no HTTP/2 over TLS (ALPN), so no gRPC",
            }),
            TlsCause::Alert { name } => write!(f, "the server ended the TLS handshake ({name})"),
            TlsCause::NotTls { asked: Alpn::Http1 } => {
                f.write_str("the server does not speak TLS; http:// asks it without")
            }
            TlsCause::NotTls { asked: Alpn::Http2 } => {
                f.write_str("the server does not speak TLS; leave --tls out to ask it without")
            }
            TlsCause::Broken => f.write_str("the server's TLS is broken"),
        }
    }
}

impl Trust {
    /// Reads the certificates of a PEM file.
    pub(crate) fn load(path: &Path) -> Result<Trust, Wrong> {
        let pinned = certificates(&read(path)?)?;
        let mut roots = RootCertStore::empty();
        for certificate in &pinned {
            roots
                .add(certificate.clone())
                .map_err(|_| Wrong("a certificate in it can't be understood".to_owned()))?;
        }
        Ok(Trust { roots: Arc::new(roots), pinned: pinned.into() })
    }
}

/// The certificates of a PEM file, and the key that may stand in it as well.
pub(crate) struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: Option<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Reads `--cert`.
    pub(crate) fn load(path: &Path) -> Result<Identity, Wrong> {
        let pem = read(path)?;
        let key = match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(key) => Some(key),
            Err(pem::Error::NoItemsFound) => None,
            Err(error) => return Err(wrong_pem(&error)),
        };
        Ok(Identity { certificates: certificates(&pem)?, key })
    }

    /// Joins certificate and key; `key` is that of `--key`. None: there is no key at all.
    pub(crate) fn with_key(self, key: Option<PrivateKeyDer<'static>>) -> Option<Result<Arc<CertifiedKey>, Wrong>> {
        let key = key.or(self.key)?;
        let joined = CertifiedKey::from_der(self.certificates, key, &ring::default_provider());
        Some(joined.map(Arc::new).map_err(|error| {
            Wrong(match error {
                Error::InconsistentKeys(_) => "the key does not match the certificate".to_owned(),
                _ => "the key is of an unknown kind, wanted P-256, P-384, Ed25519, or RSA of 2048 bits or more"
                    .to_owned(),
            })
        }))
    }
}

/// Reads `--key`.
pub(crate) fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, Wrong> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| match error {
        pem::Error::NoItemsFound => Wrong("no private key in it; an encrypted one can't be used".to_owned()),
        error => wrong_pem(&error),
    })
}

/// Reads `--server-name`.
pub(crate) fn server_name(text: &str) -> Result<ServerName<'static>, Wrong> {
    ServerName::try_from(text.to_owned()).map_err(|_| Wrong("wanted a host name or an address".to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, Wrong> {
    let (file, _) = regular_file::open(path).map_err(|why| Wrong(why.to_string()))?;
    let bytes = regular_file::read_start(file, MOST_PEM + 1).map_err(|why| Wrong(why.to_string()))?;
    match bytes.len() as u64 {
        0 => Err(Wrong("the file is empty".to_owned())),
        1..=MOST_PEM => Ok(bytes),
        _ => Err(Wrong("the file is longer than 1 MiB".to_owned())),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(Wrong("no certificate in it, wanted PEM".to_owned())),
        Ok(all) => Ok(all),
        Err(error) => Err(wrong_pem(&error)),
    }
}

/// What is wrong with a PEM file, without a byte of it.
fn wrong_pem(error: &pem::Error) -> Wrong {
    Wrong(match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a PEM section is not closed: only half of the file is there".to_owned()
        }
        _ => "not a PEM file that can be understood".to_owned(),
    })
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
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// True for webpki's "this certificate is an authority's, not a server's".
fn is_own_authority(error: &OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// What rustls' error means.
pub(crate) fn cause(error: &Error, wanted: Alpn) -> TlsCause {
    match error {
        Error::InvalidCertificate(error) => certificate_cause(error),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => TlsCause::Versions,
        Error::PeerIncompatible(_)
        | Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity) => {
            TlsCause::NothingInCommon
        }
        Error::NoApplicationProtocol | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            TlsCause::Alpn { wanted }
        }
        Error::AlertReceived(alert) => TlsCause::Alert { name: alert_name(*alert) },
        Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => TlsCause::NotTls { asked: wanted },
        _ => TlsCause::Broken,
    }
}

fn certificate_cause(error: &CertificateError) -> TlsCause {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => TlsCause::Expired { since: not_after.as_secs() },
        CertificateError::NotValidYetContext { not_before, .. } => {
            TlsCause::NotYetValid { from: not_before.as_secs() }
        }
        CertificateError::NotValidForNameContext { expected, presented } => TlsCause::WrongName {
            wanted: shown(&expected.to_str(), VALUE_CHARS),
            valid_for: presented.iter().map(|name| plain_name(name)).collect(),
        },
        CertificateError::UnknownIssuer => TlsCause::UnknownIssuer,
        CertificateError::BadSignature => TlsCause::BadSignature,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            TlsCause::Unfit { why: "it is not for servers (extendedKeyUsage)" }
        }
        CertificateError::UnhandledCriticalExtension => TlsCause::Unfit { why: "a critical extension is unknown" },
        CertificateError::BadEncoding => TlsCause::Unfit { why: "its encoding is broken" },
        CertificateError::Other(error) => match error.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                TlsCause::Unfit { why: "it is an authority's (CA:TRUE) and does not stand in --cacert itself" }
            }
            Some(webpki::Error::UnsupportedCertVersion) => TlsCause::Unfit { why: "it is not X.509 version 3" },
            _ => TlsCause::Unfit { why: "it is of an unknown kind" },
        },
        _ => TlsCause::UnknownSignature,
    }
}

/// A name out of webpki's list, which writes `DnsName("x")` and `IpAddress(1.2.3.4)`.
fn plain_name(presented: &str) -> String {
    let inside = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(presented);
    shown(inside.trim_matches('"'), VALUE_CHARS)
}

/// An alert as RFC 8446 spells it: `certificate_required`.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for char in format!("{alert:?}").chars() {
        if char.is_ascii_uppercase() && !name.is_empty() && !name.ends_with(|last: char| last.is_ascii_uppercase()) {
            name.push('_');
        }
        name.push(char);
    }
    name.to_ascii_lowercase()
}

/// Seconds since 1970 as a date in UTC.
struct Date(u64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        // Howard Hinnant's civil_from_days: years begin in March, so that the leap day is the last.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        let rows = [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_795_305_599, "2026-11-21 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59 UTC"),
        ];
        for (given, wanted) in rows {
            assert_eq!(Date(given).to_string(), wanted, "{given}");
        }
    }

    #[test]
    fn alerts_read_as_in_the_rfc() {
        for (alert, wanted) in [
            (AlertDescription::CertificateRequired, "certificate_required"),
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::InternalError, "internal_error"),
        ] {
            assert_eq!(alert_name(alert), wanted);
        }
    }
}
