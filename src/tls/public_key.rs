//! The public key of a certificate that webpki does not read: version 1, or an encoding it is strict about. Without
//! `--cacert` nothing of a certificate counts but that the server holds its key, and `openssl x509 -req` without
//! extensions still makes version 1.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::{CertificateError, DigitallySignedStruct, Error};

/// DER's tags of what stands before the key (X.690, RFC 5280 section 4.1).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Verifies a TLS 1.3 handshake's signature by the certificate's bare key.
pub(super) fn verify_tls13(
    message: &[u8],
    certificate: &[u8],
    signed: &DigitallySignedStruct,
    known: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let info = key_info(certificate).ok_or(CertificateError::BadEncoding)?;
    verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(info), signed, known)
}

/// Verifies a TLS 1.2 handshake's signature by the certificate's bare key, which rustls has no function for.
pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &[u8],
    signed: &DigitallySignedStruct,
    known: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let info = key_info(certificate).ok_or(CertificateError::BadEncoding)?;
    let (kind, key) = kind_and_key(info).ok_or(CertificateError::BadEncoding)?;
    let algorithms = known.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme).flat_map(|(_, all)| *all);
    let fitting: Vec<_> = algorithms.filter(|algorithm| algorithm.public_key_alg_id().as_ref() == kind).collect();
    if fitting.iter().any(|algorithm| algorithm.verify_signature(key, message, signed.signature()).is_ok()) {
        return Ok(HandshakeSignatureValid::assertion());
    }
    Err(match fitting.is_empty() {
        true => rustls::PeerIncompatible::NoSignatureSchemesInCommon.into(),
        false => CertificateError::BadSignature.into(),
    })
}

/// The SubjectPublicKeyInfo of a certificate, with its tag.
fn key_info(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = value(certificate, SEQUENCE)?;
    let (mut rest, _) = value(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = value(rest, VERSION)?.1;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
        rest = value(rest, tag)?.1;
    }
    let (_, behind) = value(rest, SEQUENCE)?;
    rest.get(..rest.len() - behind.len())
}

/// The content of the AlgorithmIdentifier and the bits of the key.
fn kind_and_key(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let (info, _) = value(info, SEQUENCE)?;
    let (kind, rest) = value(info, SEQUENCE)?;
    let (bits, _) = value(rest, BIT_STRING)?;
    // The first byte counts unused bits; a key has none.
    Some((kind, bits.strip_prefix(&[0])?))
}

/// Splits a DER value with this tag off: its content, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, len, rest @ ..] = der else { return None };
    if *first != tag {
        return None;
    }
    let (len, rest) = match len {
        0..=0x7f => (usize::from(*len), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(len - 0x80))?;
            (bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (&'static [u8], Option<(&'static [u8], &'static [u8])>);

    #[test]
    fn values_are_split_off_and_nothing_is_read_past_the_end() {
        let rows: [Row; 8] = [
            (&[0x30, 1, 7, 8], Some((&[7], &[8]))),
            (&[0x30, 0], Some((&[], &[]))),
            (&[0x30, 0x81, 1, 7], Some((&[7], &[]))),
            (&[0x30, 0x82, 0, 1, 7], Some((&[7], &[]))),
            (&[0x30, 2, 7], None),
            (&[0x30, 0x83, 255, 255], None),
            (&[0x30, 0x80, 0, 0], None),
            (&[0x02, 0], None),
        ];
        for (given, wanted) in rows {
            assert_eq!(value(given, SEQUENCE), wanted, "{given:?}");
        }
        assert_eq!(value(&[], SEQUENCE), None);
    }
}
