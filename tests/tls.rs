//! TLS against rustls' server, with certificates made on the spot.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use crate::support::{Folder, Server, exec_probe, read_head, response};

/// What makes a certificate a special one.
type Change<'a> = &'a dyn Fn(&mut CertificateParams);

/// Names, issuer, particulars, the host that is asked, and what comes of it.
type Row<'a> = (&'a [&'a str], Option<&'a Authority>, Change<'a>, &'a str, &'a str);

/// A certificate and its key.
struct Made {
    der: CertificateDer<'static>,
    pem: String,
    key: KeyPair,
}

impl Made {
    /// A certificate for these names, signed by `issuer`, or by itself.
    fn new(names: &[&str], issuer: Option<&Authority>, change: impl FnOnce(&mut CertificateParams)) -> Made {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.iter().map(|name| san(name)).collect();
        change(&mut params);
        let made = match issuer {
            Some(issuer) => params.signed_by(&key, &issuer.0),
            None => params.self_signed(&key),
        };
        let made = made.expect("a certificate");
        Made { der: made.der().clone(), pem: made.pem(), key }
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key")
    }
}

pub(crate) fn san(name: &str) -> SanType {
    match name.parse() {
        Ok(ip) => SanType::IpAddress(ip),
        Err(_) => SanType::DnsName(name.try_into().expect("a name")),
    }
}

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Another name for each, or one would be taken for the other and only its signature found wrong.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("authority {}", NEXT.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }
}

fn server_config(made: &Made) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.der.clone()], made.key_der())
        .expect("a server's certificate")
}

fn config_that_wants_certificates(made: &Made, authority: &Authority) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).expect("a root");
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().expect("a verifier");
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![made.der.clone()], made.key_der())
        .expect("a server's certificate")
}

/// Speaks TLS on a connection; returns the name that the client sent, and what `talk` returns.
fn speak(config: &Arc<ServerConfig>, stream: &mut TcpStream, talk: impl Fn(&mut dyn ReadWrite) -> String) -> String {
    let mut session = ServerConnection::new(config.clone()).expect("a session");
    let mut tls = rustls::Stream::new(&mut session, stream);
    if tls.flush().is_err() {
        return "no handshake".to_owned();
    }
    let said = talk(&mut tls);
    session.send_close_notify();
    let _ = session.write_tls(stream);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
    format!("{} {said}", session.server_name().unwrap_or("-"))
}

pub(crate) trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// An HTTPS server that answers 200.
pub(crate) fn https(times: usize, config: ServerConfig) -> Server {
    let config = Arc::new(config);
    Server::new(times, move |_, stream| {
        speak(&config, stream, |mut tls| {
            let head = read_head(&mut tls);
            let _ = tls.write_all(response("200 OK", "", "").as_bytes());
            let _ = tls.flush();
            head.lines().next().unwrap_or_default().to_owned()
        })
    })
}

/// A TLS server's configuration with a certificate for localhost.
pub(crate) fn secure() -> ServerConfig {
    server_config(&Made::new(&["localhost"], None, |_| {}))
}

/// A TLS server that is spoken to as `talk` says.
pub(crate) fn talking(
    times: usize,
    config: ServerConfig,
    talk: impl Fn(&mut dyn ReadWrite) -> String + Send + Sync + 'static,
) -> Server {
    let config = Arc::new(config);
    Server::new(times, move |_, stream| speak(&config, stream, &talk))
}

#[test]
fn without_cacert_nothing_is_verified_but_the_handshake() {
    let rows = [
        Made::new(&["example.org"], None, |_| {}),
        Made::new(&[], None, |params| params.not_after = rcgen::date_time_ymd(2001, 2, 3)),
        Made::new(&[], None, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
    ];
    for made in rows {
        let server = https(1, server_config(&made));
        let label = format!("http GET https://localhost:{}/x", server.port);
        exec_probe(["http", &format!("https://localhost:{}/x", server.port)])
            .stdout(format!("{label}: status 200 (TIME)"))
            .exit(0);
        assert_eq!(server.finish(), ["localhost GET /x HTTP/1.1"]);
    }
}

/// A DER value with this tag.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).expect("a short value").to_be_bytes();
    let head = match len {
        [0, len @ 0..0x80] => vec![tag, len],
        [0, len] => vec![tag, 0x81, len],
        [first, last] => vec![tag, 0x82, first, last],
    };
    [&head, content].concat()
}

