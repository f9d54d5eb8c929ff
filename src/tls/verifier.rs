//! Verification of what a server presents: chain and name where `--cacert` is given, and its handshake's signature
//! always.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::{EndEntityCert, RawPublicKeyEntity};

use crate::tls::Learned;
use crate::tls::cause::{TlsCause, Unfit, Whose};
use crate::tls::date::Date;
use crate::tls::der::{self, Certificate};
use crate::tls::refusal::Presented;
use crate::tls::trust::{Refusal, Trust};

/// rustls' verification of a handshake's signature, of either version.
type Verify = fn(
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
    &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error>;

/// Verifies for rustls; why it refuses is kept in `learned`, as rustls has no word for most of it.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) provider: Arc<CryptoProvider>,
    /// Whom to trust; none: neither chain nor name is verified.
    pub(super) trust: Option<Trust>,
    pub(super) learned: Arc<Learned>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trust) = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        if trust.is_empty() {
            return Err(self.refuse(TlsCause::NobodyTrusted));
        }
        let presented = Presented { certificate, intermediates, trust, now };
        let verified = match trust.holds(certificate) {
            true => self.verify_pinned(&presented, name),
            false => self.verify_chain(&presented, name),
        };
        match verified {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(cause) => Err(self.refuse(cause)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // In TLS 1.2 a scheme names no curve, so each algorithm is tried.
        self.verify_signature(message, certificate, signed, verify_tls12_signature, usize::MAX)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signed, verify_tls13_signature, 1)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    /// Verifies a certificate that an authority must vouch for: the chain, and then the name.
    fn verify_chain(&self, presented: &Presented<'_>, name: &ServerName<'_>) -> Result<(), TlsCause> {
        let known = &self.provider.signature_verification_algorithms;
        let verified = EndEntityCert::try_from(presented.certificate).map_err(Refusal::Webpki).and_then(|parsed| {
            presented.trust.verify(&parsed, presented.intermediates, presented.now, known)?;
            parsed.verify_is_valid_for_subject_name(name).map_err(Refusal::Webpki)
        });
        verified.map_err(|refusal| presented.cause(refusal))
    }

    /// Verifies a certificate that is trusted as it is: its dates, and its name if it has one.
    fn verify_pinned(&self, presented: &Presented<'_>, name: &ServerName<'_>) -> Result<(), TlsCause> {
        let whose = Whose::Server;
        let encoding = TlsCause::Unfit { whose, why: Unfit::Encoding };
        let certificate = Certificate::read(presented.certificate).ok_or(encoding.clone())?;
        let (first, last) = certificate.dates().ok_or(encoding.clone())?;
        let now = Date::from(presented.now);
        if now < first {
            return Err(TlsCause::NotYetValid { whose, from: first });
        }
        if now > last {
            return Err(TlsCause::Expired { whose, since: last });
        }
        let checked = match EndEntityCert::try_from(presented.certificate) {
            Ok(parsed) => parsed.verify_is_valid_for_subject_name(name),
            // Its names are looked at all the same.
            Err(webpki::Error::UnsupportedCriticalExtension) => {
                let copy = der::without_critical(presented.certificate).ok_or(encoding)?.into();
                EndEntityCert::try_from(&copy).and_then(|parsed| parsed.verify_is_valid_for_subject_name(name))
            }
            Err(_) if certificate.is_version_1() => {
                self.learned.name_unchecked();
                return Ok(());
            }
            Err(error) => Err(error),
        };
        match checked {
            Err(webpki::Error::CertNotValidForName(context)) if context.presented.is_empty() => {
                self.learned.name_unchecked();
                Ok(())
            }
            checked => checked.map_err(|error| presented.cause(Refusal::Webpki(error))),
        }
    }

    /// Verifies a handshake's signature, by the first `most` algorithms of its scheme. Of a certificate that webpki does
    /// not read, only the key counts: [`Verifier::verify_server_cert`] has accepted it before.
    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
        verify: Verify,
        most: usize,
    ) -> Result<HandshakeSignatureValid, Error> {
        use CertificateError::{BadEncoding, BadSignature, Other, UnhandledCriticalExtension};
        let known = &self.provider.signature_verification_algorithms;
        let verified = match verify(message, certificate, signed, known) {
            Err(Error::InvalidCertificate(BadEncoding | Other(_) | UnhandledCriticalExtension)) => {
                verify_by_key(message, certificate, signed, known, most)
            }
            verified => verified,
        };
        match verified {
            // A key of a length that ring does not take fails like a wrong one.
            Err(Error::InvalidCertificate(BadSignature)) => {
                let key = Certificate::read(certificate).and_then(|certificate| der::rsa_bits(certificate.key_info));
                Err(match key.filter(|bits| !der::RSA_BITS.contains(bits)) {
                    Some(bits) => self.refuse(TlsCause::RsaBits { whose: Whose::Server, bits }),
                    None => BadSignature.into(),
                })
            }
            verified => verified,
        }
    }

    /// Keeps the cause; the error is what rustls makes its alert from, which the server may log.
    fn refuse(&self, cause: TlsCause) -> Error {
        let error = match &cause {
            TlsCause::Expired { .. } | TlsCause::NotYetValid { .. } => CertificateError::Expired,
            TlsCause::WrongName { .. } => CertificateError::NotValidForName,
            TlsCause::NobodyTrusted | TlsCause::UnknownIssuer | TlsCause::SelfSigned { .. } => {
                CertificateError::UnknownIssuer
            }
            TlsCause::Unfit { why: Unfit::Purpose, .. } => CertificateError::InvalidPurpose,
            TlsCause::OtherKey => CertificateError::BadSignature,
            _ => CertificateError::BadEncoding,
        };
        self.learned.refused(cause);
        error.into()
    }
}

/// Verifies a signature by the certificate's bare key.
fn verify_by_key(
    message: &[u8],
    certificate: &[u8],
    signed: &DigitallySignedStruct,
    known: &WebPkiSupportedAlgorithms,
    most: usize,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = Certificate::read(certificate).ok_or(CertificateError::BadEncoding)?;
    let info = SubjectPublicKeyInfoDer::from(certificate.key_info);
    let key = RawPublicKeyEntity::try_from(&info).map_err(|_| CertificateError::BadEncoding)?;
    let algorithms = known.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
    let mut error = rustls::PeerIncompatible::NoSignatureSchemesInCommon.into();
    for algorithm in algorithms.flat_map(|(_, all)| *all).take(most) {
        match key.verify_signature(*algorithm, message, signed.signature()) {
            Ok(()) => return Ok(HandshakeSignatureValid::assertion()),
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => error = CertificateError::BadSignature.into(),
        }
    }
    Err(error)
}
