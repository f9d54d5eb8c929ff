//! Copies this very binary to where containers can run it: what an init container does. Nothing half-done is ever
//! seen: a temporary file beside DEST is written, flushed and renamed over it, which works over a copy that is being
//! executed. It refuses a mount that nothing can be executed from, since the kubelet silently ignores a probe that it
//! can't execute: this is the one loud moment.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::text::{Errno, TARGET_CHARS, shown};

/// The file name where DEST is a folder.
const NAME: &str = "exec-probe";

/// The binary that runs.
const SELF: &str = "/proc/self/exe";

/// Everybody may run it, whatever the umask says: the application has another user id than the init container.
const MODE: u32 = 0o755;

/// How long another install into the same place is waited for; it takes some 10 ms.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to do: where to, and by which further names.
#[derive(Clone, Debug)]
pub(crate) struct Install {
    /// A folder, or the file to make.
    pub(crate) dest: PathBuf,
    /// DEST for messages.
    pub(crate) shown: String,
    /// Names of links to make beside it.
    pub(crate) links: Vec<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// The copy was made, of this many bytes.
    Copied(u64),
    /// The same bytes were there already.
    Unchanged,
}

/// Why nothing was installed. DEST is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InstallCause {
    /// The binary that runs can't be read: there is no `/proc`, for one.
    NoSelf { errno: i32 },
    /// DEST's folder is not there.
    NoFolder { folder: String },
    /// Something stands at a name that would have to be replaced: `a folder`, `a file`.
    InTheWay { name: String, kind: &'static str },
    /// Nothing can be executed from this mount.
    Noexec { mount: String },
    /// Another install holds the temporary file.
    Busy,
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
            InstallCause::Busy => f.write_str("another install into this place does not end"),
            InstallCause::Call { errno: libc::EACCES | libc::EPERM, call } => write!(f, "permission denied ({call})"),
            InstallCause::Call { errno: libc::ENOSPC | libc::EDQUOT, call } => write!(f, "no space left ({call})"),
            InstallCause::Call { errno: libc::EROFS, call } => write!(f, "the file system is read-only ({call})"),
            InstallCause::Call { errno, call } => write!(f, "{call} gave {}", Errno(*errno)),
        }
    }
}

impl Install {
    /// Where the binary will stand.
    pub(crate) fn file(&self) -> PathBuf {
        let is_folder = self.dest.is_dir() || self.dest.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_folder { self.dest.join(NAME) } else { self.dest.clone() }
    }

    /// The same for messages.
    pub(crate) fn shown_file(&self) -> String {
        if self.file() == self.dest {
            self.shown.clone()
        } else {
            format!("{}/{NAME}", self.shown.trim_end_matches('/'))
        }
    }

    /// Copies and links. On failure everything is as it was.
    pub(crate) fn run(&self) -> Result<Installed, InstallCause> {
        let file = self.file();
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut source = File::open(SELF).map_err(|error| InstallCause::NoSelf { errno: errno(&error) })?;
        check_folder(folder)?;
        check_place(&file, &["a folder"])?;
        for link in &self.links {
            check_place(&folder.join(link), &["a folder", "a file"])?;
        }
        let done = if is_same(&mut source, &file) {
            Temporary::remove_left_over(folder, &file);
            Installed::Unchanged
        } else {
            let temporary = Temporary::hold(folder, &file)?;
            let filled = temporary.fill(&mut source).and_then(|size| temporary.become_file(&file).map(|()| size));
            Installed::Copied(filled.inspect_err(|_| temporary.remove())?)
        };
        for link in &self.links {
            make_link(folder, link, &file)?;
        }
        // What a crash of the machine may undo is the rename; some file systems can't flush a folder.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(done)
    }
}

