//! grpc_health_probe's options. Its grammar is that of Go's flag package: one dash or two, `-x=v` and `-x v`,
//! `-x=false` for a switch, no clusters, no prefixes; the first word that is no option ends it all. Lengths need a
//! unit.

use super::table::Effect::{Ignored, Is, Refused};
use super::table::{Row, switch, value};

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Whom to ask.
    Addr,
    /// For which service.
    Service,
    /// A length for the call.
    RpcTimeout,
    /// A length for the connection.
    ConnectTimeout,
    /// Metadata, `name: value`.
    RpcHeader,
    /// The user-agent.
    UserAgent,
    /// TLS.
    Tls,
    /// The certificate is not verified.
    TlsNoVerify,
    /// Whom to trust.
    TlsCaCert,
    /// Our certificate.
    TlsClientCert,
    /// Our key.
    TlsClientKey,
    /// The name for SNI and verification.
    TlsServerName,
    /// Phases on standard error.
    Verbose,
    /// The version.
    Version,
    /// The help.
    Help,
}

/// Every option, by one dash.
pub(crate) static OPTIONS: &[Row<Meaning>] = &[
    value(&["-addr"], Is(Meaning::Addr)),
    value(&["-service"], Is(Meaning::Service)),
    value(&["-rpc-timeout"], Is(Meaning::RpcTimeout)),
    value(&["-connect-timeout"], Is(Meaning::ConnectTimeout)),
    value(&["-rpc-header"], Is(Meaning::RpcHeader)),
    value(&["-user-agent"], Is(Meaning::UserAgent)),
    switch(&["-tls"], Is(Meaning::Tls)),
    switch(&["-tls-no-verify"], Is(Meaning::TlsNoVerify)),
    value(&["-tls-ca-cert"], Is(Meaning::TlsCaCert)),
    value(&["-tls-client-cert"], Is(Meaning::TlsClientCert)),
    value(&["-tls-client-key"], Is(Meaning::TlsClientKey)),
    value(&["-tls-server-name"], Is(Meaning::TlsServerName)),
    switch(&["-v"], Is(Meaning::Verbose)),
    switch(&["-version"], Is(Meaning::Version)),
    switch(&["-h", "-help"], Is(Meaning::Help)),
    switch(&["-gzip"], Ignored),
    switch(
        &["-spiffe"],
        Refused("exec-probe knows no SPIFFE agent; write -tls-ca-cert, -tls-client-cert and -tls-client-key"),
    ),
    switch(&["-alts"], Refused("exec-probe does not speak ALTS")),
];
