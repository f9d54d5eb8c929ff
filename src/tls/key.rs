//! Private keys. ring takes an EC key only with its public point, which Java's KeyPairGenerator and `openssl ec
//! -no_public` leave out; the certificate beside it has the point.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::{AlgorithmIdentifier, PrivateKeyDer, PrivatePkcs8KeyDer, alg_id};
use rustls::sign::SigningKey;

use crate::tls::der::{self, BIT_STRING, INTEGER, OBJECT, OCTET_STRING, SEQUENCE, value};
use crate::word::Wrong;

/// Tags of an EC key's optional fields (RFC 5915): its curve and its public point.
const CURVE: u8 = 0xa0;
const POINT: u8 = 0xa1;

/// The key for signing with it. `key_info`: the certificate's, from which the point is taken where it is missing.
pub(super) fn signing_key(key: &PrivateKeyDer<'_>, key_info: &[u8]) -> Result<Arc<dyn SigningKey>, Wrong> {
    const UNKNOWN: &str = "the key is of an unknown kind, wanted P-256, P-384, Ed25519, or RSA of 2048 bits or more";
    if let Ok(key) = ring::sign::any_supported_type(key) {
        return Ok(key);
    }
    let Some(bare) = BareKey::read(key) else { return Err(Wrong(UNKNOWN.to_owned())) };
    let whole = bare.with_point(key_info).map(|der| PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)));
    // ring computes the point, and refuses another.
    let key = whole.and_then(|key| ring::sign::any_supported_type(&key).ok());
    key.ok_or_else(|| Wrong(NO_MATCH.to_owned()))
}

/// What is said of a key that is not the certificate's.
pub(super) const NO_MATCH: &str = "the key does not match the certificate";

/// A key on P-256 or P-384 without its point.
struct BareKey<'a> {
    kind: AlgorithmIdentifier,
    secret: &'a [u8],
}

impl<'a> BareKey<'a> {
    fn read(key: &'a PrivateKeyDer<'_>) -> Option<BareKey<'a>> {
        let (curve, sec1) = match key {
            PrivateKeyDer::Pkcs8(der) => {
                let (fields, _) = value(der.secret_pkcs8_der(), SEQUENCE)?;
                let (_, rest) = value(fields, INTEGER)?;
                let (kind, rest) = value(rest, SEQUENCE)?;
                let (_, curve) = value(kind, OBJECT)?;
                (Some(curve), value(rest, OCTET_STRING)?.0)
            }
            PrivateKeyDer::Sec1(der) => (None, der.secret_sec1_der()),
            _ => return None,
        };
        let (fields, _) = value(sec1, SEQUENCE)?;
        let (_, rest) = value(fields, INTEGER)?;
        let (secret, rest) = value(rest, OCTET_STRING)?;
        let (named, rest) = value(rest, CURVE).map_or((None, rest), |(curve, rest)| (Some(curve), rest));
        if value(rest, POINT).is_some() {
            return None;
        }
        let curve = curve.or(named)?;
        let known = [alg_id::ECDSA_P256, alg_id::ECDSA_P384];
        let kind = known.into_iter().find(|kind| !curve.is_empty() && kind.as_ref().ends_with(curve))?;
        Some(BareKey { kind, secret })
    }

    /// The key with the point of this SubjectPublicKeyInfo, as PKCS#8; None if that is of another kind.
    fn with_point(&self, key_info: &[u8]) -> Option<Vec<u8>> {
        let (_, point) = der::kind_and_key(key_info).filter(|(kind, _)| *kind == self.kind.as_ref())?;
        let point = written(POINT, &[&written(BIT_STRING, &[&[0], point])?])?;
        let sec1 = written(SEQUENCE, &[&[INTEGER, 1, 1], &written(OCTET_STRING, &[self.secret])?, &point])?;
        let kind = written(SEQUENCE, &[self.kind.as_ref()])?;
        written(SEQUENCE, &[&[INTEGER, 1, 0], &kind, &written(OCTET_STRING, &[&sec1])?])
    }
}

/// A DER value of at most 255 bytes, which is enough for a key on P-384.
fn written(tag: u8, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let content = parts.concat();
    let len = u8::try_from(content.len()).ok()?;
    let head: &[u8] = if len < 0x80 { &[tag, len] } else { &[tag, 0x81, len] };
    Some([head, &content].concat())
}