/// The DER values that stand one behind the other in `content`, whole.
pub(crate) fn values(mut content: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let [_, len, ..] = content {
        let (head, len) = match len {
            0x81 => (3, usize::from(content[2])),
            0x82 => (4, usize::from(content[2]) << 8 | usize::from(content[3])),
            len => (2, usize::from(*len)),
        };
        let (value, rest) = content.split_at(head + len);
        all.push(value);
        content = rest;
    }
    all
}

pub(crate) fn content(value: &[u8]) -> &[u8] {
    &value[if value[1] < 0x80 { 2 } else { 2 + usize::from(value[1] - 0x80) }..]
}

/// The certificate as X.509 version 1: without version and extensions. Its own signature breaks, which nobody checks.
fn version_1(made: &Made) -> CertificateDer<'static> {
    let parts = values(content(&made.der));
    let fields = values(content(parts[0]));
    let kept: Vec<u8> =
        fields.iter().filter(|field| field[0] != 0xa0 && field[0] != 0xa3).copied().flatten().copied().collect();
    der(0x30, &[&der(0x30, &kept), parts[1], parts[2]].concat()).into()
}

/// Gives this certificate whatever key it comes with.
#[derive(Debug)]
pub(crate) struct Gives(pub(crate) Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Gives {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }
}

#[test]
fn the_server_must_hold_the_key_of_its_certificate() {
    let (one, other) = (Made::new(&["localhost"], None, |_| {}), Made::new(&["localhost"], None, |_| {}));
    let rows = [
        (one.der.clone(), &one, true),
        (one.der.clone(), &other, false),
        (version_1(&one), &one, true),
        (version_1(&one), &other, false),
    ];
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (certificate, signer, is_its_own) in &rows {
            let key = rustls::crypto::ring::sign::any_supported_type(&signer.key_der()).expect("a key");
            let given = Gives(Arc::new(rustls::sign::CertifiedKey::new(vec![certificate.clone()], key)));
            let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_protocol_versions(&[version])
                .expect("a version")
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(given));
            let server = https(1, config);
            let url = format!("https://localhost:{}/", server.port);
            let run = exec_probe(["http", &url]);
            match is_its_own {
                true => run.stdout(format!("http GET {url}: status 200 (TIME)")).exit(0),
                false => run.stderr(format!("http GET {url}: a signature of the server's does not verify")).exit(1),
            }
        }
    }
}

#[test]
fn with_cacert_chain_dates_and_name_are_verified() {
    let folder = Folder::new();
    let (authority, other) = (Authority::new(), Authority::new());
    let both = folder.file("both.pem", format!("{}{}", other.0.pem(), authority.0.pem()));
    let expired = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2001, 2, 3);
    let early = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(2199, 2, 3);
    let plain = |_: &mut CertificateParams| {};
    let wrong = "the server's certificate is not valid for";
    let rows: [Row<'_>; 11] = [
        (&["localhost"], Some(&authority), &plain, "localhost", "ok"),
        (&["localhost", "127.0.0.1"], Some(&authority), &plain, "127.0.0.1", "ok"),
        (&["*.web.localhost"], Some(&authority), &plain, "a.web.localhost", "ok"),
        (
            &["shop.example", "10.0.0.7"],
            Some(&authority),
            &plain,
            "localhost",
            &format!("{wrong} localhost, but for shop.example, 10.0.0.7; --server-name verifies another"),
        ),
        (
            &["localhost"],
            Some(&authority),
            &plain,
            "127.0.0.1",
            &format!("{wrong} 127.0.0.1, but for localhost; --server-name verifies another"),
        ),
        (
            &[],
            Some(&authority),
            &plain,
            "localhost",
            &format!("{wrong} localhost: it names no host (no subjectAltName)"),
        ),
        (
            &["localhost"],
            Some(&authority),
            &expired,
            "localhost",
            "the server's certificate expired on 2001-02-03 00:00 UTC",
        ),
        (
            &["localhost"],
            Some(&authority),
            &early,
            "localhost",
            "the server's certificate is not valid before 2199-02-03 00:00 UTC",
        ),
        (
            &["localhost"],
            Some(&Authority::new()),
            &plain,
            "localhost",
            "the server's certificate has an unknown issuer, wanted one that is in --cacert",
        ),
        (&["localhost"], None, &plain, "localhost", "the server's certificate is self-signed and not in --cacert"),
        (
            &["localhost"],
            None,
            &|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            "localhost",
            "the server's certificate is self-signed and not in --cacert",
        ),
    ];
    for (names, issuer, change, host, wanted) in rows {
        let made = Made::new(names, issuer, change);
        let server = https(1, server_config(&made));
        let url = format!("https://{host}:{}/", server.port);
        let run = exec_probe(["http", "--cacert", &both, &url]);
        match wanted {
            "ok" => run.stdout(format!("http GET {url}: status 200 (TIME)")).exit(0),
            why => run.stderr(format!("http GET {url}: {why}")).exit(1),
        }
    }
}

