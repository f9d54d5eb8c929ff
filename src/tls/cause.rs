//! What rustls' errors mean to a person: expired since when, valid for whom, which side lacks what.

use std::fmt;

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
    Expired { whose: Whose, since: Date },
    /// The certificate's first second is to come.
    NotYetValid { whose: Whose, from: Date },
    /// The certificate is for other names.
    WrongName { wanted: String, valid_for: Vec<String> },
    /// It is to be verified, and there is nobody to trust.
    NobodyTrusted,
    /// Nobody in `--cacert` signed it.
    UnknownIssuer,
    /// It signed itself and is not in `--cacert`, which holds another of its name perhaps.
    SelfSigned { has_namesake: bool },
    /// The certificate must not be used for this, or limits itself in a way that is not understood.
    Unfit { whose: Whose, why: Unfit },
    /// A certificate is signed by another key than the authority of that name has.
    OtherKey,
    /// A certificate is signed in a way that is not verified, or by a key of such a kind.
    UnknownSignature { by: String, key: Option<String> },
    /// An RSA key that is too short or too long.
    RsaBits { whose: Whose, bits: usize },
    /// The handshake's signature does not verify.
    BadSignature,
    /// The key that the handshake is signed by is of a kind that is not spoken.
    UnknownKey,
    /// No name that TLS could send or verify.
    NoName { host: String },
    /// Server and probe have no protocol version in common.
    Versions,
    /// Server and probe have no cipher suite or signature in common.
    NothingInCommon,
    /// The server speaks another protocol above TLS.
    Alpn { wanted: Alpn },
    /// The server speaks neither version of HTTP above TLS.
    NoHttp,
    /// The server ended the handshake with this alert.
    Alert { name: String },
    /// The server ended the session with this alert, its handshake long done.
    Ended { name: String },
    /// The answer is no TLS.
    NotTls { asked: Alpn },
    /// The answer breaks TLS's grammar.
    Broken,
}

/// Which certificate of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The server's own.
    Server,
    /// One that the server sent beside its own.
    Intermediate,
    /// One of `--cacert`, where it is to vouch for the server's.
    Authority,
}

/// Why a certificate can't be used for what it is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its extendedKeyUsage has no serverAuth.
    Purpose,
    /// A critical extension that is not read.
    Critical { name: String },
    /// It breaks the grammar.
    Encoding,
    /// An X.509 version that webpki does not read.
    Version,
    /// A date before 1970, which webpki does not read, or none at all.
    Dates,
    /// It signed another, and is no authority's.
    NoAuthority,
    /// It is a server's, and an authority's.
    IsAuthority,
    /// Its keyUsage has no keyCertSign.
    KeyUsage,
    /// Its pathLenConstraint is exceeded.
    PathLength,
    /// An authority's nameConstraints exclude its names.
    NameConstraints,
    /// More intermediates than webpki follows.
    ManyIntermediates,
    /// What else webpki finds.
    Other { name: String },
}

