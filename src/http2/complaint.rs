//! What HTTP/2 says of an exchange that ended early. The one place that reads the library's errors.

use std::error::Error;

use h2::Reason;

/// Why HTTP/2 ended an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// The server sent GOAWAY.
    GoneAway,
    /// The server sent RST_STREAM.
    Reset,
    /// Headers, or a body of another length than they say: HTTP/2 itself goes on (RFC 9113, section 8.1.1). The library
    /// does not say which rule they break; headers that are too large are among them.
    Unacceptable,
    /// What the server sent is not HTTP/2 as it should be.
    Broken,
}

impl Complaint {
    /// What the first error of HTTP/2's says, of this one and those below it.
    pub(crate) fn within(error: &(dyn Error + 'static)) -> Option<Complaint> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(complaint) = error.downcast_ref::<h2::Error>().and_then(Complaint::of) {
                return Some(complaint);
            }
            next = error.source();
        }
        None
    }

    /// None for an error of the connection below.
    fn of(error: &h2::Error) -> Option<Complaint> {
        match error {
            error if error.is_io() => None,
            error if error.is_remote() && error.is_go_away() => Some(Complaint::GoneAway),
            error if error.is_remote() => Some(Complaint::Reset),
            error if error.is_reset() && error.reason() == Some(Reason::PROTOCOL_ERROR) => {
                Some(Complaint::Unacceptable)
            }
            _ => Some(Complaint::Broken),
        }
    }
}
