//! TLS servers that shake hands honestly and then say what they want: rustls for the handshake, its keys taken out,
//! and each record sealed by hand.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rcgen::CertifiedKey;
use rustls::crypto::cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::{
    ConnectionTrafficSecrets, ContentType, ProtocolVersion, ServerConfig, ServerConnection, SupportedCipherSuite,
};

use super::peer::Act;
use crate::support::read_head;

/// Content types of records.
pub(super) const ALERT: ContentType = ContentType::Alert;
pub(super) const HANDSHAKE: ContentType = ContentType::Handshake;
pub(super) const DATA: ContentType = ContentType::ApplicationData;

/// Which TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

impl Version {
    /// The one suite that is offered. Its nonces are plain counters in either version.
    fn suite(self) -> SupportedCipherSuite {
        match self {
            Version::Tls12 => ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            Version::Tls13 => ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        }
    }
}

/// A server's configuration of this version, with `extra` certificates behind its own.
pub(super) fn config(version: Version, extra: usize) -> ServerConfig {
    static MADE: OnceLock<CertifiedKey<rcgen::KeyPair>> = OnceLock::new();
    let made =
        MADE.get_or_init(|| rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate"));
    let chain: Vec<CertificateDer<'static>> = vec![made.cert.der().clone(); extra + 1];
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = CryptoProvider { cipher_suites: vec![version.suite()], ..ring::default_provider() };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a server's certificate");
    config.enable_secret_extraction = true;
    config.send_tls13_tickets = 0;
    config
}

/// What the server sends first, once it has read the client's hello.
pub(super) fn first_flight(config: &Arc<ServerConfig>, stream: &mut TcpStream) -> Vec<u8> {
    let mut session = ServerConnection::new(config.clone()).expect("a session");
    let mut flight = Vec::new();
    while flight.is_empty() && session.read_tls(stream).is_ok_and(|count| count > 0) {
        let _ = session.process_new_packets();
        while session.wants_write() {
            session.write_tls(&mut flight).expect("a vector takes all");
        }
    }
    flight
}

/// A session behind its handshake, of which this side seals what it wants.
pub(super) struct Session<'a> {
    stream: &'a mut TcpStream,
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

/// Shakes hands and reads the request: an HTTP/1.1 head, or an HTTP/2 call.
pub(super) fn accept<'a>(
    config: &Arc<ServerConfig>,
    stream: &'a mut TcpStream,
    is_http2: bool,
) -> Option<Session<'a>> {
    let _ = stream.set_write_timeout(Some(Duration::from_secs(20)));
    let mut session = ServerConnection::new(config.clone()).expect("a session");
    let mut tls = rustls::Stream::new(&mut session, stream);
    tls.flush().ok()?;
    if is_http2 {
        crate::grpc::read_request(&mut tls);
    } else {
        read_head(&mut tls);
    }
    let version = session.protocol_version()?;
    let (sequence, secrets) = session.dangerous_extract_secrets().ok()?.tx;
    let ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } = secrets else { return None };
    let encrypter = match (version, Version::Tls12.suite(), Version::Tls13.suite()) {
        (ProtocolVersion::TLSv1_2, SupportedCipherSuite::Tls12(suite), _) => {
            suite.aead_alg.encrypter(key, iv.as_ref(), &[])
        }
        (_, _, SupportedCipherSuite::Tls13(suite)) => suite.aead_alg.encrypter(key, iv),
        _ => return None,
    };
    Some(Session { stream, encrypter, sequence })
}

impl Session<'_> {
    /// One record.
    fn seal(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let version = ProtocolVersion::TLSv1_2;
        let message = OutboundPlainMessage { typ, version, payload: OutboundChunks::Single(payload) };
        let sealed = self.encrypter.encrypt(message, self.sequence).expect("sealed");
        self.sequence += 1;
        sealed.encode()
    }

    /// Sends one record; false once the other side is gone.
    pub(super) fn record(&mut self, typ: ContentType, payload: &[u8]) -> bool {
        let sealed = self.seal(typ, payload);
        self.stream.write_all(&sealed).is_ok()
    }

    /// Sends this record again and again until the other side is gone.
    pub(super) fn flood(&mut self, typ: ContentType, payload: &[u8]) {
        loop {
            let many: Vec<u8> = (0..64).flat_map(|_| self.seal(typ, payload)).collect();
            if self.stream.write_all(&many).is_err() {
                return;
            }
        }
    }

    /// Sends bytes that no key has sealed.
    pub(super) fn bare(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Waits until the other side is gone.
    pub(super) fn stay(&mut self) {
        let _ = std::io::copy(self.stream, &mut std::io::sink());
    }

    /// Ends TCP, but not TLS.
    pub(super) fn end(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.stay();
    }

    /// Performs acts inside the session.
    pub(super) fn perform(&mut self, acts: &[Act]) {
        for act in acts {
            match act {
                Act::Stay => self.stay(),
                Act::End => self.end(),
                Act::Reset => super::peer::perform(&[Act::Reset], self.stream),
                act => super::peer::send(act, self),
            }
        }
    }
}

impl Write for Session<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(16 * 1024)];
        let sealed = self.seal(DATA, bytes);
        self.stream.write_all(&sealed).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reads a whole record and drops it.
pub(super) fn read_record(stream: &mut dyn Read) {
    let mut header = [0; 5];
    if stream.read_exact(&mut header).is_ok() {
        let len = usize::from(header[3]) << 8 | usize::from(header[4]);
        let _ = stream.read_exact(&mut vec![0; len]);
    }
}
