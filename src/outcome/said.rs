//! What a server said on a plain connection, where something else was wanted, and how that reads.

use std::fmt;

use crate::outcome::Missing;
use crate::text::quoted;

/// Which of the server's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// What it says first.
    Banner,
    /// What it says to a text that was sent.
    Answer,
}

impl Turn {
    /// The word for it, in JSON's `cause` too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Turn::Banner => "banner",
            Turn::Answer => "answer",
        }
    }

    /// What is missing as long as it has not come. `begun`: a part of it has.
    pub(crate) fn missing(self, begun: bool) -> Missing {
        match self {
            Turn::Banner => Missing::Banner { begun },
            Turn::Answer => Missing::Answer { begun },
        }
    }
}

/// What a server said in place of the wanted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// When.
    pub(crate) turn: Turn,
    /// Its first line, without anything that was sent; none where 4 KiB do not hold the text.
    pub(crate) found: Option<String>,
    /// The wanted text, as it was typed.
    pub(crate) wanted: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, wanted) = (self.turn.name(), quoted(&self.wanted));
        match &self.found {
            Some(found) => write!(f, "the {name} is {}, wanted {wanted}", quoted(found)),
            None => write!(f, "no {wanted} in the {name}'s first 4 KiB"),
        }
    }
}
