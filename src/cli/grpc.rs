//! What the options of `grpc` mean.

use crate::cli::line::Line;
use crate::cli::usage::{Complaint, Named};
use crate::cli::{flags, tcp, tls, values};
use crate::probe::Probe;
use crate::probe::grpc::{GrpcProbe, ServingList};
use crate::target::{OtherName, Target};
use crate::text::{VALUE_CHARS, shown};
use crate::tls::server_name;
use crate::word::Wrong;

#[inline(never)] // as for http
pub(super) fn understand(line: &mut Line<'_>) -> Option<Probe> {
    let service = line.word(&flags::SERVICE, |word| Ok((word.value().to_owned(), word.typed().to_owned())));
    let (service, typed) = service.unwrap_or_default();
    let options = tls::understand(line);
    let is_tls = line.switch(&flags::TLS);
    if let (Some(name), false) = (options.first_given, is_tls) {
        line.complain(Complaint::of(Named::Ours(name), "used only over TLS; wanted --tls as well"));
    }
    let metadata = line.options(&flags::METADATA, values::metadata);
    let serving = line.option(&flags::EXPECT_SERVING, |text| {
        let wanted = "wanted serving statuses such as SERVING or SERVING,NOT_SERVING, or any";
        ServingList::parse(text).ok_or_else(|| Wrong(wanted.to_owned()))
    });
    let proxy = tcp::proxy(line);
    let authority = line.option(&flags::AUTHORITY, values::authority);
    let target = tcp::target(line, |word| {
        let target = Target::parse_for(word, OtherName::Authority)?;
        if let (Target::Tcp(place), true, None) = (&target, is_tls, &options.tls.server_name) {
            server_name(&place.plain_name())?;
        }
        // Looked at here, so that the complaint shows TARGET.
        values::authority(&target.authority()).map(|_| target)
    })?;
    let authority = match authority {
        Some(authority) => authority,
        None => values::authority(&target.authority()).ok()?,
    };
    let probe = GrpcProbe {
        target,
        service,
        shown_service: shown(&typed, VALUE_CHARS),
        tls: is_tls.then_some(options.tls),
        metadata,
        authority,
        serving: serving.unwrap_or_default(),
        proxy,
    };
    Some(Probe::Grpc(Box::new(probe)))
}
