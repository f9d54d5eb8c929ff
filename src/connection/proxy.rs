//! The PROXY protocol's header, which servers behind a load balancer want before anything else: a line, or sixteen
//! bytes. A probe stands behind nobody, so both say what a balancer's own health check says: this connection is the
//! sender's, and no client's address is behind it (the PROXY protocol, sections 2.1 and 2.2).

use std::io::{self, Write};

use crate::connection::Connection;
use crate::connection::limited::Limited;
use crate::outcome::{Failure, Missing};

/// A version of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// Text.
    V1,
    /// Bytes.
    V2,
}

impl Proxy {
    fn header(self) -> &'static [u8] {
        match self {
            Proxy::V1 => b"PROXY UNKNOWN\r\n",
            // The signature; version 2 and LOCAL; no family; no addresses.
            Proxy::V2 => b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
        }
    }

    /// Sends the header. A server that is gone by then is met by what is sent or read next, which knows what is missing.
    pub(super) fn introduce(self, line: &mut Limited) -> io::Result<()> {
        match line.write_all(self.header()) {
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Ok(())
            }
            sent => sent,
        }
    }
}

impl Connection {
    /// Sends the header on a new connection, at once, as more is to come.
    #[inline(never)] // plain connections have none
    pub(super) fn introduce(&mut self, proxy: Proxy) -> Result<(), Failure> {
        self.proxy = Some(proxy);
        self.send_at_once();
        proxy.introduce(&mut self.line).map_err(|error| self.failure(&error, Missing::RequestTaken))
    }
}
