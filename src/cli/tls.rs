//! What the TLS options mean, for http and grpc alike.

use std::path::PathBuf;

use crate::cli::flags;
use crate::cli::line::Line;
use crate::cli::usage::{Complaint, Named};
use crate::tls::{self, Identity, Tls, Trust};
use crate::word::Word;

/// The TLS options together.
#[derive(Debug)]
pub(super) struct TlsOptions {
    pub(super) tls: Tls,
    /// The name of one that was typed.
    pub(super) first_given: Option<&'static str>,
}

#[inline(never)] // as for http
pub(super) fn understand(line: &mut Line<'_>) -> TlsOptions {
    let path = |word: &Word| PathBuf::from(word.value());
    let all = [&flags::CACERT, &flags::CERT, &flags::KEY, &flags::SERVER_NAME];
    let first_given = all.into_iter().find(|flag| line.is_given(flag)).map(|flag| flag.long);
    let (has_certificate, has_key) = (line.is_given(&flags::CERT), line.is_given(&flags::KEY));
    let trust = line.word(&flags::CACERT, |word| Trust::load(&path(word)));
    let certificate = line.word(&flags::CERT, |word| Ok((Identity::load(&path(word))?, word.typed().to_owned())));
    let key = line.word(&flags::KEY, |word| Ok((tls::load_key(&path(word))?, word.typed().to_owned())));
    let server_name = line.option(&flags::SERVER_NAME, tls::server_name);
    if key.is_some() && !has_certificate {
        line.complain(Complaint::ours("--key without --cert: wanted the certificate as well"));
    }
    let identity = certificate.and_then(|(certificate, typed)| {
        // A key that can't be used has its complaint already.
        if has_key && key.is_none() {
            return None;
        }
        let (key, flag, typed) = match key {
            Some((key, typed)) => (Some(key), &flags::KEY, typed),
            None => (None, &flags::CERT, typed),
        };
        let named = Named::Value(flag, &typed);
        match certificate.with_key(key) {
            Some(Ok(identity)) => return Some(identity),
            Some(Err(why)) => line.complain(Complaint::new(named, why)),
            None => line.complain(Complaint::of(named, "no key in it, wanted --key as well")),
        }
        None
    });
    TlsOptions { tls: Tls { trust, identity, server_name }, first_given }
}
