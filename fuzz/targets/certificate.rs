//! Certificates behind a handshake. The input holds what is signed of them (RFC 5280's TBSCertificate), the server's own
//! first; this target signs each with the one key that all of them have, so that a change of a real certificate is not
//! found by its signature, but by whoever reads it.
#![no_main]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use exec_probe_fuzz::Contract;
use libfuzzer_sys::fuzz_target;
use rcgen::{KeyPair, SigningKey};
use rustix::fs::MemfdFlags;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

/// The key of every certificate here, made for this file.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg66op711RLItzOPqF\n\
Ep0uzwh07Moh4lZ7VnlHNsOtmYqhRANCAAQ4NsTO46DXqRNjhRh6LvK+0V39yXFi\n\
3Ysu097OCWifCR43fxV+pTo6XHA//bYX+uSm2oHBZpK9nQW0ySXt/KgU\n\
-----END PRIVATE KEY-----\n";

/// An authority, by what is signed of it.
const AUTHORITY: &[u8] = include_bytes!("../authority.tbs");

/// More than these are not read from an input.
const MOST_CERTIFICATES: usize = 10;

/// What the server shows next.
#[derive(Debug, Default)]
struct Shown(Mutex<Vec<CertificateDer<'static>>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = PrivateKeyDer::try_from(key().serialize_der()).ok()?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key).ok()?;
        let chain = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(Arc::new(CertifiedKey::new(chain, key)))
    }
}

fn key() -> &'static KeyPair {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| KeyPair::from_pem(KEY).expect("a key"))
}

/// A server that shakes hands and answers 200, as long as the process lives.
fn server() -> &'static (PathBuf, Arc<Shown>) {
    static SERVER: OnceLock<(PathBuf, Arc<Shown>)> = OnceLock::new();
    SERVER.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("exec-probe-fuzz-tls-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).expect("a unix socket");
        let shown = Arc::new(Shown::default());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever refuses the certificate leaves early.
                let _ = stream.and_then(|stream| answer(stream, config.clone()));
            }
        });
        (path, shown)
    })
}

fn answer(mut stream: UnixStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut session = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    let _ = tls.read(&mut [0; 4096])?;
    tls.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
    session.send_close_notify();
    session.write_tls(&mut stream)?;
    Ok(())
}

/// A DER value with this tag.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let len = u32::try_from(content.len()).expect("a short value").to_be_bytes();
    let head = match len {
        [0, 0, 0, len @ 0..0x80] => vec![tag, len],
        [0, 0, 0, len] => vec![tag, 0x81, len],
        [0, 0, first, last] => vec![tag, 0x82, first, last],
        [_, first, second, last] => vec![tag, 0x83, first, second, last],
    };
    [head, content].concat()
}

/// A certificate, signed by ECDSA with SHA-256.
fn signed(what: &[u8]) -> Vec<u8> {
    let algorithm = der(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    der(0x30, &[what, &algorithm, &der(3, &[&[0], &key().sign(what).expect("a signature")])])
}

/// The first DER value, and what follows it; all of what is there where its length is wrong.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let len = match *input {
        [_, len @ 0..=0x7f, ..] => 2 + usize::from(len),
        [_, 0x81, len, ..] => 3 + usize::from(len),
        [_, 0x82, first, last, ..] => 4 + (usize::from(first) << 8 | usize::from(last)),
        _ => input.len(),
    };
    input.split_at(len.min(input.len()))
}

fuzz_target!(init: exec_probe_fuzz::init(), |data: &[u8]| {
    static FILE: OnceLock<File> = OnceLock::new();
    let Some((options, mut rest)) = data.split_first() else { return };
    let mut parts = Vec::new();
    while !rest.is_empty() && parts.len() < MOST_CERTIFICATES {
        let (part, behind) = split(rest);
        parts.push(part);
        rest = behind;
    }
    let Some(own) = parts.first() else { return };
    let chain: Vec<Vec<u8>> = parts.iter().map(|part| signed(part)).collect();
    let mut trusted = vec![];
    if options & 1 == 0 {
        trusted.push(signed(AUTHORITY));
    }
    if options & 2 != 0 {
        trusted.extend(chain.iter().skip(1).cloned());
    }
    if options & 4 != 0 {
        trusted.push(chain[0].clone());
    }
    let pem: String = trusted.iter().map(|der| pem::encode(&pem::Pem::new("CERTIFICATE", der.as_slice()))).collect();
    let file =
        FILE.get_or_init(|| rustix::fs::memfd_create("pem", MemfdFlags::CLOEXEC).expect("a file in memory").into());
    file.set_len(0).and_then(|()| file.write_all_at(pem.as_bytes(), 0)).expect("a file in memory is written");
    let (path, shown) = server();
    *shown.0.lock().unwrap_or_else(PoisonError::into_inner) = chain.into_iter().map(CertificateDer::from).collect();
    let cacert = format!("--cacert=/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let socket = format!("--unix-socket={}", path.display());
    let mut args = vec!["http", "--timeout=1s", &cacert, &socket];
    if options & 8 != 0 {
        args.push("--verbose");
    }
    args.push("https://localhost/");
    let ran = exec_probe_fuzz::run(args);
    ran.check(&Contract { codes: &|code| code <= 1 || code == 64, timeout: Duration::from_secs(1) });
    let names_it = own.windows(9).any(|window| window.eq_ignore_ascii_case(b"localhost"));
    assert!(ran.code != 0 || names_it || options & 4 != 0, "a certificate for another name is accepted: {ran:#?}");
});