#[test]
fn a_pinned_certificate_is_accepted_by_its_dates_and_names() {
    let folder = Folder::new();
    let own = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let old = |params: &mut CertificateParams| {
        own(params);
        params.not_after = rcgen::date_time_ymd(2001, 2, 3);
    };
    let plain = |_: &mut CertificateParams| {};
    let rows: [(&[&str], Change<'_>, &str); 6] = [
        (&["localhost"], &own, "ok"),
        (&["localhost"], &plain, "ok"),
        (&[], &own, "ok"),
        (&[], &plain, "ok"),
        (
            &["shop.example"],
            &own,
            "the server's certificate is not valid for localhost, but for shop.example; --server-name verifies another",
        ),
        (&["localhost"], &old, "the server's certificate expired on 2001-02-03 00:00 UTC"),
    ];
    for (at, (names, change, wanted)) in rows.into_iter().enumerate() {
        let made = Made::new(names, None, change);
        let pem = folder.file(&format!("{at}.pem"), &made.pem);
        let server = https(1, server_config(&made));
        let url = format!("https://localhost:{}/", server.port);
        let (code, stdout, stderr) = exec_probe(["http", "-v", "--cacert", &pem, &url]).output();
        let told = "note: the certificate is pinned by --cacert and names no host, so the name was not checked\n";
        assert_eq!(stderr.contains(told), names.is_empty(), "{at}: {stderr}");
        match wanted {
            "ok" => assert_eq!(
                (code, stdout.starts_with(&format!("http GET {url}: status 200"))),
                (Some(0), true),
                "{at}: {stderr}"
            ),
            why => {
                assert_eq!(code, Some(1), "{at}");
                assert!(stderr.ends_with(&format!("http GET {url}: {why}\n")), "{at}: {stderr}");
            }
        }
    }
}

#[test]
fn the_name_that_is_sent_and_verified() {
    let folder = Folder::new();
    let authority = Authority::new();
    let cacert = folder.file("ca.pem", authority.0.pem());
    let made = Made::new(&["shop.example", "localhost", "127.0.0.1"], Some(&authority), |_| {});
    let rows: [(&str, &[&str], &str); 4] = [
        ("LocalHost.", &[], "localhost"),
        ("127.0.0.1", &[], "-"),
        ("127.0.0.1", &["--server-name=shop.example"], "shop.example"),
        ("localhost", &["--server-name", "127.0.0.1", "-H", "Host: shop.example"], "-"),
    ];
    for (host, options, sent) in rows {
        let server = https(1, server_config(&made));
        let url = format!("https://{host}:{}/", server.port);
        let args = ["http", "--cacert", &cacert].into_iter().chain(options.iter().copied()).chain([url.as_str()]);
        exec_probe(args).stdout(format!("http GET {url}: status 200 (TIME)")).exit(0);
        assert_eq!(server.finish(), [format!("{sent} GET / HTTP/1.1")], "{host} {options:?}");
    }
}

#[test]
fn a_host_that_is_no_name_for_tls_is_refused_before_anything_is_asked() {
    for host in ["a..localhost", "-.localhost", "a-.localhost", &format!("{}.localhost", "a".repeat(64))] {
        for args in [vec!["http", &format!("https://{host}:1/")], vec!["grpc", "--tls", &format!("{host}:1")]] {
            let (code, _, stderr) = exec_probe(&args).output();
            assert_eq!((code, stderr.contains("TLS is broken")), (Some(64), false), "{host}: {stderr}");
        }
    }
}

#[test]
fn a_certificate_that_the_server_asks_for() {
    let folder = Folder::new();
    let authority = Authority::new();
    let made = Made::new(&["localhost"], Some(&authority), |_| {});
    let client = Made::new(&["client"], Some(&authority), |_| {});
    let cert = folder.file("client.pem", &client.pem);
    let key = folder.file("client.key", client.key.serialize_pem());
    let joined = folder.file("joined.pem", format!("{}{}", client.key.serialize_pem(), client.pem));
    let config = || config_that_wants_certificates(&made, &authority);
    for options in [&["--cert", cert.as_str(), "--key", key.as_str()][..], &["--cert", joined.as_str()]] {
        let server = https(1, config());
        let url = format!("https://localhost:{}/", server.port);
        let args = ["http"].into_iter().chain(options.iter().copied()).chain([url.as_str()]);
        exec_probe(args).stdout(format!("http GET {url}: status 200 (TIME)")).exit(0);
    }
    let server = https(1, config());
    let port = server.port;
    exec_probe(["http", &format!("https://localhost:{port}/")])
        .stderr(format!(
            "http GET https://localhost:{port}/: the server ended the TLS handshake (certificate_required) (connected to \
             127.0.0.1:{port}) (the server asked for a client certificate: --cert and --key)"
        ))
        .exit(1);
    let stranger = Made::new(&["client"], Some(&Authority::new()), |_| {});
    let wrong = folder.file("wrong.pem", format!("{}{}", stranger.key.serialize_pem(), stranger.pem));
    let server = https(1, config());
    let port = server.port;
    exec_probe(["http", "--cert", &wrong, &format!("https://localhost:{port}/")])
        .stderr(format!(
            "http GET https://localhost:{port}/: the server ended the TLS handshake (unknown_ca) (connected to \
             127.0.0.1:{port})"
        ))
        .exit(1);
}

/// An EC key without its public point: as PKCS#8, which Java's KeyPairGenerator writes, and as SEC1, which `openssl ec
/// -no_public` writes.
fn without_point(key: &KeyPair) -> [String; 2] {
    let whole = key.serialize_der();
    let [version, kind, inner] = values(content(&whole))[..] else { panic!("three fields") };
    let fields = values(content(content(inner)));
    let (one, secret, curve) = (fields[0], fields[1], values(content(kind))[1]);
    let sec1 = |more: &[u8]| der(0x30, &[one, secret, more].concat());
    let pkcs8 = der(0x30, &[version, kind, &der(4, &sec1(&[]))].concat());
    [("PRIVATE KEY", pkcs8), ("EC PRIVATE KEY", sec1(&der(0xa0, curve)))].map(|(label, der)| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    })
}

