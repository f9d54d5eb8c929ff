//! Where the copy goes: DEST is looked up once, so that all that follows means the same folder and the same name, and
//! is kept in the form for messages too, since a placeholder's value may be a secret.

use std::path::{Path, PathBuf};

use crate::text::{TARGET_CHARS, shown};
use crate::word::{Part, Word};

/// The file name where DEST is a folder.
const NAME: &str = "exec-probe";

/// The folder and the name that the copy gets, each with its form for messages: placeholders as typed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The file name in it.
    pub(crate) name: String,
    /// The whole path for messages.
    pub(crate) shown: String,
    /// The folder for messages.
    pub(super) shown_folder: String,
    /// The file name for messages.
    pub(super) shown_name: String,
    /// True if a placeholder gave a part of the folder: then no other spelling of it is shown either.
    pub(super) is_folder_hidden: bool,
    /// The folder of the folder, for messages, where DEST ends in a slash: then a missing folder is made.
    pub(super) shown_parent: Option<String>,
}

impl Place {
    /// Looks up whether DEST is a folder, which gets a file of the usual name, or the file itself.
    pub(crate) fn of(dest: &Word) -> Place {
        let (value, all) = (dest.value(), dest.all());
        if value.ends_with('/') || Path::new(value).is_dir() {
            let shown_all = typed(all);
            let is_slashed = value.ends_with('/') && !value.trim_end_matches('/').is_empty();
            return Place {
                // With a slash at its end, a file in its place would be one that is not there.
                folder: without_last_slash(value).into(),
                name: NAME.to_owned(),
                shown: format!("{}/{NAME}", shown_all.trim_end_matches('/')),
                shown_folder: without_last_slash(&shown_all).to_owned(),
                shown_name: NAME.to_owned(),
                is_folder_hidden: all.placeholder().is_some(),
                shown_parent: is_slashed.then(|| folder_of(all.split_at(value.trim_end_matches('/').len()).0).1),
            };
        }
        let (folder, shown_folder) = folder_of(all);
        let (before, name) = split_name(all);
        Place {
            folder: folder.into(),
            name: name.text().to_owned(),
            shown: typed(all),
            shown_folder,
            shown_name: typed(name),
            is_folder_hidden: before.placeholder().is_some(),
            shown_parent: None,
        }
    }
}

/// A path without a slash at its end: what comes up to its last slash, and its name.
fn split_name(path: Part<'_>) -> (Part<'_>, Part<'_>) {
    path.split_at(path.text().rfind('/').map_or(0, |at| at + 1))
}

/// The folder that such a path lies in, and its form for messages.
fn folder_of(path: Part<'_>) -> (&str, String) {
    let before = split_name(path).0;
    match path.text().rfind('/') {
        None => (".", ".".to_owned()),
        Some(0) => ("/", "/".to_owned()),
        // The folder is a part of what one placeholder gave.
        Some(at) if before.giver(at).is_some() => (&path.text()[..at], format!("{}/..", typed(before))),
        Some(at) => (&path.text()[..at], typed(path.split_at(at).0)),
    }
}

fn typed(part: Part<'_>) -> String {
    shown(&part.typed(), TARGET_CHARS)
}

/// The same folder: `/probe` for `/probe/`, and `/` for itself.
fn without_last_slash(folder: &str) -> &str {
    match folder.trim_end_matches('/') {
        "" => "/",
        folder => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_and_name_are_shown_as_typed() {
        let env = |name: &str| Some(if name == "S" { "/no/s3cret" } else { "/" }.into());
        let rows = [
            // DEST, folder, name; shown: the whole, the folder, the name
            ("/", "/", "exec-probe", "/exec-probe", "/", "exec-probe"),
            ("/no/", "/no", "exec-probe", "/no/exec-probe", "/no", "exec-probe"),
            ("/no", "/", "no", "/no", "/", "no"),
            ("/no/a", "/no", "a", "/no/a", "/no", "a"),
            ("no", ".", "no", "no", ".", "no"),
            ("{env.S}", "/no", "s3cret", "{env.S}", "{env.S}/..", "{env.S}"),
            ("{env.S}/", "/no/s3cret", "exec-probe", "{env.S}/exec-probe", "{env.S}", "exec-probe"),
            ("{env.S}/a/b", "/no/s3cret/a", "b", "{env.S}/a/b", "{env.S}/a", "b"),
            ("/x{env.S}/b", "/x/no/s3cret", "b", "/x{env.S}/b", "/x{env.S}", "b"),
            ("{env.ROOT}", "/", "exec-probe", "{env.ROOT}/exec-probe", "{env.ROOT}", "exec-probe"),
        ];
        for (typed, folder, name, shown, shown_folder, shown_name) in rows {
            let place = Place::of(&Word::expand(typed, &env).expect("it expands"));
            assert_eq!((place.folder.as_path(), &*place.name), (Path::new(folder), name), "{typed}");
            assert_eq!(
                (&*place.shown, &*place.shown_folder, &*place.shown_name),
                (shown, shown_folder, shown_name),
                "{typed}"
            );
            assert_eq!(place.is_folder_hidden, typed.contains("{env"), "{typed}");
        }
    }

    #[test]
    fn a_slash_at_the_end_names_the_folder_that_a_new_one_is_made_in() {
        let env = |_: &str| Some("/no/s3cret".into());
        let rows = [
            ("/no", None),
            ("/no/a", None),
            // There already: the root, and what is a folder without a slash.
            ("/", None),
            ("//", None),
            ("/tmp", None),
            ("/no/", Some("/")),
            ("/no//", Some("/")),
            ("/no/a/", Some("/no")),
            ("no/", Some(".")),
            ("no/a/", Some("no")),
            ("{env.S}/", Some("{env.S}/..")),
            ("{env.S}/a/", Some("{env.S}")),
            ("/x{env.S}/a/", Some("/x{env.S}")),
            ("/x{env.S}/", Some("/x{env.S}/..")),
        ];
        for (typed, parent) in rows {
            let place = Place::of(&Word::expand(typed, &env).expect("it expands"));
            assert_eq!(place.shown_parent.as_deref(), parent, "{typed}");
        }
    }
}
