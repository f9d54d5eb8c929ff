//! The few fields of a certificate that are needed where webpki does not give them: the public key and the dates. It
//! reads no version 1, which `openssl x509 -req` without extensions still makes, and tells no dates of what it trusts.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::{CertificateError, DigitallySignedStruct, Error};

use crate::tls::date::{Date, days};

/// DER's tags of what stands in a certificate (X.690, RFC 5280 section 4.1).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
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
pub(super) fn key_info(certificate: &[u8]) -> Option<&[u8]> {
    // Validity, subject.
    let rest = skip(dates_and_what_follows(certificate)?, &[SEQUENCE, SEQUENCE])?;
    let (_, behind) = value(rest, SEQUENCE)?;
    rest.get(..rest.len() - behind.len())
}

/// The first and the last second of a certificate.
pub(super) fn validity(certificate: &[u8]) -> Option<(Date, Date)> {
    let (dates, _) = value(dates_and_what_follows(certificate)?, SEQUENCE)?;
    let (first, rest) = time(dates)?;
    let (last, _) = time(rest)?;
    Some((first, last))
}

/// True for an RSA key of fewer than 2048 bits, which ring does not verify by.
pub(super) fn has_short_rsa_key(certificate: &[u8]) -> bool {
    let rsa = rustls::pki_types::alg_id::RSA_ENCRYPTION;
    let modulus = key_info(certificate).and_then(kind_and_key).filter(|(kind, _)| *kind == rsa.as_ref());
    let modulus = modulus.and_then(|(_, key)| value(value(key, SEQUENCE)?.0, INTEGER)).map(|(modulus, _)| modulus);
    // A zero stands before a number whose first bit is set.
    modulus.is_some_and(|modulus| modulus.strip_prefix(&[0]).unwrap_or(modulus).len() < 2048 / 8)
}

/// The certificate from its Validity on.
fn dates_and_what_follows(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = value(certificate, SEQUENCE)?;
    let (rest, _) = value(certificate, SEQUENCE)?;
    let rest = if rest.first() == Some(&VERSION) { value(rest, VERSION)?.1 } else { rest };
    // Serial number, signature algorithm, issuer.
    skip(rest, &[INTEGER, SEQUENCE, SEQUENCE])
}

fn skip<'a>(rest: &'a [u8], tags: &[u8]) -> Option<&'a [u8]> {
    tags.iter().try_fold(rest, |rest, tag| Some(value(rest, *tag)?.1))
}

/// A time (RFC 5280, section 4.1.2.5) and what follows it.
fn time(der: &[u8]) -> Option<(Date, &[u8])> {
    let (text, rest) = value(der, UTC_TIME).or_else(|| value(der, GENERALIZED_TIME))?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |at: usize, len: usize| text.get(at..at + len)?.parse::<i64>().ok();
    let (year, at) = match text.len() {
        12 => (number(0, 2).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        14 => (number(0, 4)?, 4),
        _ => return None,
    };
    let part = |place: usize| number(at + 2 * place, 2);
    let (month, day, hour, minute, second) = (part(0)?, part(1)?, part(2)?, part(3)?, part(4)?);
    let is_civil = matches!((month, day, hour, minute, second), (1..=12, 1..=31, 0..24, 0..60, 0..60));
    is_civil.then(|| (Date(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second), rest))
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

    #[test]
    fn times_are_seconds_since_1970() {
        let rows: [(&[u8], Option<i64>); 11] = [
            (b"\x17\x0d700101000000Z", Some(0)),
            (b"\x17\x0d000229000000Z", Some(951_782_400)),
            (b"\x17\x0d261121235959Z", Some(1_795_305_599)),
            (b"\x18\x0f21000301000000Z", Some(4_107_542_400)),
            (b"\x18\x0f99991231235959Z", Some(253_402_300_799)),
            (b"\x18\x0f00000301000000Z", Some(-62_162_035_200)),
            (b"\x17\x0d691231235959Z", Some(-1)),
            (b"\x17\x0d991331000000Z", None),
            (b"\x17\x0d991231240000Z", None),
            (b"\x17\x0d7001010000001", None),
            (b"\x17\x0bx00101000000Z", None),
        ];
        for (given, wanted) in rows {
            assert_eq!(time(given).map(|(time, _)| time.0), wanted, "{given:?}");
        }
    }

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
