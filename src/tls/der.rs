//! What of a certificate is needed where webpki does not give it: the key of one that it does not read, the dates of
//! what is trusted, and what authorities may do. It reads no version 1, which `openssl x509 -req` without extensions
//! still makes, and looks at no more of a trust anchor than its name and key.

use std::fmt::Write as _;

use crate::tls::date::{Date, days};

/// DER's tags of what a certificate is made of (X.690, RFC 5280 section 4.1).
const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// Two unique numbers that nobody uses.
const UNIQUE: [u8; 2] = [0x81, 0x82];

/// Extensions (RFC 5280, section 4.2.1), by their last byte: all of them begin with 2.5.29.
const KEY_USAGE: u8 = 15;
const BASIC_CONSTRAINTS: u8 = 19;
const EXTENDED_KEY_USAGE: u8 = 37;
/// Those that webpki reads, with the alternative names, name constraints and distribution points: any other that is
/// critical makes it refuse the certificate.
const READ: [u8; 6] = [KEY_USAGE, 17, BASIC_CONSTRAINTS, 30, 31, EXTENDED_KEY_USAGE];
/// Those that may be critical in an authority's: the identifiers of keys and the policies, which make no difference to
/// what we ask, as well.
const READ_OR_HARMLESS: [u8; 12] =
    [14, KEY_USAGE, 17, BASIC_CONSTRAINTS, 30, 31, 32, 33, 35, 36, EXTENDED_KEY_USAGE, 54];

/// The bits of RSA keys that ring verifies by.
pub(super) const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The fields of a certificate, found but not read: whoever asks for one field does not fail for another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Certificate<'a> {
    /// The issuer's name.
    pub(super) issuer: &'a [u8],
    /// The owner's name.
    pub(super) subject: &'a [u8],
    /// The SubjectPublicKeyInfo, with its tag.
    pub(super) key_info: &'a [u8],
    dates: &'a [u8],
    version: u8,
    rest: &'a [u8],
}

/// What the extensions of a certificate say about authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Powers {
    /// CA:TRUE.
    pub(super) is_authority: bool,
    /// How many authorities may follow it in a chain.
    pub(super) path_len: Option<usize>,
    /// A key usage is named, and signing certificates is not in it.
    pub(super) must_not_sign: bool,
    /// Purposes are named, and serving is not among them.
    pub(super) must_not_serve: bool,
}

impl<'a> Certificate<'a> {
    /// Finds the fields.
    pub(super) fn read(der: &'a [u8]) -> Option<Certificate<'a>> {
        let (outer, _) = value(der, SEQUENCE)?;
        let (rest, _) = value(outer, SEQUENCE)?;
        let (version, rest) = match value(rest, VERSION) {
            // The number of the version, less one.
            Some((version, rest)) => (value(version, INTEGER)?.0.first()?.saturating_add(1), rest),
            None => (1, rest),
        };
        let (_, rest) = value(rest, INTEGER)?;
        let (_signature, rest) = value(rest, SEQUENCE)?;
        let (issuer, rest) = value(rest, SEQUENCE)?;
        let (dates, rest) = value(rest, SEQUENCE)?;
        let (subject, key) = value(rest, SEQUENCE)?;
        let (_, rest) = value(key, SEQUENCE)?;
        let key_info = key.get(..key.len() - rest.len())?;
        Some(Certificate { issuer, subject, key_info, dates, version, rest })
    }

    /// The first and the last second.
    pub(super) fn dates(&self) -> Option<(Date, Date)> {
        let (first, rest) = time(self.dates)?;
        let (last, _) = time(rest)?;
        Some((first, last))
    }

    /// True if it signed itself, by its names; webpki and OpenSSL compare bytes as well.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// True for X.509 version 3, the only one that webpki reads.
    pub(super) fn is_version_3(&self) -> bool {
        self.version == 3
    }

    /// True for X.509 version 1, which has no extensions and so no names.
    pub(super) fn is_version_1(&self) -> bool {
        self.version == 1
    }

    /// What it may do. Version 1 knows no authorities, so whoever signs itself is one, as for OpenSSL.
    pub(super) fn powers(&self) -> Option<Powers> {
        let mut powers = Powers { is_authority: self.is_version_1() && self.is_self_issued(), ..Powers::default() };
        for extension in self.extensions()? {
            let extension = extension?;
            match extension.short_id() {
                Some(BASIC_CONSTRAINTS) => {
                    (powers.is_authority, powers.path_len) = basic_constraints(extension.value)?
                }
                Some(KEY_USAGE) => {
                    let (bits, _) = value(extension.value, BIT_STRING)?;
                    // Behind the count of unused bits; keyCertSign is number 5 from the left.
                    powers.must_not_sign = bits.get(1).is_none_or(|bits| bits & 0b100 == 0);
                }
                Some(EXTENDED_KEY_USAGE) => {
                    powers.must_not_serve = !holds_serving(value(extension.value, SEQUENCE)?.0)?
                }
                _ => {}
            }
        }
        Some(powers)
    }

    /// The first critical extension that webpki does not read.
    pub(super) fn unread(&self) -> Option<&'a [u8]> {
        self.critical_beside(&READ)
    }

