//! What an install makes before anything gets its own name. Everything is made new (O_EXCL), so that nobody else owns it,
//! has it open or finds it under a second name, and all of it is made before the first rename: then only renames are
//! left, and those can be taken back.
//!
//! The names are few, `.exec-probe.installing` and `.exec-probe.N.installing`, and belong to install alone: what a killed
//! one left has such a name, and the next one removes it. They do not grow with the names they become.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::install::{InstallCause, Place, call};

/// Everybody may run it, whatever the umask says: the application has another user id than the init container.
pub(super) const MODE: u32 = 0o755;

/// How long to wait for another install into the same folder, which takes some 10 ms.
const PATIENCE: Duration = Duration::from_secs(10);

/// The temporary name with this number: 0 is the copy's, the links have the others.
fn name(number: usize) -> String {
    if number == 0 { ".exec-probe.installing".to_owned() } else { format!(".exec-probe.{number}.installing") }
}

/// True for the name of a temporary file, which no install may give away.
pub(crate) fn is_name(text: &[u8]) -> bool {
    let inside = text.strip_prefix(b".exec-probe").and_then(|rest| rest.strip_suffix(b".installing"));
    match inside.map(|inside| inside.split_first()) {
        Some(None) => true,
        Some(Some((b'.', digits))) => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The folder of a place, locked: two installs into one folder take turns. The lock goes with the descriptor, so that a
/// killed install leaves none. A folder that was made for the copy, and is empty when this is dropped, is removed.
pub(super) struct Folder<'a> {
    file: File,
    made: Option<&'a Path>,
}

impl<'a> Folder<'a> {
    /// Opens it. The caller turns the error into words, as those depend on what DEST was.
    pub(super) fn open(place: &'a Place) -> Result<Folder<'a>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, &place.folder, flags, Mode::empty())?.into();
        Ok(Folder { file, made: None })
    }

    /// Makes it, and opens it. One folder and not a whole path: a mount point with a wrong name is to be noticed. Everybody
    /// may look into it, whatever the umask says.
    pub(super) fn make(place: &'a Place) -> Result<Folder<'a>, InstallCause> {
        let missing = || InstallCause::NoFolder { folder: place.shown_parent.clone().unwrap_or_default() };
        let made = match rustix::fs::mkdirat(CWD, &place.folder, Mode::from_raw_mode(MODE)) {
            Ok(()) => Some(place.folder.as_path()),
            // Another install was faster, or a link leads nowhere.
            Err(Errno::EXIST) => None,
            Err(Errno::NOENT) => return Err(missing()),
            Err(errno) => return Err(call("mkdir")(errno)),
        };
        let mut folder = Folder::open(place).map_err(|errno| match errno {
            Errno::NOENT => InstallCause::InTheWay { name: place.shown_folder.clone(), kind: "a link" },
            _ => call("open")(errno),
        })?;
        folder.made = made;
        if made.is_some() {
            let mode = folder.file.metadata().map_err(call("fstat"))?.mode();
            folder.file.set_permissions(Permissions::from_mode(mode | MODE)).map_err(call("fchmod"))?;
        }
        Ok(folder)
    }

    /// Waits for another install into this folder.
    pub(super) fn lock(&self) -> Result<(), InstallCause> {
        let began = Instant::now();
        loop {
            match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK) if began.elapsed() > PATIENCE => return Err(InstallCause::Busy),
                Err(Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(2)),
                Err(errno) => return Err(call("flock")(errno)),
            }
        }
    }

    /// True unless the mount says that nothing can be executed from it. A file system that does not tell is tried.
    pub(super) fn is_executable(&self) -> bool {
        let told = rustix::fs::fstatvfs(&self.file);
        !told.is_ok_and(|stat| stat.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC))
    }

    /// What has this name, if something has it. A link is not followed.
    pub(super) fn kind(&self, name: &str) -> Result<Option<FileType>, InstallCause> {
        match rustix::fs::statat(&self.file, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(call("stat")(errno)),
        }
    }

    /// Opens the regular file of this name. A link is not followed, and nothing else is opened.
    pub(super) fn open_file(&self, name: &str) -> Option<File> {
        if !matches!(self.kind(name), Ok(Some(FileType::RegularFile))) {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&self.file, name, flags, Mode::empty()).ok().map(File::from)
    }

    /// True if this name is a link to `target`.
    pub(super) fn is_link_to(&self, name: &str, target: &str) -> bool {
        rustix::fs::readlinkat(&self.file, name, Vec::new()).is_ok_and(|there| there.as_bytes() == target.as_bytes())
    }

    /// Removes what a killed install left, whatever it is and whoever owns it.
    pub(super) fn remove_left_over(&self) -> Result<(), InstallCause> {
        let entries = Dir::read_from(&self.file).map_err(call("open"))?;
        for entry in entries {
            let entry = entry.map_err(call("getdents64"))?;
            let name = entry.file_name();
            if is_name(name.to_bytes()) {
                self.remove(name).map_err(|errno| InstallCause::LeftOver {
                    name: name.to_string_lossy().into_owned(),
                    errno: errno.raw_os_error(),
                })?;
            }
        }
        Ok(())
    }

    /// Writes the folder to the disk, so that a crash of the machine does not undo the renames. Some file systems can't.
    pub(super) fn flush(&self) {
        let _ = self.file.sync_all();
    }

    fn remove(&self, name: impl rustix::path::Arg) -> Result<(), Errno> {
        match rustix::fs::unlinkat(&self.file, name, AtFlags::empty()) {
            Err(errno) if errno != Errno::NOENT => Err(errno),
            _ => Ok(()),
        }
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.made {
            // Only the kernel knows at this moment whether it is empty.
            let _ = rustix::fs::unlinkat(CWD, path, AtFlags::REMOVEDIR);
        }
    }
}

