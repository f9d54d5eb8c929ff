//! What the options of `http` about the response's body mean.

use http::Method;

use crate::cli::flags;
use crate::cli::line::Line;
use crate::cli::usage::Complaint;
use crate::probe::http::{BodyUse, Member, WantedBody};

/// What is done with the body.
pub(super) fn understand(line: &mut Line<'_>, method: &Method) -> BodyUse {
    let is_given = [&flags::EXPECT_BODY, &flags::EXPECT_JSON].map(|flag| line.is_given(flag));
    if is_given.contains(&true) { wanted(line, method, is_given) } else { BodyUse::Ignore }
}

#[inline(never)] // a plain probe wants nothing of the body
fn wanted(line: &mut Line<'_>, method: &Method, [has_texts, has_members]: [bool; 2]) -> BodyUse {
    let texts = line.texts(&flags::EXPECT_BODY);
    let members = line.words(&flags::EXPECT_JSON, Member::parse);
    if *method == Method::HEAD {
        let both = [
            (has_texts, "--expect-body with -X HEAD: the response to HEAD has no body; wanted one of them"),
            (has_members, "--expect-json with -X HEAD: the response to HEAD has no body; wanted one of them"),
        ];
        for (_, why) in both.into_iter().filter(|(is_given, _)| *is_given) {
            line.complain(Complaint::ours(why));
        }
    }
    BodyUse::Judge(Box::new(WantedBody { texts, members }))
}