    /// The first critical extension that keeps an authority from being one.
    pub(super) fn unread_of_authority(&self) -> Option<&'a [u8]> {
        self.critical_beside(&READ_OR_HARMLESS)
    }

    fn critical_beside(&self, known: &[u8]) -> Option<&'a [u8]> {
        let is_known = |extension: &Extension<'_>| extension.short_id().is_some_and(|id| known.contains(&id));
        let extension =
            self.extensions()?.flatten().find(|extension| extension.is_critical && !is_known(extension))?;
        Some(extension.id)
    }

    /// The extensions, each of them None if it can't be read.
    fn extensions(&self) -> Option<impl Iterator<Item = Option<Extension<'a>>> + use<'a>> {
        let mut rest = self.rest;
        while let Some((_, after)) = UNIQUE.iter().find_map(|tag| value(rest, *tag)) {
            rest = after;
        }
        let mut rest = match rest {
            [] => rest,
            rest => value(value(rest, EXTENSIONS)?.0, SEQUENCE)?.0,
        };
        Some(std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            match value(rest, SEQUENCE) {
                Some((extension, after)) => {
                    rest = after;
                    Some(Extension::read(extension))
                }
                None => {
                    rest = &[];
                    Some(None)
                }
            }
        }))
    }
}

/// The certificate with no extension critical, which breaks its signature and leaves its names: for a look at these.
pub(super) fn without_critical(der: &[u8]) -> Option<Vec<u8>> {
    let mut copy = der.to_vec();
    for extension in Certificate::read(der)?.extensions()? {
        let extension = extension?;
        if extension.is_critical {
            // A part of `der`, so the difference of the two places is where it is in the copy.
            let at = (extension.flag.as_ptr() as usize).checked_sub(der.as_ptr() as usize)?;
            *copy.get_mut(at)? = 0;
        }
    }
    Some(copy)
}

/// An extension.
#[derive(Clone, Copy, Debug)]
struct Extension<'a> {
    id: &'a [u8],
    is_critical: bool,
    /// The byte that makes it critical; none where it is left out.
    flag: &'a [u8],
    value: &'a [u8],
}

