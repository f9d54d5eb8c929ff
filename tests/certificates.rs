//! Whom `--cacert` trusts: each certificate of the file as itself, authorities for others as well, and what the line
//! says of a chain that is not accepted. Certificates and chains are made on the spot, bad signatures by hand.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData, SanType, SignatureAlgorithm,
    SigningKey,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{Folder, exec_probe};
use crate::tls::{Gives, content, der, https, san, values};

/// What makes a certificate a special one.
type Change = fn(&mut CertificateParams);

/// A certificate that may sign others.
type Signer = CertifiedIssuer<'static, KeyPair>;

const PLAIN: Change = |_| {};
const AUTHORITY: Change = |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
const LEAF: Change = |params| params.subject_alt_names = vec![san("localhost")];

fn params(name: &str, changes: &[Change]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    changes.iter().for_each(|change| change(&mut params));
    params
}

/// A certificate of this name that signs itself.
fn root(name: &str, changes: &[Change]) -> Signer {
    CertifiedIssuer::self_signed(params(name, changes), KeyPair::generate().expect("a key")).expect("a root")
}

/// A certificate of this name, signed by another.
fn below<K: SigningKey>(issuer: &CertifiedIssuer<'static, K>, name: &str, changes: &[Change]) -> Signer {
    CertifiedIssuer::signed_by(params(name, changes), KeyPair::generate().expect("a key"), issuer).expect("signed")
}

/// A critical extension that nobody knows.
fn unknown() -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 2, 840, 99_999], vec![5, 0]);
    extension.set_criticality(true);
    extension
}

/// certificatePolicies with anyPolicy, critical.
fn policies() -> CustomExtension {
    let mut extension =
        CustomExtension::from_oid_content(&[2, 5, 29, 32], vec![0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0]);
    extension.set_criticality(true);
    extension
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("text")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Asks a server that shows this chain and holds this key. `OK` is wanted, or what the line says behind the target.
fn asks(name: &str, chain: &[CertificateDer<'static>], key: &KeyPair, cacert: &str, host: &str, wanted: &str) {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a key");
    let given = Gives(Arc::new(rustls::sign::CertifiedKey::new(chain.to_vec(), key)));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(given));
    let folder = Folder::new();
    let cacert = folder.file("ca.pem", cacert);
    let server = https(1, config);
    let url = format!("https://{host}:{}/", server.port);
    let (code, stdout, stderr) = exec_probe(["http", "--cacert", &cacert, &url]).output();
    match wanted {
        OK => assert_eq!((code, stderr.as_str()), (Some(0), ""), "{name}: {stdout}"),
        line => assert_eq!((code, stderr), (Some(1), format!("http GET {url}: {line}\n")), "{name}"),
    }
}

const OK: &str = "ok";
const UNKNOWN_ISSUER: &str = "the server's certificate has an unknown issuer, wanted one that is in --cacert";

#[test]
fn a_pinned_certificate_is_accepted_as_itself_and_vouches_for_no_other() {
    const NO_AUTHORITY: &str =
        "the issuer's certificate in --cacert can't be accepted: it is not an authority's (no CA:TRUE)";
    const MAY_NOT_SIGN: &str = "the issuer's certificate in --cacert can't be accepted: it may not sign certificates (keyUsage without keyCertSign)";
    let rows: [(&str, Change, &str); 3] = [
        ("without basicConstraints", PLAIN, NO_AUTHORITY),
        ("with CA:FALSE", |params| params.is_ca = IsCa::ExplicitNoCa, NO_AUTHORITY),
        (
            "of an authority that must not sign",
            |params| {
                AUTHORITY(params);
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            },
            MAY_NOT_SIGN,
        ),
    ];
    for (name, change, wanted) in rows {
        let pinned = root("foo.example", &[LEAF, change]);
        let minted = below(&pinned, "minted", &[LEAF]);
        let file = pinned.pem();
        asks(name, &[pinned.der().clone()], pinned.key(), &file, "localhost", OK);
        asks(name, &[minted.der().clone()], minted.key(), &file, "localhost", wanted);
        let chain = [minted.der().clone(), pinned.der().clone()];
        asks(name, &chain, minted.key(), &file, "localhost", wanted);
    }
    // One that an authority signed is no authority either, with that authority in the file or without.
    let authority = root("authority", &[AUTHORITY]);
    let pinned = below(&authority, "pinned", &[LEAF]);
    let minted = below(&pinned, "minted", &[LEAF]);
    let chain = [minted.der().clone(), pinned.der().clone()];
    asks("a leaf of an authority's", &chain, minted.key(), &pinned.pem(), "localhost", NO_AUTHORITY);
    let both = format!("{}{}", authority.pem(), pinned.pem());
    asks("both in the file", &chain, minted.key(), &both, "localhost", NO_AUTHORITY);
}

#[test]
fn a_certificate_of_version_1_is_an_authority_if_it_signed_itself() {
    let first = root("first", &[]);
    let minted = below(&first, "minted", &[LEAF]);
    let leaf = below(&root("authority", &[AUTHORITY]), "first", &[]);
    let minted_by_leaf = below(&leaf, "minted", &[LEAF]);
    let why = "the issuer's certificate in --cacert can't be accepted: it is not an authority's (no CA:TRUE)";
    for (name, own, minted, wanted) in [("itself", &first, &minted, OK), ("another", &leaf, &minted_by_leaf, why)] {
        let file = pem(&version_1(own.der()));
        asks(name, &[minted.der().clone()], minted.key(), &file, "localhost", wanted);
    }
}

/// The certificate without version and extensions.
fn version_1(certificate: &[u8]) -> Vec<u8> {
    let parts = values(content(certificate));
    let fields = values(content(parts[0]));
    let kept: Vec<u8> =
        fields.iter().filter(|field| field[0] != 0xa0 && field[0] != 0xa3).copied().flatten().copied().collect();
    der(0x30, &[&der(0x30, &kept), parts[1], parts[2]].concat())
}

#[test]
fn authorities_in_cacert_are_held_to_their_dates_and_limits() {
    let rows: [(&str, Change, &str); 10] = [
        ("plain", PLAIN, OK),
        ("with keyCertSign", |params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign], OK),
        ("for any purpose", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any], OK),
        ("with no authority below", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)), OK),
        ("from before 1970", |params| params.not_before = rcgen::date_time_ymd(1960, 1, 2), OK),
        ("with critical policies", |params| params.custom_extensions = vec![policies()], OK),
        (
            "expired",
            |params| params.not_after = rcgen::date_time_ymd(2001, 2, 3),
            "the issuer's certificate in --cacert expired on 2001-02-03 00:00 UTC",
        ),
        (
            "early",
            |params| params.not_before = rcgen::date_time_ymd(2199, 2, 3),
            "the issuer's certificate in --cacert is not valid before 2199-02-03 00:00 UTC",
        ),
        (
            "for clients",
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            "the issuer's certificate in --cacert can't be accepted: it is not for servers (extendedKeyUsage)",
        ),
        (
            "with an unknown extension",
            |params| params.custom_extensions = vec![unknown()],
            "the issuer's certificate in --cacert can't be accepted: its critical extension 1.2.840.99999 is not understood",
        ),
    ];
    for (name, change, wanted) in rows {
        let authority = root("authority", &[AUTHORITY, change]);
        let leaf = below(&authority, "leaf", &[LEAF]);
        asks(name, &[leaf.der().clone()], leaf.key(), &authority.pem(), "localhost", wanted);
    }
}

