//! A port for health alone: each path is a run that was fixed at the start, asked when somebody asks for the path. The
//! kubelet's own `httpGet` then costs 1 to 2 ms, where an exec costs its runtime 30 to 40.
//!
//! hyper's HTTP/1 server on tokio's current thread, and a thread for each question that is under way: at most one for a path.
//! Nothing of a request but its method and path is looked at, and what waits or grows has a limit: [`listener`] holds those of
//! connections, [`connection`] those of one, [`question`] those of the application.

mod answer;
mod connection;
mod listener;
mod paths;
mod question;
mod slots;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::outcome::Cause;
use crate::output::{self, Telling};
use crate::report::{self, Format};
use crate::run::Run;
use crate::signals;
use paths::Paths;
use question::Question;

/// The most paths: each may have a thread.
pub(crate) const MOST_PATHS: usize = 32;

/// Where it listens, and what is asked for each path.
#[derive(Debug)]
pub(crate) struct Serve {
    /// The address.
    pub(crate) listen: Listen,
    /// At least one.
    pub(crate) paths: Vec<Served>,
    /// How changes are printed.
    pub(crate) telling: Telling,
}

/// An address to listen on.
#[derive(Debug)]
pub(crate) struct Listen {
    /// None: every address of both families.
    pub(crate) ip: Option<IpAddr>,
    /// Zero: one that is free.
    pub(crate) port: u16,
    /// As it was typed.
    pub(crate) shown: String,
}

/// A path and its question.
#[derive(Debug)]
pub(crate) struct Served {
    /// It begins with a slash.
    pub(crate) path: String,
    /// The question as it was typed, from which it is read anew each time: certificates and secrets change.
    pub(crate) words: Vec<OsString>,
    /// The question as it was understood at the start.
    pub(crate) run: Run,
}

/// Understands a question anew; none if a file that it names can't be read at this moment.
pub(crate) type Renew = Box<dyn Fn(&[OsString]) -> Option<Run> + Send + Sync>;

impl Serve {
    /// Serves until a signal ends this process. Returns only if it can't.
    #[cold]
    #[inline(never)]
    pub(crate) fn run(self, renew: Renew) -> Cause {
        self.serve(renew).unwrap_or_else(|cause| cause)
    }

    fn serve(self, renew: Renew) -> Result<Cause, Cause> {
        let Serve { listen, paths, telling } = self;
        let listener = listener::bind(&listen)?;
        signals::end_with_success();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| Cause::system("epoll_create1", &error))?;
        let _within = runtime.enter();
        let addr = listener.local_addr().map_err(|error| Cause::system("getsockname", &error))?;
        let listener = TcpListener::from_std(listener).map_err(|error| Cause::system("epoll_ctl", &error))?;
        let most = listener::most_connections(paths.len());
        let renew = Arc::new(renew);
        let questions = paths.into_iter().map(|served| Question::new(served, &telling, &renew));
        let paths = Arc::new(Paths::of(questions.collect()));
        if !telling.is_quiet {
            ready(&listen, addr, &paths, telling.format);
        }
        Ok(runtime.block_on(listener::serve(listener, most, paths)))
    }
}

/// Tells that it listens, and where: the port may be one that the kernel chose.
fn ready(listen: &Listen, addr: SocketAddr, paths: &Paths, format: Format) {
    let message = format!("serve {}: listening on {addr} for {}", listen.shown, paths.names().join(", "));
    // As with every line: nobody who asks waits for a reader of the log.
    output::to_stdout_now(&match format {
        Format::Text => message + "\n",
        Format::Json => report::step(None, None, format_args!("{message}")) + "\n",
    });
}
