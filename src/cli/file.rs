//! What the options of `file` mean.

use crate::cli::line::Line;
use crate::cli::{flags, values};
use crate::probe::Probe;
use crate::probe::file::FileProbe;
use crate::text::{TARGET_CHARS, shown};

pub(super) fn understand(line: &mut Line<'_>) -> Option<Probe> {
    let max_age = line.option(&flags::MAX_AGE, values::length);
    let contains = line.sought(&flags::CONTAINS);
    let (path, shown) = line.target(|word| {
        let path = values::path(word.value(), "wanted the path of a file")?;
        Ok((path, shown(word.typed(), TARGET_CHARS)))
    })?;
    let probe = FileProbe { path, shown, max_age, contains };
    Some(Probe::File(probe))
}
