//! What rustls' errors mean to a person: expired since when, valid for whom, which side lacks what.

use std::fmt;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::text::{VALUE_CHARS, shown};
use crate::tls::Alpn;
use crate::tls::date::Date;

/// How many names of a certificate a message shows.
const MOST_NAMES: usize = 5;

/// What went wrong in TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsCause {
    /// The certificate's last second has passed.
    Expired { since: Date },
    /// The certificate's first second is to come.
    NotYetValid { from: Date },
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
    /// The server ended the session with this alert, its handshake long done.
    Ended { name: String },
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
            TlsCause::Expired { since } => write!(f, "the server's certificate expired on {}", since),
            TlsCause::NotYetValid { from } => {
                write!(f, "the server's certificate is not valid before {}", from)
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
            TlsCause::Ended { name } => write!(f, "the server ended TLS ({name})"),
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

/// What rustls' error means. `agreed`: both sides had found a cipher suite, so that it is not for lack of one.
pub(crate) fn cause(error: &Error, wanted: Alpn, agreed: bool) -> TlsCause {
    match error {
        Error::InvalidCertificate(error) => certificate_cause(error),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => TlsCause::Versions,
        Error::AlertReceived(alert @ AlertDescription::HandshakeFailure) if agreed => {
            TlsCause::Alert { name: alert_name(*alert) }
        }
        Error::PeerIncompatible(_)
        | Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity) => {
            TlsCause::NothingInCommon
        }
        Error::NoApplicationProtocol | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            TlsCause::Alpn { wanted }
        }
        Error::AlertReceived(alert) => TlsCause::Alert { name: alert_name(*alert) },
        Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) if !agreed => {
            TlsCause::NotTls { asked: wanted }
        }
        _ => TlsCause::Broken,
    }
}

fn certificate_cause(error: &CertificateError) -> TlsCause {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => TlsCause::Expired { since: date(*not_after) },
        CertificateError::NotValidYetContext { not_before, .. } => TlsCause::NotYetValid { from: date(*not_before) },
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
            Some(webpki::Error::UnsupportedCriticalExtension) => {
                TlsCause::Unfit { why: "a critical extension is unknown" }
            }
            Some(webpki::Error::UnsupportedCertVersion) => TlsCause::Unfit { why: "it is not X.509 version 3" },
            _ => TlsCause::Unfit { why: "it is of an unknown kind" },
        },
        _ => TlsCause::UnknownSignature,
    }
}

fn date(time: UnixTime) -> Date {
    Date(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// A name out of webpki's list, which writes `DnsName("x")` and `IpAddress(1.2.3.4)`.
fn plain_name(presented: &str) -> String {
    let inside = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(presented);
    match inside.parse::<std::net::IpAddr>() {
        // webpki writes 0::1.
        Ok(ip) => ip.to_string(),
        Err(_) => shown(inside.trim_matches('"'), VALUE_CHARS),
    }
}

/// An alert as RFC 8446 spells it: `certificate_required`.
fn alert_name(alert: AlertDescription) -> String {
    if let AlertDescription::Unknown(number) = alert {
        return format!("alert {number}");
    }
    let mut name = String::new();
    for char in format!("{alert:?}").chars() {
        if char.is_ascii_uppercase() && !name.is_empty() && !name.ends_with(|last: char| last.is_ascii_uppercase()) {
            name.push('_');
        }
        name.push(char);
    }
    // rustls spells one of them its own way.
    name.to_ascii_lowercase().replace("recognised", "recognized")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_read_as_in_the_rfc() {
        for (alert, wanted) in [
            (AlertDescription::CertificateRequired, "certificate_required"),
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::InternalError, "internal_error"),
            (AlertDescription::Unknown(231), "alert 231"),
        ] {
            assert_eq!(alert_name(alert), wanted);
        }
    }
}