#[test]
fn a_key_without_its_public_point_takes_the_certificates() {
    let folder = Folder::new();
    let authority = Authority::new();
    let made = Made::new(&["localhost"], Some(&authority), |_| {});
    let clients = [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384].map(|algorithm| {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let certificate = CertificateParams::default().signed_by(&key, &authority.0).expect("a certificate");
        (key, certificate.pem())
    });
    for (at, (key, pem)) in clients.iter().enumerate() {
        for bare in without_point(key) {
            // Editors on Windows write a byte order mark before the first line.
            let joined = folder.file("joined.pem", format!("\u{feff}{bare}{pem}"));
            let server = https(1, config_that_wants_certificates(&made, &authority));
            let url = format!("https://localhost:{}/", server.port);
            exec_probe(["http", "--cert", &joined, &url])
                .stdout(format!("http GET {url}: status 200 (TIME)"))
                .exit(0);
            let key = folder.file("bare.key", bare);
            let others = [("other curve", &clients[1 - at].1), ("other key", &made.pem)];
            for (name, pem) in others {
                let cert = folder.file("other.pem", pem);
                let (code, _, stderr) = exec_probe(["http", "--cert", &cert, "--key", &key, &url]).output();
                assert_eq!(code, Some(64), "{name}");
                assert!(stderr.ends_with("the key does not match the certificate; nothing was asked\n"), "{stderr}");
            }
        }
    }
}

