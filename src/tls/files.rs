//! The files that TLS options name: certificates and keys in PEM. What is wrong with one is said by its name, and
//! never with a byte of its content.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;

use crate::regular_file;
use crate::tls::Trust;
use crate::tls::der::Certificate;
use crate::tls::key::{self, NO_MATCH};
use crate::word::Wrong;

/// How long a PEM file may be: a system's whole bundle has a quarter of it.
const MOST_PEM: u64 = 1024 * 1024;

impl Trust {
    /// Reads the certificates of a PEM file.
    pub(crate) fn load(path: &Path) -> Result<Trust, Wrong> {
        Trust::new(certificates(&read(path)?)?)
            .ok_or_else(|| Wrong("a certificate in it can't be understood".to_owned()))
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
            Err(error) => return Err(wrong_key(&error, &pem)),
        };
        Ok(Identity { certificates: certificates(&pem)?, key })
    }

    /// Joins certificate and key; `key` is that of `--key`. None: there is no key at all.
    pub(crate) fn with_key(self, key: Option<PrivateKeyDer<'static>>) -> Option<Result<Arc<CertifiedKey>, Wrong>> {
        Some(join(self.certificates, key.or(self.key)?))
    }
}

/// A certificate and its key. The two are compared here: rustls would not take a certificate that webpki can't read.
fn join(certificates: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<CertifiedKey>, Wrong> {
    let own = certificates.first().and_then(|certificate| Certificate::read(certificate));
    let own = own.ok_or_else(|| Wrong("the certificate can't be understood".to_owned()))?;
    let key = key::signing_key(&key, own.key_info)?;
    if key.public_key().is_some_and(|public| own.key_info != public.as_ref()) {
        return Err(Wrong(NO_MATCH.to_owned()));
    }
    Ok(Arc::new(CertifiedKey::new(certificates, key)))
}

/// Reads `--key`.
pub(crate) fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, Wrong> {
    let pem = read(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| wrong_key(&error, &pem))
}

/// Reads `--server-name`, or the host that stands in its place.
pub(crate) fn server_name(text: &str) -> Result<ServerName<'static>, Wrong> {
    ServerName::try_from(text.to_owned()).map_err(|_| Wrong("wanted a host name or an address for TLS".to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, Wrong> {
    let (file, _) = regular_file::open(path).map_err(|why| Wrong(why.to_string()))?;
    let bytes = regular_file::read_start(file, MOST_PEM + 1).map_err(|why| Wrong(why.to_string()))?;
    match bytes.len() as u64 {
        0 => Err(Wrong("the file is empty".to_owned())),
        // Editors on Windows put a byte order mark before the first line, which then begins with no dash.
        1..=MOST_PEM => Ok(bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes)),
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

/// What is wrong with a PEM file that a key was looked for in.
fn wrong_key(error: &pem::Error, pem: &[u8]) -> Wrong {
    // "Proc-Type: 4,ENCRYPTED" in a section of its own kind (RFC 1421), which is no base64 then.
    let is_encrypted = pem.windows(10).any(|window| window == b",ENCRYPTED");
    match error {
        pem::Error::NoItemsFound => Wrong("no private key in it; an encrypted one can't be used".to_owned()),
        _ if is_encrypted => Wrong("no private key in it; an encrypted one can't be used".to_owned()),
        error => wrong_pem(error),
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
