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
}

impl Place {
    /// Looks up whether DEST is a folder, which gets a file of the usual name, or the file itself.
    pub(crate) fn of(dest: &Word) -> Place {
        let (value, all) = (dest.value(), dest.all());
        let typed = |part: Part<'_>| shown(&part.typed(), TARGET_CHARS);
        if value.ends_with('/') || Path::new(value).is_dir() {
            let typed = typed(all);
            return Place {
                // With a slash at its end, a file in its place would be one that is not there.
                folder: without_last_slash(value).into(),
                name: NAME.to_owned(),
                shown: format!("{}/{NAME}", typed.trim_end_matches('/')),
                shown_folder: without_last_slash(&typed).to_owned(),
                shown_name: NAME.to_owned(),
                is_folder_hidden: all.placeholder().is_some(),
            };
        }
        let slash = value.rfind('/');
        let (before, name) = all.split_at(slash.map_or(0, |at| at + 1));
        let (folder, shown_folder) = match slash {
            None => (".", ".".to_owned()),
            Some(0) => ("/", "/".to_owned()),
            // The folder is a part of what one placeholder gave.
            Some(at) if before.giver(at).is_some() => (&value[..at], format!("{}/..", typed(before))),
            Some(at) => (&value[..at], typed(all.split_at(at).0)),
        };
        Place {
            folder: folder.into(),
            name: name.text().to_owned(),
            shown: typed(all),
            shown_folder,
            shown_name: typed(name),
            is_folder_hidden: before.placeholder().is_some(),
        }
    }
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
}
