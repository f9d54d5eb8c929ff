//! Reads regular files and nothing else. A FIFO, a device or a directory that a path leads to must neither block the
//! probe nor be touched: the type is looked up before the file is opened, the opening does not wait, and what was
//! opened is looked at again. Used by the `file` handler, by `{file./path}`, and for the PEM files of TLS.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::text::Errno;

/// How much of a file is ever read.
pub(crate) const MOST_BYTES: u64 = 64 * 1024;

/// Why a path could not be read as a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// There is nothing.
    Missing,
    /// There is something else: `a folder`, `a FIFO`, …
    NotRegular(&'static str),
    /// The named call failed with this errno.
    Call(&'static str, i32),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Unusable::Missing => f.write_str("no such file"),
            Unusable::NotRegular(kind) => write!(f, "{kind}, wanted a regular file"),
            Unusable::Call(_, libc::EACCES) => f.write_str("permission denied"),
            Unusable::Call(call, errno) => write!(f, "{call} gave {}", Errno(errno)),
        }
    }
}

/// Opens the regular file that `path` leads to, without waiting.
pub(crate) fn open(path: &Path) -> Result<(File, Metadata), Unusable> {
    let failed = |call| {
        move |error: std::io::Error| match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => Unusable::Missing,
            Some(errno) => Unusable::Call(call, errno),
            // std's own: a path with a NUL byte in it.
            None => Unusable::Call(call, libc::EINVAL),
        }
    };
    let regular = |metadata: Metadata| match kind(&metadata) {
        None => Ok(metadata),
        Some(kind) => Err(Unusable::NotRegular(kind)),
    };
    // Looked at first, because opening some devices already does something: a watchdog starts to count.
    regular(fs::metadata(path).map_err(failed("stat"))?)?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed("open"))?;
    let metadata = regular(file.metadata().map_err(failed("stat"))?)?;
    Ok((file, metadata))
}

/// Reads at most `most` bytes from the start of an open file.
pub(crate) fn read_start(file: File, most: u64) -> Result<Vec<u8>, Unusable> {
    let len = file.metadata().map_or(0, |metadata| metadata.len().min(most));
    // One more, so that the end is seen without another allocation.
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
    match file.take(most).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Unusable::Call("read", error.raw_os_error().unwrap_or(libc::EIO))),
    }
}

/// What a file is when it is not regular.
fn kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a FIFO")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}