#[test]
fn files_that_can_not_be_used_are_named_without_their_contents() {
    let folder = Folder::new();
    let (one, other) = (Made::new(&["a"], None, |_| {}), Made::new(&["b"], None, |_| {}));
    let cert = folder.file("cert.pem", &one.pem);
    let key = folder.file("key.pem", one.key.serialize_pem());
    let other_key = folder.file("other.pem", other.key.serialize_pem());
    let empty = folder.file("empty.pem", "");
    let noise = folder.file("noise.pem", [0xff, 0x00, 0x30]);
    let half = folder.file("half.pem", &one.pem[..one.pem.len() / 2]);
    let half_key = folder.file("half.key", &one.key.serialize_pem()[..60]);
    let broken = folder.file("broken.pem", one.pem.replace("MII", "MI!"));
    let encrypted = folder
        .file("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let short = folder.file("short.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let long = folder.file("long.pem", vec![b'x'; 1024 * 1024 + 1]);
    let missing = folder.path("missing.pem");
    let fifo = folder.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let half_text = "a PEM section is not closed: only half of the file is there";
    let rows: [(&[&str], String); 18] = [
        (&["--cacert", &missing], format!("--cacert \"{missing}\": no such file")),
        (&["--cacert", &empty], format!("--cacert \"{empty}\": the file is empty")),
        (&["--cacert", &noise], format!("--cacert \"{noise}\": no certificate in it, wanted PEM")),
        (&["--cacert", &half], format!("--cacert \"{half}\": {half_text}")),
        (&["--cacert", &broken], format!("--cacert \"{broken}\": not a PEM file that can be understood")),
        (&["--cacert", &short], format!("--cacert \"{short}\": a certificate in it can't be understood")),
        (&["--cacert", &long], format!("--cacert \"{long}\": the file is longer than 1 MiB")),
        (&["--cacert", &key], format!("--cacert \"{key}\": no certificate in it, wanted PEM")),
        (&["--cacert", &fifo], format!("--cacert \"{fifo}\": a FIFO, wanted a regular file")),
        (&["--cert", &cert], format!("--cert \"{cert}\": no key in it, wanted --key as well")),
        (&["--key", &key], "--key without --cert: wanted the certificate as well".to_owned()),
        (
            &["--cert", &cert, "--key", &other_key],
            format!("--key \"{other_key}\": the key does not match the certificate"),
        ),
        (
            &["--cert", &cert, "--key", &cert],
            format!("--key \"{cert}\": no private key in it; an encrypted one can't be used"),
        ),
        (
            &["--cert", &cert, "--key", &encrypted],
            format!("--key \"{encrypted}\": no private key in it; an encrypted one can't be used"),
        ),
        (&["--cert", &cert, "--key", &half_key], format!("--key \"{half_key}\": {half_text}")),
        (&["--cert", &cert, "--key", "/dev/zero"], "--key \"/dev/zero\": a device, wanted a regular file".to_owned()),
        (&["--cert", &cert, "--key", "/"], "--key \"/\": a folder, wanted a regular file".to_owned()),
        (&["--server-name", "a b"], "--server-name \"a b\": wanted a host name or an address for TLS".to_owned()),
    ];
    for (options, wanted) in rows {
        // A path of a test's folder is longer than what a message shows of a value.
        let wanted = wanted.replace('\n', "");
        exec_probe(["http"].into_iter().chain(options.iter().copied()).chain(["https://localhost:1"]))
            .takes(0, 1000)
            .usage(&wanted);
        exec_probe(["grpc", "--tls"].into_iter().chain(options.iter().copied()).chain([":1"]))
            .takes(0, 1000)
            .usage(&wanted);
    }
    // A redirect may lead to https, so that these options are no contradiction; -v says what they are for.
    let (code, _, stderr) = exec_probe(["http", "-v", "--cacert", &cert, "localhost:1"]).output();
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with("note: --cacert is used only where a redirect leads to https\n"), "{stderr}");
    exec_probe(["grpc", "--server-name=a", ":1"]).usage("--server-name: used only over TLS; wanted --tls as well");
}