impl TlsCause {
    /// The word in JSON's `cause`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            TlsCause::Expired { .. }
            | TlsCause::NotYetValid { .. }
            | TlsCause::WrongName { .. }
            | TlsCause::NobodyTrusted
            | TlsCause::UnknownIssuer
            | TlsCause::SelfSigned { .. }
            | TlsCause::Unfit { .. }
            | TlsCause::OtherKey
            | TlsCause::UnknownSignature { .. }
            | TlsCause::RsaBits { .. }
            | TlsCause::BadSignature
            | TlsCause::UnknownKey => "certificate",
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
            TlsCause::Expired { whose, since } => write!(f, "{whose} expired on {since}"),
            TlsCause::NotYetValid { whose, from } => write!(f, "{whose} is not valid before {from}"),
            TlsCause::WrongName { wanted, valid_for } => {
                write!(f, "the server's certificate is not valid for {wanted}")?;
                if valid_for.is_empty() {
                    return f.write_str(": it names no host (no subjectAltName)");
                }
                let more = if valid_for.len() > MOST_NAMES { ", …" } else { "" };
                write!(f, ", but for {}{more}; --server-name verifies another", valid_for[..valid_for.len().min(MOST_NAMES)].join(", "))
            }
            TlsCause::NobodyTrusted => {
                f.write_str("the server's certificate can't be verified: this host has no store of authorities")
            }
            TlsCause::UnknownIssuer => {
                f.write_str("the server's certificate has an unknown issuer, wanted one that is in --cacert")
            }
            TlsCause::SelfSigned { has_namesake } => f.write_str(match has_namesake {
                false => "the server's certificate is self-signed and not in --cacert",
                true => "the server's certificate is self-signed and not the one of its name in --cacert (renewed?)",
            }),
            TlsCause::Unfit { whose, why } => write!(f, "{whose} can't be accepted: {why}"),
            TlsCause::OtherKey => f.write_str(
                "the server's certificate is signed by another key than its issuer's in --cacert or beside it (renewed?)",
            ),
            TlsCause::UnknownSignature { by, key: None } => write!(
                f,
                "the server's certificate or its issuer's is signed by {by}, wanted ECDSA with SHA-256 or SHA-384, Ed25519, \
                 or RSA with SHA-256, SHA-384 or SHA-512"
            ),
            TlsCause::UnknownSignature { by, key: Some(key) } => write!(
                f,
                "the server's certificate or its issuer's is signed by {by} with a {key} key, wanted a P-256, P-384, \
                 Ed25519 or RSA key"
            ),
            TlsCause::RsaBits { whose, bits } => {
                write!(f, "{whose} has an RSA key of {bits} bits, wanted 2048 to 8192")
            }
            TlsCause::BadSignature => f.write_str("a signature of the server's does not verify"),
            TlsCause::UnknownKey => write!(f, "the server's certificate or key is of an unknown kind, {KNOWN}"),
            TlsCause::NoName { host } => write!(f, "{host} is no name for TLS, wanted one by --server-name"),
            TlsCause::Versions => f.write_str("no TLS version in common, wanted 1.2 or 1.3"),
            TlsCause::NothingInCommon => {
                write!(f, "nothing in common with the server's TLS (handshake_failure), {KNOWN}")
            }
            TlsCause::Alpn { wanted } => f.write_str(match wanted {
                Alpn::Http1 => "the server speaks no HTTP/1.1 over TLS (ALPN)",
                Alpn::Http2 => "the server speaks no HTTP/2 over TLS (ALPN), so no gRPC",
            }),
            TlsCause::NoHttp => f.write_str("the server speaks neither HTTP/1.1 nor HTTP/2 over TLS (ALPN)"),
            TlsCause::Alert { name } if name == "unrecognized_name" => {
                write!(f, "the server ended the TLS handshake ({name}); --server-name sends another name")
            }
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

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Whose::Server => "the server's certificate",
            Whose::Intermediate => "an intermediate certificate that the server sent",
            Whose::Authority => "the issuer's certificate in --cacert",
        })
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::Purpose => "it is not for servers (extendedKeyUsage)",
            Unfit::Critical { name } => return write!(f, "its critical extension {name} is not understood"),
            Unfit::Encoding => "its encoding is broken",
            Unfit::Version => "it is not X.509 version 3",
            Unfit::Dates => "its dates are no dates from 1970 on",
            Unfit::NoAuthority => "it is not an authority's (no CA:TRUE)",
            Unfit::IsAuthority => "it is an authority's (CA:TRUE) and is not in --cacert itself",
            Unfit::KeyUsage => "it may not sign certificates (keyUsage without keyCertSign)",
            Unfit::PathLength => "more authorities follow it than it allows (pathlen)",
            Unfit::NameConstraints => "an authority above it does not allow its names (nameConstraints)",
            Unfit::ManyIntermediates => "it needs more than six intermediate certificates",
            Unfit::Other { name } => return write!(f, "its chain is not understood ({name})"),
        })
    }
}

/// What rustls' error means. `agreed`: both sides had found a cipher suite, so that it is not for lack of one.
pub(super) fn cause(error: &Error, wanted: Alpn, agreed: bool) -> TlsCause {
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

/// What rustls found wrong where it looked itself, which is at a handshake's signature alone.
fn certificate_cause(error: &CertificateError) -> TlsCause {
    let unfit = |why| TlsCause::Unfit { whose: Whose::Server, why };
    match error {
        CertificateError::BadSignature => TlsCause::BadSignature,
        CertificateError::BadEncoding => unfit(Unfit::Encoding),
        _ => TlsCause::UnknownKey,
    }
}

/// A name out of webpki's list, which writes `DnsName("x")` and `IpAddress(1.2.3.4)`.
pub(super) fn plain_name(presented: &str) -> String {
    let (kind, inside) = presented.split_once('(').unwrap_or(("", presented));
    let inside = inside.strip_suffix(')').unwrap_or(inside).trim_matches('"');
    match inside.parse::<std::net::IpAddr>() {
        // webpki writes 0::1.
        Ok(ip) if kind == "IpAddress" => ip.to_string(),
        Ok(ip) => format!("{ip} as a DNS name"),
        Err(_) => shown(inside, VALUE_CHARS),
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
mod tests;
