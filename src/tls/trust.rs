//! Whom `--cacert` makes us trust. Each certificate of the file is accepted as itself, byte for byte, and one that is an
//! authority's vouches for others as well. webpki takes any certificate for an authority that it is told to trust, and
//! asks it for nothing but name and key, so what an authority may do is judged here: along a path that webpki has
//! verified from end to end.

use std::cell::Cell;
use std::sync::Arc;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::tls::cause::{TlsCause, Unfit, Whose};
use crate::tls::date::Date;
use crate::tls::der::{self, Certificate, Powers};

/// The certificates of `--cacert`.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    certificates: Arc<[Trusted]>,
    anchors: Arc<[TrustAnchor<'static>]>,
}

/// A certificate of `--cacert`, and what of it counts where it is to vouch for another.
#[derive(Debug)]
struct Trusted {
    der: CertificateDer<'static>,
    dates: (Date, Date),
    path_len: Option<usize>,
    /// Why it vouches for no other, whatever the date is.
    unfit: Option<Unfit>,
}

impl Trust {
    /// Trusts these; None if one of them can't be understood.
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>) -> Option<Trust> {
        let anchor = |der| webpki::anchor_from_trusted_cert(der).ok().map(|anchor| anchor.to_owned());
        let anchors: Option<Vec<_>> = certificates.iter().map(anchor).collect();
        let certificates: Option<Vec<_>> = certificates.into_iter().map(Trusted::new).collect();
        Some(Trust { certificates: certificates?.into(), anchors: anchors?.into() })
    }

    /// Trusts nobody, and refuses every certificate.
    pub(crate) fn nobody() -> Trust {
        Trust { certificates: Arc::new([]), anchors: Arc::new([]) }
    }

    /// True if there is nobody to trust.
    pub(super) fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// True if the certificate is one of the file's, byte for byte.
    pub(super) fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates.iter().any(|trusted| trusted.der == *certificate)
    }

    /// True if the file holds another certificate of the same name that has signed itself too.
    pub(super) fn holds_namesake(&self, certificate: &Certificate<'_>) -> bool {
        let mut own = self.certificates.iter().filter_map(|trusted| Certificate::read(&trusted.der));
        own.any(|own| own.is_self_issued() && own.subject == certificate.subject)
    }

    /// The keys of the file's certificates that have this name.
    pub(super) fn keys<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let all = self.certificates.iter().filter_map(|trusted| Certificate::read(&trusted.der));
        all.filter(move |own| own.subject == name).map(|own| own.key_info)
    }

    /// Verifies that an authority of the file vouches for this certificate, by way of `intermediates` perhaps.
    pub(super) fn verify(
        &self,
        certificate: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        known: &WebPkiSupportedAlgorithms,
    ) -> Result<(), Refusal> {
        let fault = Cell::new(None);
        let may_vouch = |path: &VerifiedPath<'_>| match self.fault(path, now) {
            None => Ok(()),
            Some(why) => {
                fault.set(fault.take().or(Some(why)));
                Err(webpki::Error::UnknownIssuer)
            }
        };
        let usage = KeyUsage::server_auth();
        let verified =
            certificate.verify_for_usage(known.all, &self.anchors, intermediates, now, usage, None, Some(&may_vouch));
        match (verified, fault.take()) {
            (Ok(_), _) => Ok(()),
            (Err(_), Some(fault)) => Err(Refusal::Fault(fault)),
            (Err(error), None) => Err(Refusal::Webpki(error)),
        }
    }

    /// What of a path with right signatures, names and dates below the file's certificate keeps it from being accepted.
    fn fault(&self, path: &VerifiedPath<'_>, now: UnixTime) -> Option<TlsCause> {
        let mut count = 0;
        for intermediate in path.intermediate_certificates() {
            count += 1;
            let der = intermediate.der();
            let powers = Certificate::read(&der).and_then(|certificate| certificate.powers());
            if powers.is_none_or(|powers| powers.must_not_sign) {
                return Some(TlsCause::Unfit { whose: Whose::Intermediate, why: Unfit::KeyUsage });
            }
        }
        // The same name and key may be there twice, with different dates: one that may vouch is enough.
        let named = self.certificates.iter().zip(self.anchors.iter()).filter(|(_, anchor)| *anchor == path.anchor());
        let faults = named.map(|(trusted, _)| trusted.fault(count, now));
        faults.reduce(|first, second| first.and(second))?
    }
}

/// Why a certificate is not vouched for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// webpki found no path.
    Webpki(webpki::Error),
    /// There is a path, but an authority on it must not vouch.
    Fault(TlsCause),
}

impl Trusted {
    fn new(der: CertificateDer<'static>) -> Option<Trusted> {
        let certificate = Certificate::read(&der)?;
        let dates = certificate.dates()?;
        let powers = certificate.powers()?;
        let unfit = Trusted::unfit(&certificate, powers);
        Some(Trusted { dates, path_len: powers.path_len, unfit, der })
    }

    fn unfit(certificate: &Certificate<'_>, powers: Powers) -> Option<Unfit> {
        match powers {
            Powers { is_authority: false, .. } => Some(Unfit::NoAuthority),
            Powers { must_not_sign: true, .. } => Some(Unfit::KeyUsage),
            Powers { must_not_serve: true, .. } => Some(Unfit::Purpose),
            _ => certificate.unread_of_authority().map(|id| Unfit::Critical { name: der::object_name(id) }),
        }
    }

    /// Why it does not vouch, now and with so many intermediates below it.
    fn fault(&self, intermediates: usize, now: UnixTime) -> Option<TlsCause> {
        let whose = Whose::Authority;
        let (first, last) = self.dates;
        match &self.unfit {
            Some(why) => Some(TlsCause::Unfit { whose, why: why.clone() }),
            None if Date::from(now) < first => Some(TlsCause::NotYetValid { whose, from: first }),
            None if Date::from(now) > last => Some(TlsCause::Expired { whose, since: last }),
            None if self.path_len.is_some_and(|most| intermediates > most) => {
                Some(TlsCause::Unfit { whose, why: Unfit::PathLength })
            }
            None => None,
        }
    }
}
