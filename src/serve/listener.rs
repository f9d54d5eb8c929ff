//! The listening socket. What waits beyond the number of open connections stays in the kernel's queue.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::outcome::Cause;
use crate::serve::paths::Paths;
use crate::serve::slots::Slots;
use crate::serve::{Listen, connection};

/// The most connections at a time.
const MOST: usize = 64;

/// The kernel's queue of connections that were not accepted yet.
const BACKLOG: i32 = 1024;

/// Descriptors that no connection may take: the standard ones, the listening socket, epoll, and the one that is
/// accepted while all are taken.
const OWN_DESCRIPTORS: usize = 10;

/// Descriptors of one question.
const DESCRIPTORS_OF_A_QUESTION: usize = 4;

/// How long to wait where accept fails, as for want of a descriptor or of memory, which pass.
const PAUSE: Duration = Duration::from_millis(50);

/// Errors of accept that do not pass: a seccomp profile forbids it.
const LASTING: [i32; 4] = [libc::EBADF, libc::EINVAL, libc::ENOSYS, libc::EPERM];

/// Listens. Where there is no IPv6, "every address" is IPv4's.
pub(super) fn bind(listen: &Listen) -> Result<std::net::TcpListener, Cause> {
    let on = |ip| bind_to(SocketAddr::new(ip, listen.port));
    let bound = match listen.ip {
        Some(ip) => on(ip),
        None => on(Ipv6Addr::UNSPECIFIED.into()).or_else(|failed| match failed.1.raw_os_error() {
            Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL) => on(Ipv4Addr::UNSPECIFIED.into()),
            _ => Err(failed),
        }),
    };
    bound.map_err(|(call, error)| Cause::NotListening { call, errno: error.raw_os_error().unwrap_or(libc::EIO) })
}

fn bind_to(addr: SocketAddr) -> Result<std::net::TcpListener, (&'static str, io::Error)> {
    let of = |call| move |error| (call, error);
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).map_err(of("socket"))?;
    if addr.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false).map_err(of("setsockopt"))?;
    }
    // A port that a former process of this container had is free although its connections linger.
    socket.set_reuse_address(true).map_err(of("setsockopt"))?;
    socket.bind(&addr.into()).map_err(of("bind"))?;
    socket.listen(BACKLOG).map_err(of("listen"))?;
    socket.set_nonblocking(true).map_err(of("fcntl"))?;
    Ok(socket.into())
}

/// How many connections may be open beside so many questions: fewer than [`MOST`] where descriptors are few.
pub(super) fn most_connections(questions: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    let others = OWN_DESCRIPTORS + questions * DESCRIPTORS_OF_A_QUESTION;
    limit.unwrap_or(usize::MAX).saturating_sub(others).clamp(1, MOST)
}

/// Accepts until that can't be done any more.
pub(super) async fn serve(listener: TcpListener, most: usize, paths: Arc<Paths>) -> Cause {
    let slots = Slots::new(most);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                slots.room().await;
                let (taken, paths) = (slots.take(), paths.clone());
                let slot = taken.slot.clone();
                let task = tokio::spawn(async move { connection::serve(stream, &taken.slot, paths).await });
                slots.hold(slot, task.abort_handle());
                // Those that were accepted before have their turn.
                yield_now().await;
            }
            Err(error) => match error.raw_os_error() {
                Some(errno) if LASTING.contains(&errno) => return Cause::NotListening { call: "accept4", errno },
                _ => sleep(PAUSE).await,
            },
        }
    }
}
