//! The file handler: a regular file is there, was modified lately, and holds a text. For applications that show
//! their health by a file, and images that hold no `cat` and no `find`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::attempt::Attempt;
use crate::outcome::{Cause, Evidence, Failure, Seen};
use crate::probe::healthy;
use crate::regular_file::{self, Unusable};
use crate::word::Sought;

/// One look at a file.
#[derive(Clone, Debug)]
pub(crate) struct FileProbe {
    /// The file, or a symbolic link to it.
    pub(crate) path: PathBuf,
    /// The path for messages.
    pub(crate) shown: String,
    /// How long ago it may have been modified.
    pub(crate) max_age: Option<Duration>,
    /// What its first 64 KiB must hold.
    pub(crate) contains: Option<Sought>,
}

/// What a file that can't be looked at means: that this host lacks something says nothing about the file.
fn cause(why: Unusable) -> Failure {
    Failure::new(match why {
        Unusable::Call(call, errno @ (libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => Cause::System { call, errno },
        why => Cause::File(why),
    })
}

impl FileProbe {
    /// Looks. A path that is missing or can't be read is unhealthy, as for `cat`.
    pub(crate) fn run(&self, attempt: Attempt) -> Result<Evidence, Failure> {
        let (file, metadata) = regular_file::open(Path::new(&self.path)).map_err(cause)?;
        if let Some(max_age) = self.max_age {
            match metadata.modified().map(|modified| SystemTime::now().duration_since(modified)) {
                Ok(Ok(age)) => {
                    attempt.narrator.note(format_args!("modified {} s ago", age.as_secs()));
                    if age > max_age {
                        return Err(Cause::Stale { max_age }.into());
                    }
                }
                Ok(Err(ahead)) => {
                    let seconds = ahead.duration().as_secs();
                    attempt.narrator.note(format_args!("modified {seconds} s in the future, which counts as fresh"));
                }
                // Linux always has a modification time.
                Err(_) => return Err(Cause::System { call: "stat", errno: libc::ENOSYS }.into()),
            }
        }
        if let Some(wanted) = &self.contains {
            let bytes = regular_file::read_start(file, regular_file::MOST_BYTES).map_err(cause)?;
            if !wanted.is_in(&bytes) {
                let cut = bytes.len() as u64 == regular_file::MOST_BYTES;
                return Err(Cause::FileLacks { text: wanted.shown.clone(), cut }.into());
            }
        }
        healthy(Seen::File, attempt)
    }
}