/// What was made under temporary names, in the order of their numbers, and the name that each will get. What still has
/// a temporary name when this is dropped is removed.
pub(super) struct Prepared<'a> {
    folder: &'a Folder<'a>,
    names: Vec<&'a str>,
}

impl<'a> Prepared<'a> {
    /// Nothing yet.
    pub(super) fn new(folder: &'a Folder<'a>) -> Prepared<'a> {
        Prepared { folder, names: Vec::new() }
    }

    /// Makes a copy of `source`, gives it its mode, and flushes it. Returns its size in bytes.
    pub(super) fn copy(&mut self, source: &mut File, becomes: &'a str) -> Result<u64, InstallCause> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let temporary = name(self.names.len());
        let made = rustix::fs::openat(&self.folder.file, temporary, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(made.map_err(call("open"))?);
        self.names.push(becomes);
        let size = io::copy(source, &mut file).map_err(call("write"))?;
        file.set_permissions(Permissions::from_mode(MODE)).map_err(call("fchmod"))?;
        file.sync_all().map_err(call("fsync"))?;
        Ok(size)
    }

    /// Makes a link to `target`.
    pub(super) fn link(&mut self, target: &str, becomes: &'a str) -> Result<(), InstallCause> {
        rustix::fs::symlinkat(target, &self.folder.file, name(self.names.len())).map_err(call("symlink"))?;
        self.names.push(becomes);
        Ok(())
    }

    /// Gives everything its name, one after the other, or takes it all back.
    pub(super) fn rename(self) -> Result<(), InstallCause> {
        let mut renamed = Vec::new();
        for (number, becomes) in self.names.iter().enumerate() {
            match self.rename_one(&name(number), becomes) {
                Ok(how) => renamed.push(how),
                Err(errno) => {
                    for (number, how) in renamed.into_iter().enumerate().rev() {
                        self.take_back(how, &name(number), self.names[number]);
                    }
                    return Err(call("rename")(errno));
                }
            }
        }
        Ok(())
    }

    fn rename_one(&self, temporary: &str, becomes: &str) -> Result<Renamed, Errno> {
        let folder = &self.folder.file;
        let is_free = matches!(self.folder.kind(becomes), Ok(None));
        if !is_free && rustix::fs::renameat_with(folder, temporary, folder, becomes, RenameFlags::EXCHANGE).is_ok() {
            return Ok(Renamed::Swapped);
        }
        rustix::fs::renameat(folder, temporary, folder, becomes)?;
        Ok(if is_free { Renamed::New } else { Renamed::Replaced })
    }

    fn take_back(&self, how: Renamed, temporary: &str, name: &str) {
        let folder = &self.folder.file;
        let _ = match how {
            Renamed::New => self.folder.remove(name),
            Renamed::Swapped => rustix::fs::renameat_with(folder, temporary, folder, name, RenameFlags::EXCHANGE),
            Renamed::Replaced => Ok(()),
        };
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        for number in 0..self.names.len() {
            let _ = self.folder.remove(name(number));
        }
    }
}

/// How something got its name.
enum Renamed {
    /// Nothing had the name.
    New,
    /// What had the name has the temporary one now.
    Swapped,
    /// What had the name is gone: this file system can't swap names.
    Replaced,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_known_again_and_no_others() {
        for number in [0, 1, 9, 10, 123] {
            assert!(is_name(name(number).as_bytes()), "{number}");
        }
        let others = [
            "exec-probe",
            ".exec-probe.installing.",
            ".exec-probe..installing",
            ".exec-probe.x.installing",
            ".exec-probe1.installing",
            ".exec-probe.1",
            ".curl.installing",
            "x.exec-probe.installing",
        ];
        for other in others {
            assert!(!is_name(other.as_bytes()), "{other}");
        }
    }
}
