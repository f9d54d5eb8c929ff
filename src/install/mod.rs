//! Copies this very binary to where containers can run it: what an init container does. Nothing half-done is ever
//! seen: the copy and its links are made beside DEST, flushed, and renamed over it, which works over a copy that is being
//! executed. It refuses a mount that nothing can be executed from, since the kubelet silently ignores a probe that it
//! can't execute: this is the one loud moment.

mod place;
mod temporary;

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;

use rustix::fs::FileType;

use crate::text::{Errno, TARGET_CHARS, shown};
pub(crate) use place::Place;
pub(crate) use temporary::is_name as is_temporary;
use temporary::{Folder, MODE, Prepared};

/// The binary that runs.
const SELF: &str = "/proc/self/exe";

/// What to do: where to, and by which further names.
#[derive(Clone, Debug)]
pub(crate) struct Install {
    /// The file to make.
    pub(crate) place: Place,
    pub(crate) links: Vec<Link>,
}

/// A link to make beside the copy.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Its file name.
    pub(crate) name: String,
    /// The name for messages: placeholders as typed.
    pub(crate) shown: String,
}

/// What an install did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// The copy was made, of this many bytes.
    Copied(u64),
    /// The same bytes were there already.
    Unchanged,
}

/// Why nothing was installed. DEST and the links are as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InstallCause {
    /// The binary that runs can't be read: there is no `/proc`, for one.
    NoSelf { errno: i32 },
    /// DEST's folder is not there.
    NoFolder { folder: String },
    /// What has this name is not replaced: `a folder`, `a file`, `a device`.
    InTheWay { name: String, kind: &'static str },
    /// Nothing can be executed from this mount.
    Noexec { mount: String },
    /// Another install holds the folder.
    Busy,
    /// What a killed install left can't be removed.
    LeftOver { name: String, errno: i32 },
    /// A call failed.
    Call { call: &'static str, errno: i32 },
}

impl std::fmt::Display for InstallCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InstallCause::NoSelf { errno: libc::ENOENT } => write!(f, "no {SELF} to copy: is /proc mounted?"),
            InstallCause::NoSelf { errno } => write!(f, "{SELF} can't be read: {}", Errno(*errno)),
            InstallCause::NoFolder { folder } => write!(f, "no folder {folder}"),
            InstallCause::InTheWay { name, kind } => write!(f, "{kind} named {name} is in the way"),
            InstallCause::Noexec { mount } => {
                write!(f, "nothing can be executed from {mount}, which is mounted noexec; wanted another volume")
            }
            InstallCause::Busy => f.write_str("another install into this folder does not end"),
            InstallCause::LeftOver { name, errno: libc::EISDIR } => write!(f, "a folder named {name} is in the way"),
            InstallCause::LeftOver { name, errno } => {
                write!(f, "{name} of an earlier install can't be removed: {}", Errno(*errno))
            }
            InstallCause::Call { errno: libc::EACCES | libc::EPERM, call } => write!(f, "permission denied ({call})"),
            InstallCause::Call { errno: libc::ENOSPC | libc::EDQUOT, call } => write!(f, "no space left ({call})"),
            InstallCause::Call { errno: libc::EROFS, call } => write!(f, "the file system is read-only ({call})"),
            InstallCause::Call { errno: libc::ENAMETOOLONG, call } => write!(f, "the name is too long ({call})"),
            InstallCause::Call { errno, call } => write!(f, "{call} gave {}", Errno(*errno)),
        }
    }
}

impl InstallCause {
    /// The word in JSON's `cause`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            InstallCause::NoSelf { .. } => "no-self",
            InstallCause::NoFolder { .. } => "no-folder",
            InstallCause::InTheWay { .. } | InstallCause::LeftOver { .. } => "in-the-way",
            InstallCause::Noexec { .. } => "noexec",
            InstallCause::Busy => "busy",
            InstallCause::Call { errno: libc::EACCES | libc::EPERM, .. } => "denied",
            InstallCause::Call { errno: libc::ENOSPC | libc::EDQUOT, .. } => "full",
            InstallCause::Call { errno: libc::EROFS, .. } => "read-only",
            InstallCause::Call { .. } => "system",
        }
    }
}