#[test]
fn of_two_authorities_with_one_key_the_valid_one_counts() {
    let key = KeyPair::generate().expect("a key");
    let old = params("authority", &[AUTHORITY, |params| params.not_after = rcgen::date_time_ymd(2001, 2, 3)]);
    let old = old.self_signed(&key).expect("a root");
    let new = CertifiedIssuer::self_signed(params("authority", &[AUTHORITY]), key).expect("a root");
    let leaf = below(&new, "leaf", &[LEAF]);
    for file in [format!("{}{}", old.pem(), new.pem()), format!("{}{}", new.pem(), old.pem())] {
        asks("two", &[leaf.der().clone()], leaf.key(), &file, "localhost", OK);
    }
}

#[test]
fn intermediates_are_held_to_their_limits() {
    const THE: &str = "an intermediate certificate that the server sent";
    let rows: [(&str, Change, Change, &str); 9] = [
        ("plain", PLAIN, AUTHORITY, OK),
        (
            "with keyCertSign",
            PLAIN,
            |params| {
                AUTHORITY(params);
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            },
            OK,
        ),
        (
            "that must not sign",
            PLAIN,
            |params| {
                AUTHORITY(params);
                params.key_usages = vec![KeyUsagePurpose::CrlSign];
            },
            &format!("{THE} can't be accepted: it may not sign certificates (keyUsage without keyCertSign)"),
        ),
        ("that is none", PLAIN, PLAIN, &format!("{THE} can't be accepted: it is not an authority's (no CA:TRUE)")),
        (
            "below too short a path",
            |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            AUTHORITY,
            "the issuer's certificate in --cacert can't be accepted: more authorities follow it than it allows (pathlen)",
        ),
        (
            "expired",
            PLAIN,
            |params| {
                AUTHORITY(params);
                params.not_after = rcgen::date_time_ymd(2001, 2, 3);
            },
            &format!("{THE} expired on 2001-02-03 00:00 UTC"),
        ),
        (
            "for clients",
            PLAIN,
            |params| {
                AUTHORITY(params);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            },
            &format!("{THE} can't be accepted: it is not for servers (extendedKeyUsage)"),
        ),
        (
            "with critical policies",
            PLAIN,
            |params| {
                AUTHORITY(params);
                params.custom_extensions = vec![policies()];
            },
            &format!("{THE} can't be accepted: its critical extension certificatePolicies is not understood"),
        ),
        (
            "from before 1970",
            PLAIN,
            |params| {
                AUTHORITY(params);
                params.not_before = rcgen::date_time_ymd(1960, 1, 2);
            },
            &format!("{THE} can't be accepted: its dates are no dates from 1970 on"),
        ),
    ];
    for (name, above, change, wanted) in rows {
        let authority = root("authority", &[AUTHORITY, above]);
        let middle = below(&authority, "middle", &[change]);
        let leaf = below(&middle, "leaf", &[LEAF]);
        let chain = [leaf.der().clone(), middle.der().clone()];
        asks(name, &chain, leaf.key(), &authority.pem(), "localhost", wanted);
    }
}