#[test]
fn plain_and_tls_that_meet_are_told() {
    let connected = |port: u16| format!("(connected to 127.0.0.1:{port})");
    let plain = |answer: &'static [u8]| {
        Server::new(1, move |_, stream| {
            let _ = stream.read(&mut [0; 24]);
            let _ = stream.write_all(answer);
            let _ = stream.read_to_end(&mut Vec::new());
            String::new()
        })
    };
    let server = plain(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let port = server.port;
    exec_probe(["http", &format!("https://localhost:{port}/")])
        .stderr(format!(
            "http GET https://localhost:{port}/: the server does not speak TLS; http:// asks it without {}",
            connected(port)
        ))
        .exit(1);
    let server = plain(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let port = server.port;
    exec_probe(["grpc", "--tls", &format!("localhost:{port}")])
        .stderr(format!(
            "grpc localhost:{port}: the server does not speak TLS; leave --tls out to ask it without {}",
            connected(port)
        ))
        .exit(1);
    let alert = &[21, 3, 3, 0, 2, 2, 70];
    let server = plain(alert);
    let port = server.port;
    exec_probe(["http", &format!("localhost:{port}")])
        .stderr(format!(
            "http GET http://localhost:{port}/: the server speaks TLS; https:// asks it {}",
            connected(port)
        ))
        .exit(1);
    let server = plain(alert);
    let port = server.port;
    exec_probe(["grpc", &format!("localhost:{port}")])
        .stderr(format!("grpc localhost:{port}: the server speaks TLS; --tls asks it {}", connected(port)))
        .exit(1);
}

#[test]
fn handshakes_that_do_not_end_well() {
    let connected = |port: u16| format!("(connected to 127.0.0.1:{port})");
    let silent = Server::new(1, |_, stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        String::new()
    });
    let port = silent.port;
    exec_probe(["http", "--timeout=300ms", &format!("https://localhost:{port}/")])
        .stderr(format!("http GET https://localhost:{port}/: no TLS handshake in 300ms {}", connected(port)))
        .takes(300, 800)
        .exit(1);
    for (alert, wanted) in [
        (70, "no TLS version in common, wanted 1.2 or 1.3".to_owned()),
        (
            40,
            "nothing in common with the server's TLS (handshake_failure), wanted TLS 1.2 or 1.3 with ECDHE and AES-GCM or \
             ChaCha20, and a P-256, P-384, Ed25519 or RSA key of 2048 bits or more"
                .to_owned(),
        ),
        (120, "the server speaks neither HTTP/1.1 nor HTTP/2 over TLS (ALPN)".to_owned()),
        (80, "the server ended the TLS handshake (internal_error) CONNECTED".to_owned()),
    ] {
        // HTTP/2 is asked for where HTTP/1.1 is refused.
        let calls = if alert == 120 { 2 } else { 1 };
        let server = Server::new(calls, move |_, stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]);
            let _ = stream.read_to_end(&mut Vec::new());
            String::new()
        });
        let port = server.port;
        let wanted = wanted.replace("CONNECTED", &connected(port));
        exec_probe(["http", &format!("https://localhost:{port}/")])
            .stderr(format!("http GET https://localhost:{port}/: {wanted}"))
            .exit(1);
    }
    let closed = Server::new(1, |_, stream| {
        let _ = stream.read(&mut [0; 1024]);
        String::new()
    });
    let port = closed.port;
    exec_probe(["http", &format!("https://localhost:{port}/")])
        .stderr(format!(
            "http GET https://localhost:{port}/: connection closed or reset by the peer, no TLS handshake {}",
            connected(port)
        ))
        .exit(1);
}