impl Install {
    /// Locks the folder, checks every name, prepares copy and links, renames them, and flushes the folder. On failure
    /// everything is as it was.
    pub(crate) fn run(&self) -> Result<Installed, InstallCause> {
        let mut source = File::open(SELF).map_err(no_self)?;
        let folder = self.folder()?;
        folder.lock()?;
        self.check_names(&folder)?;
        let name = self.place.name.as_str();
        let is_there = is_same(&mut source, &folder, name)?;
        let is_missing = |link: &&Link| !folder.is_link_to(&link.name, name);
        if is_there && !self.links.iter().any(|link| is_missing(&link)) {
            // Nothing has to be written, so that a folder where nothing can be is no failure.
            let _ = folder.remove_left_over();
            return Ok(Installed::Unchanged);
        }
        folder.remove_left_over()?;
        let mut prepared = Prepared::new(&folder);
        let done = match is_there {
            true => Installed::Unchanged,
            false => Installed::Copied(prepared.copy(&mut source, name)?),
        };
        for link in self.links.iter().filter(is_missing) {
            prepared.link(name, &link.name)?;
        }
        prepared.rename()?;
        folder.flush();
        Ok(done)
    }

    /// Opens the folder, which a DEST with a slash at its end makes, and refuses one that nothing can be executed from.
    fn folder(&self) -> Result<Folder<'_>, InstallCause> {
        let place = &self.place;
        let shown = || place.shown_folder.clone();
        let folder = Folder::open(place).or_else(|errno| match errno.raw_os_error() {
            libc::ENOENT if place.shown_parent.is_some() => Folder::make(place),
            libc::ENOTDIR if place.folder.exists() => Err(InstallCause::InTheWay { name: shown(), kind: "a file" }),
            libc::ENOENT | libc::ENOTDIR => Err(InstallCause::NoFolder { folder: shown() }),
            _ => Err(call("open")(errno)),
        })?;
        if folder.is_executable() {
            return Ok(folder);
        }
        Err(InstallCause::Noexec { mount: if place.is_folder_hidden { shown() } else { mount_of(place) } })
    }

    /// Refuses what must not be lost. A regular file at DEST is replaced whatever it holds, because updating a copy is what
    /// DEST is for; a link's name is replaced only if it is a link already.
    fn check_names(&self, folder: &Folder<'_>) -> Result<(), InstallCause> {
        let copy = (&self.place.name, &self.place.shown_name, &[FileType::RegularFile, FileType::Symlink][..]);
        let links = self.links.iter().map(|link| (&link.name, &link.shown, &[FileType::Symlink][..]));
        for (name, shown_name, replaced) in std::iter::once(copy).chain(links) {
            if let Some(kind) = folder.kind(name)?.filter(|kind| !replaced.contains(kind)) {
                let name = shown(shown_name, TARGET_CHARS);
                return Err(InstallCause::InTheWay { name, kind: with_article(kind) });
            }
        }
        Ok(())
    }
}

/// True if the copy is there: the same bytes and the mode, and nobody else can change them, neither as the owner nor by
/// another name. `source` is at its start again.
fn is_same(source: &mut File, folder: &Folder<'_>, name: &str) -> Result<bool, InstallCause> {
    let Some(there) = folder.open_file(name) else { return Ok(false) };
    let (Ok(own), Ok(other)) = (source.metadata(), there.metadata()) else { return Ok(false) };
    let is_ours = other.mode() & 0o7777 == MODE
        && other.uid() == rustix::process::geteuid().as_raw()
        && other.nlink() == 1
        && other.len() == own.len();
    let is_same = is_ours && have_same_bytes(source, &there);
    source.rewind().map_err(no_self)?;
    Ok(is_same)
}

fn have_same_bytes(mut one: &File, mut other: &File) -> bool {
    let (mut here, mut there) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let Ok(count) = one.read(&mut here) else { return false };
        if count == 0 {
            return true;
        }
        if other.read_exact(&mut there[..count]).is_err() || here[..count] != there[..count] {
            return false;
        }
    }
}

