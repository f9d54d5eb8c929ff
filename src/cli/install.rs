//! What the options of `install` mean.

use crate::cli::line::Line;
use crate::cli::usage::{Complaint, Named};
use crate::cli::{Action, Settings, flags, values};
use crate::install::Install;
use crate::text::{TARGET_CHARS, shown};

pub(super) fn understand(line: &mut Line<'_>, settings: Settings) -> Option<Action> {
    let links = line.words(&flags::LINK, |word| Ok((values::file_name(word.value())?, word.typed().to_owned())));
    let (links, typed): (Vec<String>, Vec<String>) = links.into_iter().unzip();
    let (dest, shown) = line.target(|word| {
        let dest = values::path(word.value(), "wanted a folder or a file")?;
        Ok((dest, shown(word.typed(), TARGET_CHARS)))
    })?;
    let install = Install { dest, shown, links };
    let file = install.file();
    let is_copy = |link: &String| file.file_name().is_some_and(|name| name == link.as_str());
    if let Some(at) = install.links.iter().position(is_copy) {
        let named = Named::Value(&flags::LINK, &typed[at]);
        line.complain(Complaint::of(named, "that is the name of the copy itself"));
    }
    Some(Action::Install(install, settings))
}