/// The one temporary file of a place. It has one name, so that the next install finds what a killed one left, and a
/// lock, so that two at once take turns.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn path(folder: &Path, dest: &Path) -> PathBuf {
        folder.join(format!(".{}.installing", dest.file_name().unwrap_or_default().to_string_lossy()))
    }

    /// Removes what a killed install left, where there is nothing to write.
    fn remove_left_over(folder: &Path, dest: &Path) {
        if fs::symlink_metadata(Temporary::path(folder, dest)).is_ok()
            && let Ok(temporary) = Temporary::hold(folder, dest)
        {
            temporary.remove();
        }
    }

    /// Makes it or takes over what a killed install left, and waits for another one that runs.
    fn hold(folder: &Path, dest: &Path) -> Result<Temporary, InstallCause> {
        let path = Temporary::path(folder, dest);
        let began = Instant::now();
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW);
            let file = options.open(&path).map_err(call("open"))?;
            match file.try_lock() {
                // The name may have been renamed away between the two calls: then the lock is on somebody's DEST.
                Ok(()) if is_named(&file, &path) => return Ok(Temporary { file, path }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(error)) => return Err(call("flock")(error)),
            }
            if began.elapsed() > PATIENCE {
                return Err(InstallCause::Busy);
            }
        }
    }

    /// Writes the binary, gives it its mode, and flushes it. Returns its size in bytes.
    fn fill(&self, source: &mut File) -> Result<u64, InstallCause> {
        self.file.set_len(0).map_err(call("ftruncate"))?;
        let size = io::copy(source, &mut &self.file).map_err(call("write"))?;
        (&self.file).flush().map_err(call("write"))?;
        self.file.set_permissions(Permissions::from_mode(MODE)).map_err(call("fchmod"))?;
        self.file.sync_all().map_err(call("fsync"))?;
        Ok(size)
    }

    fn become_file(&self, dest: &Path) -> Result<(), InstallCause> {
        fs::rename(&self.path, dest).map_err(call("rename"))
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// True if `path` still leads to the open file.
fn is_named(file: &File, path: &Path) -> bool {
    let same = |one: &fs::Metadata, other: &fs::Metadata| one.dev() == other.dev() && one.ino() == other.ino();
    matches!((file.metadata(), fs::symlink_metadata(path)), (Ok(one), Ok(other)) if same(&one, &other))
}

/// True if a regular file with the same bytes and the right mode stands there; `source` is at its start again.
fn is_same(source: &mut File, path: &Path) -> bool {
    let there = fs::symlink_metadata(path).ok().filter(|there| there.is_file() && there.mode() & 0o7777 == MODE);
    let same_size = there.is_some_and(|there| source.metadata().is_ok_and(|own| own.len() == there.len()));
    let is_same = same_size && File::open(path).is_ok_and(|other| have_same_bytes(source, &other));
    is_same || io::Seek::rewind(source).is_err()
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

fn check_folder(folder: &Path) -> Result<(), InstallCause> {
    let name = || shown(&folder.to_string_lossy(), TARGET_CHARS);
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(InstallCause::InTheWay { name: name(), kind: "a file" }),
        Err(error) if matches!(errno(&error), libc::ENOENT) => return Err(InstallCause::NoFolder { folder: name() }),
        Err(error) => return Err(call("stat")(error)),
    }
    match statvfs(folder) {
        Ok(stat) if stat.f_flag.contains(StatVfsMountFlags::NOEXEC) => {
            Err(InstallCause::Noexec { mount: mount_of(folder) })
        }
        // A file system that does not tell is tried.
        _ => Ok(()),
    }
}

/// Refuses to replace what was not put there by an install.
fn check_place(path: &Path, refused: &[&'static str]) -> Result<(), InstallCause> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_symlink() => "a link",
        _ => "a file",
    };
    if !refused.contains(&kind) {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Err(InstallCause::InTheWay { name: shown(&name, TARGET_CHARS), kind })
}

/// Makes or renews a relative link to the binary, under a name that leads to nothing or to another link.
fn make_link(folder: &Path, name: &str, file: &Path) -> Result<(), InstallCause> {
    let target = Path::new(file.file_name().unwrap_or_default());
    let link = folder.join(name);
    if fs::read_link(&link).is_ok_and(|there| there == target) {
        return Ok(());
    }
    let temporary = folder.join(format!(".{name}.linking"));
    let _ = fs::remove_file(&temporary);
    symlink(target, &temporary).map_err(call("symlink"))?;
    fs::rename(&temporary, &link).map_err(|error| {
        let _ = fs::remove_file(&temporary);
        call("rename")(error)
    })
}

/// The mount point that `folder` lies on, by the kernel's list; the folder itself where that can't be read.
fn mount_of(folder: &Path) -> String {
    let path = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let list = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // Field 5 is the mount point (proc_pid_mountinfo(5)), a space in it written \040. Later mounts lie on top.
    let points = list.lines().filter_map(|line| line.split(' ').nth(4)).map(|point| point.replace("\\040", " "));
    let longest = points.filter(|point| path.starts_with(point)).max_by_key(String::len);
    shown(&longest.unwrap_or_else(|| path.to_string_lossy().into_owned()), TARGET_CHARS)
}

fn call(call: &'static str) -> impl Fn(io::Error) -> InstallCause {
    move |error| InstallCause::Call { call, errno: errno(&error) }
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