impl<'a> Extension<'a> {
    fn read(der: &'a [u8]) -> Option<Extension<'a>> {
        let (id, rest) = value(der, OBJECT)?;
        let (flag, rest) = value(rest, BOOLEAN).unwrap_or((&[], rest));
        let (value, _) = value(rest, OCTET_STRING)?;
        Some(Extension { id, is_critical: flag == [0xff], flag, value })
    }

    /// The last byte of an identifier that begins with 2.5.29.
    fn short_id(&self) -> Option<u8> {
        match self.id {
            [0x55, 0x1d, last] => Some(*last),
            _ => None,
        }
    }
}

/// CA:TRUE or not, and the length of the path.
fn basic_constraints(der: &[u8]) -> Option<(bool, Option<usize>)> {
    let (fields, _) = value(der, SEQUENCE)?;
    let (is_authority, rest) = value(fields, BOOLEAN).unwrap_or((&[], fields));
    let path_len = match rest {
        [] => None,
        rest => match value(rest, INTEGER)?.0 {
            [len @ 0..=0x7f] => Some(usize::from(*len)),
            _ => return None,
        },
    };
    Some((is_authority == [0xff], path_len))
}

/// True if serverAuth (1.3.6.1.5.5.7.3.1) or anyExtendedKeyUsage (2.5.29.37.0) is among the purposes.
fn holds_serving(mut purposes: &[u8]) -> Option<bool> {
    while !purposes.is_empty() {
        let (purpose, rest) = value(purposes, OBJECT)?;
        if matches!(purpose, [0x2b, 6, 1, 5, 5, 7, 3, 1] | [0x55, 0x1d, 0x25, 0]) {
            return Some(true);
        }
        purposes = rest;
    }
    Some(false)
}

/// The bits of an RSA key's modulus; None for other keys.
pub(super) fn rsa_bits(key_info: &[u8]) -> Option<usize> {
    let rsa = rustls::pki_types::alg_id::RSA_ENCRYPTION;
    let (_, key) = kind_and_key(key_info).filter(|(kind, _)| *kind == rsa.as_ref())?;
    let (modulus, _) = value(value(key, SEQUENCE)?.0, INTEGER)?;
    // DER puts a zero in front of a number whose first bit is set.
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    Some(modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize))
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
pub(super) fn kind_and_key(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let (info, _) = value(info, SEQUENCE)?;
    let (kind, rest) = value(info, SEQUENCE)?;
    let (bits, _) = value(rest, BIT_STRING)?;
    // The first byte counts unused bits; a key has none.
    Some((kind, bits.strip_prefix(&[0])?))
}

/// An object identifier as people know it: by its name where it is a signature, a key or an extension that is met, and
/// else by its numbers.
pub(super) fn object_name(id: &[u8]) -> String {
    const ISO: &[u8] = &[0x2a, 0x86, 0x48];
    let name = match (id, id.strip_prefix(ISO)) {
        (_, Some([0x86, 0xf7, 0x0d, 1, 1, 4])) => "RSA with MD5",
        (_, Some([0x86, 0xf7, 0x0d, 1, 1, 5])) => "RSA with SHA-1",
        (_, Some([0x86, 0xf7, 0x0d, 1, 1, 14])) => "RSA with SHA-224",
        (_, Some([0x86, 0xf7, 0x0d, 1, 1, 1])) => "RSA",
        (_, Some([0x86, 0xf7, 0x0d, 1, 1, 10])) => "RSA-PSS",
        (_, Some([0xce, 0x3d, 4, 1])) => "ECDSA with SHA-1",
        (_, Some([0xce, 0x3d, 4, 3, 1])) => "ECDSA with SHA-224",
        (_, Some([0xce, 0x3d, 4, 3, 2])) => "ECDSA with SHA-256",
        (_, Some([0xce, 0x3d, 4, 3, 3])) => "ECDSA with SHA-384",
        (_, Some([0xce, 0x3d, 4, 3, 4])) => "ECDSA with SHA-512",
        (_, Some([0xce, 0x3d, 3, 1, 7])) => "P-256",
        ([0x2b, 0x81, 4, 0, 34], _) => "P-384",
        ([0x2b, 0x81, 4, 0, 35], _) => "P-521",
        ([0x2b, 0x81, 4, 0, 10], _) => "secp256k1",
        ([0x2b, 0x65, 112], _) => "Ed25519",
        ([0x2b, 0x65, 113], _) => "Ed448",
        ([0x55, 0x1d, 32], _) => "certificatePolicies",
        ([0x55, 0x1d, 33], _) => "policyMappings",
        ([0x55, 0x1d, 36], _) => "policyConstraints",
        ([0x55, 0x1d, 54], _) => "inhibitAnyPolicy",
        ([0x2b, 6, 1, 5, 5, 7, 1, 24], _) => "tlsfeature",
        _ => return numbers(id),
    };
    name.to_owned()
}

/// An object identifier as `1.3.6.1` (X.690, section 8.19); its first number holds two.
fn numbers(id: &[u8]) -> String {
    let mut text = String::new();
    let mut number = 0u64;
    for byte in id {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        let _ = match (text.is_empty(), number) {
            (true, 0..80) => write!(text, "{}.{}", number / 40, number % 40),
            (true, _) => write!(text, "2.{}", number - 80),
            (false, _) => write!(text, ".{number}"),
        };
        number = 0;
    }
    text
}

/// Splits a DER value with this tag off: its content, and what follows it.
pub(super) fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
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
mod tests;