#[test]
fn long_chains_end_at_six_intermediates_or_at_what_one_of_them_allows() {
    let authority = root("authority", &[AUTHORITY]);
    for (count, wanted) in
        [(6, OK), (7, "the server's certificate can't be accepted: it needs more than six intermediate certificates")]
    {
        let mut chain = Vec::new();
        let mut above = below(&authority, "0", &[AUTHORITY]);
        for number in 1..count {
            chain.insert(0, above.der().clone());
            above = below(&above, &number.to_string(), &[AUTHORITY]);
        }
        chain.insert(0, above.der().clone());
        let leaf = below(&above, "leaf", &[LEAF]);
        chain.insert(0, leaf.der().clone());
        asks(&count.to_string(), &chain, leaf.key(), &authority.pem(), "localhost", wanted);
    }
    let first = below(&authority, "first", &[|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))]);
    let second = below(&first, "second", &[AUTHORITY]);
    let leaf = below(&second, "leaf", &[LEAF]);
    let chain = [&leaf, &second, &first].map(|signer| signer.der().clone());
    let why = "an intermediate certificate that the server sent can't be accepted: more authorities follow it than it \
               allows (pathlen)";
    asks("pathlen", &chain, leaf.key(), &authority.pem(), "localhost", why);
}

#[test]
fn what_is_wrong_with_the_servers_own_certificate_is_named() {
    const CANT: &str = "the server's certificate can't be accepted";
    let rows: [(&str, Change, &str, &str); 6] = [
        (
            "critical policies",
            |params| params.custom_extensions = vec![policies()],
            "localhost",
            &format!("{CANT}: its critical extension certificatePolicies is not understood"),
        ),
        (
            "an unknown extension",
            |params| params.custom_extensions = vec![unknown()],
            "localhost",
            &format!("{CANT}: its critical extension 1.2.840.99999 is not understood"),
        ),
        (
            "from before 1970",
            |params| params.not_before = rcgen::date_time_ymd(1960, 1, 2),
            "localhost",
            &format!("{CANT}: its dates are no dates from 1970 on"),
        ),
        (
            "for clients",
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            "localhost",
            &format!("{CANT}: it is not for servers (extendedKeyUsage)"),
        ),
        (
            "an authority's",
            AUTHORITY,
            "localhost",
            &format!("{CANT}: it is an authority's (CA:TRUE) and is not in --cacert itself"),
        ),
        (
            "an address as a DNS name",
            |params| params.subject_alt_names = vec![SanType::DnsName("127.0.0.1".try_into().expect("a name"))],
            "127.0.0.1",
            "the server's certificate is not valid for 127.0.0.1, but for 127.0.0.1 as a DNS name; --server-name \
             verifies another",
        ),
    ];
    let authority = root("authority", &[AUTHORITY]);
    for (name, change, host, wanted) in rows {
        let leaf = below(&authority, "leaf", &[LEAF, change]);
        asks(name, &[leaf.der().clone()], leaf.key(), &authority.pem(), host, wanted);
    }
    let narrow: Change = |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".to_owned())],
            excluded_subtrees: vec![],
        });
    };
    let authority = root("authority", &[AUTHORITY, narrow]);
    let leaf = below(&authority, "leaf", &[LEAF]);
    let why = format!("{CANT}: an authority above it does not allow its names (nameConstraints)");
    asks("constraints", &[leaf.der().clone()], leaf.key(), &authority.pem(), "localhost", &why);
}