fn with_article(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        _ => "a device",
    }
}

/// The mount point that the folder lies on, by the kernel's list; the folder itself where that can't be read.
fn mount_of(place: &Place) -> String {
    let path = fs::canonicalize(&place.folder).unwrap_or_else(|_| place.folder.clone());
    let list = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // Field 5 is the mount point (proc_pid_mountinfo(5)), a space in it written \040. Later mounts lie on top.
    let points = list.lines().filter_map(|line| line.split(' ').nth(4)).map(|point| point.replace("\\040", " "));
    let longest = points.filter(|point| path.starts_with(point)).max_by_key(String::len);
    shown(&longest.unwrap_or_else(|| path.to_string_lossy().into_owned()), TARGET_CHARS)
}

fn no_self(error: io::Error) -> InstallCause {
    InstallCause::NoSelf { errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

/// Turns the error of this call into a cause.
fn call<E: Into<io::Error>>(call: &'static str) -> impl Fn(E) -> InstallCause {
    move |error| InstallCause::Call { call, errno: error.into().raw_os_error().unwrap_or(libc::EIO) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    crate::outcome::kinds! { InstallCause:
        InstallCause::NoSelf { .. } => "NoSelf",
        InstallCause::NoFolder { .. } => "NoFolder",
        InstallCause::InTheWay { .. } => "InTheWay",
        InstallCause::Noexec { .. } => "Noexec",
        InstallCause::Busy => "Busy",
        InstallCause::LeftOver { .. } => "LeftOver",
        InstallCause::Call { .. } => "Call",
    }

    #[test]
    fn every_cause_reads_whole() {
        let failed = |call, errno| InstallCause::Call { call, errno };
        let left = |errno| InstallCause::LeftOver { name: ".exec-probe.installing".into(), errno };
        let rows = [
            (InstallCause::NoSelf { errno: libc::ENOENT }, "no-self", "no /proc/self/exe to copy: is /proc mounted?"),
            (InstallCause::NoSelf { errno: libc::EACCES }, "no-self", "/proc/self/exe can't be read: EACCES"),
            (InstallCause::NoFolder { folder: "/none".into() }, "no-folder", "no folder /none"),
            (
                InstallCause::InTheWay { name: "curl".into(), kind: "a file" },
                "in-the-way",
                "a file named curl is in the way",
            ),
            (
                InstallCause::Noexec { mount: "/probe".into() },
                "noexec",
                "nothing can be executed from /probe, which is mounted noexec; wanted another volume",
            ),
            (InstallCause::Busy, "busy", "another install into this folder does not end"),
            (left(libc::EISDIR), "in-the-way", "a folder named .exec-probe.installing is in the way"),
            (left(libc::EPERM), "in-the-way", ".exec-probe.installing of an earlier install can't be removed: EPERM"),
            (failed("open", libc::EACCES), "denied", "permission denied (open)"),
            (failed("rename", libc::EPERM), "denied", "permission denied (rename)"),
            (failed("write", libc::ENOSPC), "full", "no space left (write)"),
            (failed("write", libc::EDQUOT), "full", "no space left (write)"),
            (failed("open", libc::EROFS), "read-only", "the file system is read-only (open)"),
            (failed("stat", libc::ENAMETOOLONG), "system", "the name is too long (stat)"),
            (failed("open", libc::EEXIST), "system", "open gave EEXIST"),
            (failed("rename", libc::ENOTEMPTY), "system", "rename gave ENOTEMPTY"),
            (failed("flock", libc::ENOLCK), "system", "flock gave ENOLCK"),
        ];
        for (cause, name, text) in &rows {
            assert_eq!((cause.name(), cause.to_string().as_str()), (*name, *text), "{cause:?}");
        }
        let shown: BTreeSet<_> = rows.iter().map(|(cause, ..)| kind(cause)).collect();
        assert_eq!(shown, KINDS.iter().copied().collect(), "variants in the table, and all there are");
        let rows = rows.iter().map(|(cause, name, text)| (cause, *name, *text));
        crate::page::assert_listed("install causes", rows);
    }
}
