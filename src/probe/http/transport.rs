//! The finished connection as ureq sees it: our deadline in every read and write, our failures in its errors, and
//! buffers that grow.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Uri;
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport as UreqTransport};

use crate::connection::Connection;
use crate::outcome::{Cause, Failure, Missing, Phase};
use crate::probe::http::head::{Heads, MOST_HEAD};

/// The input buffer at first; it grows for answers that need it. Half a page, which the usual small answer fits in.
const FIRST_INPUT: usize = 2048;

/// A connection that ureq and the exchange both hold.
pub(super) type Shared = Arc<Mutex<Connection>>;

/// Where the head of a response is kept.
pub(super) type Kept = Arc<Mutex<Vec<u8>>>;

pub(super) fn lock(connection: &Shared) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands the finished connection to ureq.
#[derive(Debug)]
pub(super) struct Handover(Mutex<Option<Transport>>);

impl Handover {
    /// `output`: the size of the whole request, which ureq writes at once. `kept` gets the head of the response.
    pub(super) fn new(connection: Shared, output: usize, kept: Option<Kept>) -> Handover {
        Handover(Mutex::new(Some(Transport::new(connection, output, kept))))
    }
}

impl Connector for Handover {
    type Out = Transport;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Transport>, ureq::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// Given to ureq where it wants a resolver. Nothing is resolved: the connection is made.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

/// The connection and its buffers. The input that ureq may see ends at `readable`.
#[derive(Debug)]
pub(super) struct Transport {
    connection: Shared,
    output: Vec<u8>,
    input: Vec<u8>,
    start: usize,
    readable: usize,
    end: usize,
    is_progressing: bool,
    is_head: bool,
    heads: Heads,
    kept: Option<Kept>,
}

impl Transport {
    fn new(connection: Shared, output: usize, kept: Option<Kept>) -> Transport {
        Transport {
            connection,
            output: vec![0; output],
            input: Vec::new(),
            start: 0,
            readable: 0,
            end: 0,
            is_progressing: false,
            is_head: true,
            heads: Heads::default(),
            kept,
        }
    }

    /// Makes room for a read and returns where it may go. One byte more than is allowed tells that there is too much.
    fn make_room(&mut self) -> Result<Range<usize>, Failure> {
        if self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            self.readable -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        let most = MOST_HEAD + 1 - if self.is_head { self.heads.interim_bytes() } else { 0 };
        if self.end >= most {
            return Err(match self.is_head {
                true => Cause::HeadersTooLarge,
                false => Cause::Malformed { part: "a line of more than 64 KiB in the body".to_owned() },
            }
            .into());
        }
        if self.end == self.input.len() {
            let mut larger = vec![0; (self.input.len() * 4).clamp(FIRST_INPUT, MOST_HEAD + 1)];
            larger[..self.end].copy_from_slice(&self.input);
            self.input = larger;
        }
        Ok(self.end..self.input.len().min(most))
    }

    fn fill(&mut self) -> Result<bool, Failure> {
        let room = self.make_room()?;
        let mut connection = lock(&self.connection);
        let count = match connection.read(&mut self.input[room]) {
            Ok(0) if self.is_head => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        let begun = connection.has_begun();
        let missing = if self.is_head { Missing::Head { begun } } else { Missing::Body };
        let count = count.map_err(|error| connection.failure(&error, missing))?;
        drop(connection);
        self.end += count;
        self.readable = self.end;
        if self.is_head {
            self.start += self.heads.take(&mut self.input[self.start..self.end])?;
            self.readable = self.start + self.heads.readable(&self.input[self.start..self.end]);
        }
        Ok(count > 0)
    }

    fn send(&mut self, amount: usize) -> Result<(), Failure> {
        let mut connection = lock(&self.connection);
        let sent = connection.write_all(&self.output[..amount]);
        sent.map_err(|error| {
            connection.hear_last_words();
            connection.failure(&error, Missing::RequestTaken)
        })?;
        if amount > 0 {
            connection.phase_ended(Phase::Request, format_args!("{amount} bytes"));
        }
        Ok(())
    }
}

impl UreqTransport for Transport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.send(amount).map_err(|failure| ureq::Error::Other(Box::new(failure)))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        self.fill().map_err(|failure| ureq::Error::Other(Box::new(failure)))
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

impl Buffers for Transport {
    fn output(&mut self) -> &mut [u8] {
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.start..self.readable]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        &mut self.input[self.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.end = self.end.saturating_add(amount).min(self.input.len());
        self.readable = self.end;
    }

    fn input_consume(&mut self, amount: usize) {
        self.is_progressing = amount > 0;
        let end = self.start.saturating_add(amount).min(self.readable);
        if let (true, Some(kept)) = (self.is_head, &self.kept) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&self.input[self.start..end]);
        }
        self.start = end;
        // Interim responses never get this far, so what is taken first is the head.
        self.is_head &= amount == 0;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.start < self.readable && self.is_progressing
    }
}