#[test]
fn a_renewed_certificate_is_told_from_a_strangers() {
    let renewed = "the server's certificate is self-signed and not the one of its name in --cacert (renewed?)";
    for (name, change) in [("CA:TRUE", AUTHORITY), ("none", PLAIN)] {
        let (old, new) = (root("shop", &[LEAF, change]), root("shop", &[LEAF, change]));
        asks(name, &[new.der().clone()], new.key(), &old.pem(), "localhost", renewed);
        let other = root("other", &[LEAF, change]);
        let why = "the server's certificate is self-signed and not in --cacert";
        asks(name, &[other.der().clone()], other.key(), &old.pem(), "localhost", why);
        // The same key does not make it the same certificate.
        let again = params("shop", &[LEAF, change]).self_signed(old.key()).expect("a certificate");
        asks(name, &[again.der().clone()], old.key(), &old.pem(), "localhost", renewed);
    }
    let (old, new) = (root("authority", &[AUTHORITY]), root("authority", &[AUTHORITY]));
    let leaf = below(&new, "leaf", &[LEAF]);
    let why =
        "the server's certificate is signed by another key than its issuer's in --cacert or beside it (renewed?)";
    asks("authority", &[leaf.der().clone()], leaf.key(), &old.pem(), "localhost", why);
    let why = UNKNOWN_ISSUER;
    asks("stranger", &[leaf.der().clone()], leaf.key(), &root("x", &[AUTHORITY]).pem(), "localhost", why);
}

#[test]
fn a_pinned_certificate_with_an_unread_extension_is_held_to_its_names() {
    let rows: [(&str, &str); 2] = [
        ("localhost", OK),
        (
            "shop.example",
            "the server's certificate is not valid for localhost, but for shop.example; --server-name verifies another",
        ),
    ];
    for (name, wanted) in rows {
        let mut params = params(name, &[|params| params.custom_extensions = vec![unknown(), policies()]]);
        params.subject_alt_names = vec![san(name)];
        let key = KeyPair::generate().expect("a key");
        let made = params.self_signed(&key).expect("a certificate");
        asks(name, &[made.der().clone()], &key, &made.pem(), "localhost", wanted);
    }
}

/// An RSA key of so many bits, which signs nothing right.
struct Rsa(Vec<u8>);

impl Rsa {
    fn new(bits: usize) -> Rsa {
        let modulus = der(2, &[&[0][..], &vec![0xc5; bits / 8]].concat());
        Rsa(der(0x30, &[&modulus[..], &[2, 3, 1, 0, 1]].concat()))
    }
}

impl PublicKeyData for Rsa {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl SigningKey for Rsa {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(vec![1; 128])
    }
}

#[test]
fn a_signature_that_can_not_be_verified_is_told_from_a_key_that_can_not_be_used() {
    for (bits, wanted) in [
        (1024, "the issuer's certificate in --cacert has an RSA key of 1024 bits, wanted 2048 to 8192"),
        (16_384, "the issuer's certificate in --cacert has an RSA key of 16384 bits, wanted 2048 to 8192"),
        (
            2048,
            "the server's certificate is signed by another key than its issuer's in --cacert or beside it (renewed?)",
        ),
    ] {
        let authority = CertifiedIssuer::self_signed(params("rsa", &[AUTHORITY]), Rsa::new(bits)).expect("a root");
        let leaf = below(&authority, "leaf", &[LEAF]);
        asks(&bits.to_string(), &[leaf.der().clone()], leaf.key(), &authority.pem(), "localhost", wanted);
    }
    // ECDSA with SHA-512, by its number alone: that is looked at before the signature.
    let authority = root("authority", &[AUTHORITY]);
    let leaf = below(&authority, "leaf", &[LEAF]);
    let mut other = leaf.der().to_vec();
    let sha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let places: Vec<usize> =
        other.windows(8).enumerate().filter(|(_, window)| *window == sha256).map(|(at, _)| at + 7).collect();
    assert_eq!(places.len(), 2);
    places.into_iter().for_each(|at| other[at] = 4);
    let why = "the server's certificate or its issuer's is signed by ECDSA with SHA-512, wanted ECDSA with SHA-256 or \
               SHA-384, Ed25519, or RSA with SHA-256, SHA-384 or SHA-512";
    asks("SHA-512", &[other.into()], leaf.key(), &authority.pem(), "localhost", why);
}
