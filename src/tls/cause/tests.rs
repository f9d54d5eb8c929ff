//! Tests of TLS causes: each one's text, as docs/troubleshooting.md has them.

use super::*;

/// The row of a cause in the table; the compiler wants a line for each.
fn place(cause: &TlsCause) -> usize {
    match cause {
        TlsCause::Expired { .. } => 0,
        TlsCause::NotYetValid { .. } => 1,
        TlsCause::WrongName { .. } => 2,
        TlsCause::UnknownIssuer => 3,
        TlsCause::SelfSigned { .. } => 4,
        TlsCause::Unfit { why, .. } => match why {
            Unfit::Purpose => 5,
            Unfit::Critical { .. } => 6,
            Unfit::Encoding => 7,
            Unfit::Version => 8,
            Unfit::Dates => 9,
            Unfit::NoAuthority => 10,
            Unfit::IsAuthority => 11,
            Unfit::KeyUsage => 12,
            Unfit::PathLength => 13,
            Unfit::NameConstraints => 14,
            Unfit::ManyIntermediates => 15,
            Unfit::Other { .. } => 16,
        },
        TlsCause::OtherKey => 17,
        TlsCause::UnknownSignature { .. } => 18,
        TlsCause::RsaBits { .. } => 19,
        TlsCause::BadSignature => 20,
        TlsCause::UnknownKey => 21,
        TlsCause::NoName { .. } => 22,
        TlsCause::Versions => 23,
        TlsCause::NothingInCommon => 24,
        TlsCause::Alpn { .. } => 25,
        TlsCause::NoHttp => 26,
        TlsCause::Alert { .. } => 27,
        TlsCause::Ended { .. } => 28,
        TlsCause::NotTls { .. } => 29,
        TlsCause::Broken => 30,
        TlsCause::NobodyTrusted => 31,
    }
}