#[test]
fn a_redirect_may_lead_from_http_to_https() {
    let made = Made::new(&[], None, |_| {});
    let secure = https(1, server_config(&made));
    let server =
        Server::answers(1, response("302 X", &format!("Location: https://localhost:{}/in\r\n", secure.port), ""));
    exec_probe(["http", &format!(":{}", server.port)])
        .stdout(format!("http GET http://localhost:{}/: status 200 (TIME)", server.port))
        .exit(0);
    assert_eq!(secure.finish(), ["localhost GET /in HTTP/1.1"]);
}

#[test]
fn a_redirect_out_of_tls_is_a_failure_where_the_server_was_verified() {
    let made = Made::new(&["localhost"], None, |_| {});
    let folder = Folder::new();
    let pem = folder.file("server.pem", &made.pem);
    for (options, calls) in [(vec![], 1), (vec![format!("--cacert={pem}"), "--user=me:s3cret".to_owned()], 0)] {
        let plain = Server::answers(calls, response("200 OK", "", ""));
        let to = format!("Location: http://localhost:{}/\r\n", plain.port);
        let config = Arc::new(server_config(&made));
        let secure = Server::new(1, move |_, stream| {
            speak(&config, stream, |mut tls| {
                let head = read_head(&mut tls);
                let _ = tls.write_all(response("302 X", &to, "").as_bytes());
                head
            })
        });
        let url = format!("https://localhost:{}/", secure.port);
        let run = exec_probe(["http".to_owned()].into_iter().chain(options).chain([url.clone()]));
        match calls {
            0 => run
                .stderr(format!(
                    "http GET {url}: status 302 leads from https to http, where --cacert can't verify the server"
                ))
                .exit(1),
            _ => run.stdout(format!("http GET {url}: status 200 (TIME)")).exit(0),
        }
    }
}

#[test]
fn bodies_end_with_the_connection_close_notify_or_not() {
    let made = Made::new(&[], None, |_| {});
    let config = Arc::new(server_config(&made));
    let server = Server::new(1, move |_, stream| {
        let mut session = ServerConnection::new(config.clone()).expect("a session");
        let mut tls = rustls::Stream::new(&mut session, stream);
        let head = read_head(&mut tls);
        let _ = tls.write_all(b"HTTP/1.0 200 OK\r\n\r\nall is ready");
        let _ = tls.flush();
        head.lines().next().unwrap_or_default().to_owned()
    });
    let url = format!("https://localhost:{}/", server.port);
    exec_probe(["http", "--expect-body=ready", &url]).stdout(format!("http GET {url}: status 200 (TIME)")).exit(0);
}

#[test]
fn a_probe_that_is_done_says_so_by_close_notify() {
    let made = Made::new(&[], None, |_| {});
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for handler in ["http", "grpc"] {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .expect("a version")
                .with_no_client_auth()
                .with_single_cert(vec![made.der.clone()], made.key_der())
                .expect("a server's certificate");
            let config = Arc::new(config);
            let server = Server::new(1, move |_, stream| {
                speak(&config, stream, |mut tls| {
                    let answer = if handler == "http" {
                        read_head(&mut tls);
                        response("200 OK", "", "").into_bytes()
                    } else {
                        crate::grpc::read_request(tls);
                        crate::grpc::serving()
                    };
                    let _ = tls.write_all(&answer);
                    let _ = tls.flush();
                    // An end without close_notify is an error.
                    format!("{:?}", tls.read_to_end(&mut Vec::new()).map(|_| "close_notify"))
                })
            });
            let port = server.port;
            let (target, line) = match handler {
                "http" => (vec![format!("https://localhost:{port}/")], "http GET https://"),
                _ => (vec!["--tls".to_owned(), format!("localhost:{port}")], "grpc "),
            };
            let seen = if handler == "http" { "/: status 200" } else { ": SERVING" };
            exec_probe([handler.to_owned()].iter().chain(&target))
                .stdout(format!("{line}localhost:{port}{seen} (TIME)"))
                .exit(0);
            assert_eq!(server.finish(), ["localhost Ok(\"close_notify\")"], "{handler}, {version:?}");
        }
    }
}

