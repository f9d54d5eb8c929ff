//! grpc_health_probe's options. Its grammar is that of Go's flag package: one dash or two, `-x=v` and `-x v`, `-x=false` for
//! a switch, no clusters, no prefixes; the first word that is no option ends it all. Lengths need a unit.

use super::table::Effect::{Ignored, Is, Refused};
use super::table::{Row, switch, value};

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Option {
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
pub(crate) static OPTIONS: &[Row<Option>] = &[
    value(&["-addr"], Is(Option::Addr)),
    value(&["-service"], Is(Option::Service)),
    value(&["-rpc-timeout"], Is(Option::RpcTimeout)),
    value(&["-connect-timeout"], Is(Option::ConnectTimeout)),
    value(&["-rpc-header"], Is(Option::RpcHeader)),
    value(&["-user-agent"], Is(Option::UserAgent)),
    switch(&["-tls"], Is(Option::Tls)),
    switch(&["-tls-no-verify"], Is(Option::TlsNoVerify)),
    value(&["-tls-ca-cert"], Is(Option::TlsCaCert)),
    value(&["-tls-client-cert"], Is(Option::TlsClientCert)),
    value(&["-tls-client-key"], Is(Option::TlsClientKey)),
    value(&["-tls-server-name"], Is(Option::TlsServerName)),
    switch(&["-v"], Is(Option::Verbose)),
    switch(&["-version"], Is(Option::Version)),
    switch(&["-h", "-help"], Is(Option::Help)),
    switch(&["-gzip"], Ignored),
    switch(
        &["-spiffe"],
        Refused("exec-probe knows no SPIFFE agent; write -tls-ca-cert, -tls-client-cert and -tls-client-key"),
    ),
    switch(&["-alts"], Refused("exec-probe does not speak ALTS")),
];