#[test]
fn every_cause_reads_whole() {
    use Whose::{Authority, Intermediate, Server};
    let wanted_name = |valid_for: &[&str]| TlsCause::WrongName {
        wanted: "localhost".to_owned(),
        valid_for: valid_for.iter().map(|name| (*name).to_owned()).collect(),
    };
    let unfit = |whose, why| TlsCause::Unfit { whose, why };
    let name = || "handshake_failure".to_owned();
    let rows = [
        (
            TlsCause::Expired { whose: Server, since: Date(0) },
            "the server's certificate expired on 1970-01-01 00:00 UTC",
        ),
        (
            TlsCause::NotYetValid { whose: Intermediate, from: Date(0) },
            "an intermediate certificate that the server sent is not valid before 1970-01-01 00:00 UTC",
        ),
        (
            wanted_name(&[]),
            "the server's certificate is not valid for localhost: it names no host (no subjectAltName)",
        ),
        (
            wanted_name(&["a", "b", "c", "d", "e", "f"]),
            "the server's certificate is not valid for localhost, but for a, b, c, d, e, …; --server-name verifies another",
        ),
        (
            TlsCause::NobodyTrusted,
            "the server's certificate can't be verified: this host has no store of authorities",
        ),
        (TlsCause::UnknownIssuer, "the server's certificate has an unknown issuer, wanted one that is in --cacert"),
        (TlsCause::SelfSigned { has_namesake: false }, "the server's certificate is self-signed and not in --cacert"),
        (
            TlsCause::SelfSigned { has_namesake: true },
            "the server's certificate is self-signed and not the one of its name in --cacert (renewed?)",
        ),
        (
            unfit(Server, Unfit::Purpose),
            "the server's certificate can't be accepted: it is not for servers (extendedKeyUsage)",
        ),
        (
            unfit(Server, Unfit::Critical { name: "1.2.3".to_owned() }),
            "the server's certificate can't be accepted: its critical extension 1.2.3 is not understood",
        ),
        (unfit(Server, Unfit::Encoding), "the server's certificate can't be accepted: its encoding is broken"),
        (unfit(Server, Unfit::Version), "the server's certificate can't be accepted: it is not X.509 version 3"),
        (
            unfit(Server, Unfit::Dates),
            "the server's certificate can't be accepted: its dates are no dates from 1970 on",
        ),
        (
            unfit(Authority, Unfit::NoAuthority),
            "the issuer's certificate in --cacert can't be accepted: it is not an authority's (no CA:TRUE)",
        ),
        (
            unfit(Server, Unfit::IsAuthority),
            "the server's certificate can't be accepted: it is an authority's (CA:TRUE) and is not in --cacert itself",
        ),
        (
            unfit(Intermediate, Unfit::KeyUsage),
            "an intermediate certificate that the server sent can't be accepted: it may not sign certificates \
             (keyUsage without keyCertSign)",
        ),
        (
            unfit(Authority, Unfit::PathLength),
            "the issuer's certificate in --cacert can't be accepted: more authorities follow it than it allows (pathlen)",
        ),
        (
            unfit(Server, Unfit::NameConstraints),
            "the server's certificate can't be accepted: an authority above it does not allow its names \
             (nameConstraints)",
        ),
        (
            unfit(Server, Unfit::ManyIntermediates),
            "the server's certificate can't be accepted: it needs more than six intermediate certificates",
        ),
        (
            unfit(Server, Unfit::Other { name: "InvalidCertValidity".to_owned() }),
            "the server's certificate can't be accepted: its chain is not understood (InvalidCertValidity)",
        ),
        (
            TlsCause::OtherKey,
            "the server's certificate is signed by another key than its issuer's in --cacert or beside it (renewed?)",
        ),
        (
            TlsCause::UnknownSignature { by: "RSA with SHA-1".to_owned(), key: None },
            "the server's certificate or its issuer's is signed by RSA with SHA-1, wanted ECDSA with SHA-256 or SHA-384, \
             Ed25519, or RSA with SHA-256, SHA-384 or SHA-512",
        ),
        (
            TlsCause::UnknownSignature { by: "ECDSA with SHA-256".to_owned(), key: Some("P-521".to_owned()) },
            "the server's certificate or its issuer's is signed by ECDSA with SHA-256 with a P-521 key, wanted a P-256, \
             P-384, Ed25519 or RSA key",
        ),
        (
            TlsCause::RsaBits { whose: Server, bits: 1024 },
            "the server's certificate has an RSA key of 1024 bits, wanted 2048 to 8192",
        ),
        (TlsCause::BadSignature, "a signature of the server's does not verify"),
        (
            TlsCause::UnknownKey,
            "the server's certificate or key is of an unknown kind, wanted TLS 1.2 or 1.3 with ECDHE and AES-GCM or \
             ChaCha20, and a P-256, P-384, Ed25519 or RSA key of 2048 bits or more",
        ),
        (TlsCause::NoName { host: "a..b".to_owned() }, "a..b is no name for TLS, wanted one by --server-name"),
        (TlsCause::Versions, "no TLS version in common, wanted 1.2 or 1.3"),
        (
            TlsCause::NothingInCommon,
            "nothing in common with the server's TLS (handshake_failure), wanted TLS 1.2 or 1.3 with ECDHE and AES-GCM \
             or ChaCha20, and a P-256, P-384, Ed25519 or RSA key of 2048 bits or more",
        ),
        (TlsCause::Alpn { wanted: Alpn::Http1 }, "the server speaks no HTTP/1.1 over TLS (ALPN)"),
        (TlsCause::NoHttp, "the server speaks neither HTTP/1.1 nor HTTP/2 over TLS (ALPN)"),
        (TlsCause::Alpn { wanted: Alpn::Http2 }, "the server speaks no HTTP/2 over TLS (ALPN), so no gRPC"),
        (
            TlsCause::Alert { name: "unrecognized_name".to_owned() },
            "the server ended the TLS handshake (unrecognized_name); --server-name sends another name",
        ),
        (TlsCause::Alert { name: name() }, "the server ended the TLS handshake (handshake_failure)"),
        (TlsCause::Ended { name: name() }, "the server ended TLS (handshake_failure)"),
        (TlsCause::NotTls { asked: Alpn::Http1 }, "the server does not speak TLS; http:// asks it without"),
        (TlsCause::NotTls { asked: Alpn::Http2 }, "the server does not speak TLS; leave --tls out to ask it without"),
        (TlsCause::Broken, "the server's TLS is broken"),
    ];
    for (cause, wanted) in &rows {
        assert_eq!(cause.to_string(), *wanted);
    }
    let places: std::collections::BTreeSet<usize> = rows.iter().map(|(cause, _)| place(cause)).collect();
    assert!(places.into_iter().eq(0..32), "a cause has no row");
    crate::page::assert_listed("tls causes", rows.iter().map(|(cause, text)| (cause, cause.name(), *text)));
}

#[test]
fn names_of_a_certificate_are_shown_as_what_they_are() {
    let rows = [
        (r#"DnsName("localhost")"#, "localhost"),
        (r#"DnsName("127.0.0.1")"#, "127.0.0.1 as a DNS name"),
        ("IpAddress(0::1)", "::1"),
        (r#"UniformResourceIdentifier("spiffe://a/b(c)")"#, "spiffe://a/b(c)"),
    ];
    for (given, wanted) in rows {
        assert_eq!(plain_name(given), wanted);
    }
}

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