#[test]
fn grpc_speaks_tls_with_alpn_or_without() {
    let made = Made::new(&["localhost"], None, |_| {});
    let folder = Folder::new();
    let cacert = folder.file("ca.pem", &made.pem);
    let answer = crate::grpc::serving();
    for protocols in [vec![b"h2".to_vec()], vec![]] {
        let mut config = server_config(&made);
        config.alpn_protocols = protocols;
        let (config, answer) = (Arc::new(config), answer.clone());
        let server = Server::new(2, move |_, stream| {
            speak(&config, stream, |tls| {
                crate::grpc::read_request(tls);
                let _ = tls.write_all(&answer);
                let _ = tls.flush();
                let _ = tls.read_to_end(&mut Vec::new());
                String::new()
            })
        });
        let target = format!("localhost:{}", server.port);
        exec_probe(["grpc", "--tls", &target]).stdout(format!("grpc {target}: SERVING (TIME)")).exit(0);
        exec_probe(["grpc", "--tls", "--cacert", &cacert, &target])
            .stdout(format!("grpc {target}: SERVING (TIME)"))
            .exit(0);
    }
}

#[test]
fn no_byte_of_a_key_is_ever_shown() {
    let folder = Folder::new();
    let authority = Authority::new();
    let made = Made::new(&["localhost"], Some(&authority), |_| {});
    let client = Made::new(&["client"], Some(&authority), |_| {});
    let joined = folder.file("joined.pem", format!("{}{}", client.key.serialize_pem(), client.pem));
    let server = https(1, config_that_wants_certificates(&made, &authority));
    let url = format!("https://localhost:{}/", server.port);
    let (code, stdout, stderr) = exec_probe(["http", "-v", "--cert", &joined, &url]).output();
    assert_eq!(code, Some(0), "{stderr}");
    let secret = client.key.serialize_pem();
    let secret: String = secret.lines().filter(|line| !line.starts_with("---")).collect();
    for part in secret.as_bytes().chunks(8).filter(|part| part.len() == 8) {
        let part = std::str::from_utf8(part).expect("base64");
        assert!(!stdout.contains(part) && !stderr.contains(part));
    }
    assert!(stderr.contains("tls: TLSv1.3 ("), "{stderr}");
}

#[test]
fn by_another_name_verification_is_on_and_wants_to_know_whom_to_trust() {
    let made = Made::new(&["localhost"], None, |_| {});
    let folder = Folder::new();
    let cacert = folder.file("ca.pem", &made.pem);
    let why = "the server's certificate can't be verified: this host has no store of authorities";
    type Row<'a> = (&'a [&'a str], Option<(i32, &'a str, &'a str)>);
    let rows: [Row<'_>; 6] = [
        (&["curl", "-f"], Some((60, "curl: (60) ", "; write -k or --cacert FILE"))),
        (&["curl", "-fk"], None),
        (&["curl", "--cacert", &cacert], None),
        (&["wget", "-qO-"], Some((5, "wget: ", "; write --no-check-certificate or --ca-certificate=FILE"))),
        (&["wget", "-qO-", "--no-check-certificate"], None),
        (&["wget", "-qO-", &format!("--ca-certificate={cacert}")], None),
    ];
    for (args, failed) in rows {
        let server = https(1, server_config(&made));
        let url = format!("https://localhost:{}/", server.port);
        let run = exec_probe(args.iter().copied().chain([url.as_str()]));
        match failed {
            None => run.exit(0),
            Some((code, prefix, hint)) => run.stderr(format!("{prefix}http GET {url}: {why}{hint}")).exit(code),
        }
    }
}
