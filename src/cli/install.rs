//! What the options of `install` mean.

use crate::cli::line::Line;
use crate::cli::usage::{Complaint, Named};
use crate::cli::{flags, values};
use crate::install::{Install, Link, Place, is_temporary};

pub(super) fn understand(line: &mut Line<'_>) -> Option<Install> {
    let links = line.words(&flags::LINK, |word| {
        Ok(Link { name: values::file_name(word.value())?, shown: word.typed().to_owned() })
    });
    let place = line.target(|word| {
        values::path(word.value(), "wanted a folder or a file")?;
        Ok(Place::of(word))
    })?;
    if is_temporary(place.name.as_bytes()) {
        line.complain(Complaint::of(Named::Operand("DEST", &place.shown), TEMPORARY));
    }
    for link in &links {
        let named = Named::Value(&flags::LINK, &link.shown);
        if is_temporary(link.name.as_bytes()) {
            line.complain(Complaint::of(named, TEMPORARY));
        } else if link.name == place.name {
            line.complain(Complaint::of(named, "that is the name of the copy itself"));
        }
    }
    Some(Install { place, links })
}

const TEMPORARY: &str = "that is the name of a temporary file; wanted another one";
