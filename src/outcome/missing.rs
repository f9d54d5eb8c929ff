//! What had not come when time was over or the peer ended the connection.

use std::fmt;
use std::net::SocketAddr;

use crate::outcome::Phase;

/// What was still missing. `begun`: a part of it had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// An accepted connection; those of the name's addresses that were tried.
    Connection { tried: Vec<SocketAddr> },
    /// The end of the TLS handshake.
    Handshake,
    /// Room in the kernel for the whole request.
    RequestTaken,
    /// The response headers of HTTP/1.
    Head { begun: bool },
    /// What a server says first.
    Banner { begun: bool },
    /// The answer to a gRPC call, or to a text.
    Answer { begun: bool },
    /// The response body.
    Body,
}

impl Missing {
    /// The phase that waits for it.
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Missing::Connection { .. } => Phase::Connect,
            Missing::Handshake => Phase::Tls,
            Missing::RequestTaken => Phase::Request,
            Missing::Head { .. } | Missing::Banner { .. } | Missing::Answer { .. } => Phase::Headers,
            Missing::Body => Phase::Body,
        }
    }

    /// The addresses that were tried, where that is worth telling.
    pub(super) fn tried(&self) -> &[SocketAddr] {
        match self {
            Missing::Connection { tried } => tried,
            _ => &[],
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Missing::Connection { .. } => "no connection",
            Missing::Handshake => "no TLS handshake",
            Missing::RequestTaken => "request not taken",
            Missing::Head { begun: false } => "no response headers",
            Missing::Head { begun: true } => "response headers not complete",
            Missing::Banner { begun: false } => "no banner",
            Missing::Banner { begun: true } => "banner not complete",
            Missing::Answer { begun: false } => "no answer",
            Missing::Answer { begun: true } => "answer not complete",
            Missing::Body => "response body not complete",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::outcome::kinds! { Missing:
        Missing::Connection { .. } => "no connection",
        Missing::Handshake => "no TLS handshake",
        Missing::RequestTaken => "request not taken",
        Missing::Head { begun: false } => "no response headers",
        Missing::Head { begun: true } => "response headers not complete",
        Missing::Banner { begun: false } => "no banner",
        Missing::Banner { begun: true } => "banner not complete",
        Missing::Answer { begun: false } => "no answer",
        Missing::Answer { begun: true } => "answer not complete",
        Missing::Body => "response body not complete",
    }

    const EXAMPLES: [Missing; 10] = [
        Missing::Connection { tried: Vec::new() },
        Missing::Handshake,
        Missing::RequestTaken,
        Missing::Head { begun: false },
        Missing::Head { begun: true },
        Missing::Banner { begun: false },
        Missing::Banner { begun: true },
        Missing::Answer { begun: false },
        Missing::Answer { begun: true },
        Missing::Body,
    ];

    #[test]
    fn whatever_is_missing_has_a_row_on_the_page() {
        assert_eq!(EXAMPLES.map(|missing| kind(&missing)), KINDS);
        let page = include_str!("../../docs/troubleshooting.md");
        for missing in EXAMPLES {
            let text = missing.to_string();
            assert_eq!(text, kind(&missing));
            let is_there = page.contains(&format!("| `{text} in ")) || page.contains(&format!(", {text}` |"));
            assert!(is_there, "docs/troubleshooting.md has no row for {text:?}");
        }
    }
}
