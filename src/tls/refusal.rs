//! What webpki's refusal of a certificate means: which certificate of the chain it is about, and what is wrong with it.
//! webpki says neither, so the certificates are looked at once more.

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::Error;

use crate::text::{VALUE_CHARS, shown};
use crate::tls::cause::{TlsCause, Unfit, Whose, plain_name};
use crate::tls::date::Date;
use crate::tls::der::{self, Certificate};
use crate::tls::trust::{Refusal, Trust};

/// What a server presented, and what it was verified by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presented<'a> {
    pub(super) certificate: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) trust: &'a Trust,
    pub(super) now: UnixTime,
}

impl Presented<'_> {
    /// Why the certificate is not accepted.
    pub(super) fn cause(&self, refusal: Refusal) -> TlsCause {
        let own = Certificate::read(self.certificate);
        let own = own.filter(|own| own.is_self_issued());
        match (refusal, own) {
            (Refusal::Fault(_), Some(own))
            | (
                Refusal::Webpki(
                    Error::UnknownIssuer | Error::CaUsedAsEndEntity | Error::InvalidSignatureForPublicKey,
                ),
                Some(own),
            ) => TlsCause::SelfSigned { has_namesake: self.trust.holds_namesake(&own) },
            (Refusal::Fault(fault), None) => fault,
            (Refusal::Webpki(error), _) => self.webpki_cause(error),
        }
    }

    fn webpki_cause(&self, error: Error) -> TlsCause {
        let server = |why| TlsCause::Unfit { whose: Whose::Server, why };
        match error {
            Error::CertExpired { not_after, .. } => {
                TlsCause::Expired { whose: self.is_late(), since: seconds(not_after) }
            }
            Error::CertNotValidYet { not_before, .. } => {
                TlsCause::NotYetValid { whose: self.is_early(), from: seconds(not_before) }
            }
            Error::CertNotValidForName(context) => TlsCause::WrongName {
                wanted: shown(&context.expected.to_str(), VALUE_CHARS),
                valid_for: context.presented.iter().map(|name| plain_name(name)).collect(),
            },
            Error::UnknownIssuer => TlsCause::UnknownIssuer,
            Error::InvalidSignatureForPublicKey => self.bad_signature(),
            Error::UnsupportedSignatureAlgorithmContext(context) => {
                TlsCause::UnknownSignature { by: kind_name(&context.signature_algorithm_id), key: None }
            }
            Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => TlsCause::UnknownSignature {
                by: kind_name(&context.signature_algorithm_id),
                key: Some(kind_name(&context.public_key_algorithm_id)),
            },
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
                let is_at_fault =
                    |certificate: &Certificate<'_>| certificate.powers().is_none_or(|powers| powers.must_not_serve);
                TlsCause::Unfit { whose: self.first(is_at_fault), why: Unfit::Purpose }
            }
            Error::UnsupportedCriticalExtension => self.critical(),
            Error::BadDerTime => {
                let is_at_fault = |certificate: &Certificate<'_>| {
                    certificate.dates().is_none_or(|(first, last)| first < Date(0) || last < Date(0))
                };
                TlsCause::Unfit { whose: self.first(is_at_fault), why: Unfit::Dates }
            }
            Error::NameConstraintViolation => server(Unfit::NameConstraints),
            Error::PathLenConstraintViolated => {
                TlsCause::Unfit { whose: Whose::Intermediate, why: Unfit::PathLength }
            }
            Error::EndEntityUsedAsCa => TlsCause::Unfit { whose: Whose::Intermediate, why: Unfit::NoAuthority },
            Error::CaUsedAsEndEntity => server(Unfit::IsAuthority),
            Error::MaximumPathDepthExceeded => server(Unfit::ManyIntermediates),
            Error::UnsupportedCertVersion => TlsCause::Unfit { whose: self.first(is_of_old), why: Unfit::Version },
            Error::BadDer | Error::TrailingData(_) | Error::MalformedExtensions | Error::ExtensionValueInvalid => {
                server(Unfit::Encoding)
            }
            error => server(Unfit::Other { name: shown(&error.to_string(), VALUE_CHARS) }),
        }
    }

    /// A signature in the chain that does not verify: by a key that ring does not take, or by another key of the same
    /// name.
    fn bad_signature(&self) -> TlsCause {
        let issuers: Vec<_> = self.intermediates.iter().filter_map(|der| Certificate::read(der)).collect();
        for signed in Certificate::read(self.certificate).iter().chain(&issuers) {
            let sent = issuers.iter().filter(|issuer| issuer.subject == signed.issuer);
            let sent = sent.map(|issuer| (Whose::Intermediate, issuer.key_info));
            let trusted = self.trust.keys(signed.issuer).map(|key| (Whose::Authority, key));
            let lengths = sent.chain(trusted).filter_map(|(whose, key)| Some((whose, der::rsa_bits(key)?)));
            if let Some((whose, bits)) = lengths.into_iter().find(|(_, bits)| !der::RSA_BITS.contains(bits)) {
                return TlsCause::RsaBits { whose, bits };
            }
        }
        TlsCause::OtherKey
    }

    /// Which critical extension of which certificate is not read.
    fn critical(&self) -> TlsCause {
        let whose = self.first(|certificate| certificate.unread().is_some());
        let all = std::iter::once(self.certificate).chain(self.intermediates);
        let id = all.filter_map(|der| Certificate::read(der)?.unread()).next();
        TlsCause::Unfit { whose, why: Unfit::Critical { name: id.map(der::object_name).unwrap_or_default() } }
    }

    fn is_late(&self) -> Whose {
        let now = seconds(self.now);
        self.first(|certificate| certificate.dates().is_none_or(|(_, last)| last < now))
    }

    fn is_early(&self) -> Whose {
        let now = seconds(self.now);
        self.first(|certificate| certificate.dates().is_none_or(|(first, _)| now < first))
    }

    /// Whose certificate it is about: the server's own if that is at fault, or else one that it sent beside.
    fn first(&self, is_at_fault: impl Fn(&Certificate<'_>) -> bool) -> Whose {
        match Certificate::read(self.certificate) {
            Some(own) if !is_at_fault(&own) && !self.intermediates.is_empty() => Whose::Intermediate,
            _ => Whose::Server,
        }
    }
}

fn is_of_old(certificate: &Certificate<'_>) -> bool {
    !certificate.is_version_3()
}

/// A point in time as a date.
pub(super) fn seconds(time: UnixTime) -> Date {
    Date(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// The content of an AlgorithmIdentifier as people know it: of a curve its name, of anything else the algorithm's.
fn kind_name(identifier: &[u8]) -> String {
    let Some((algorithm, parameters)) = der::value(identifier, der::OBJECT) else { return "no known one".to_owned() };
    let id = der::value(parameters, der::OBJECT).map_or(algorithm, |(curve, _)| curve);
    shown(&der::object_name(id), VALUE_CHARS)
}
