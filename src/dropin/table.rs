//! The form that the tools' options stand in: one row per option, and what becomes of it. How a tool's words are
//! split is the grammar's matter; what a meaning leads to is the translation's.

use crate::cli::grammar::Spelled;

/// A row: an option of another tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<M> {
    /// Its names as typed, dashes included; at least one.
    pub(crate) names: &'static [&'static str],
    /// True if a value belongs to it.
    pub(crate) has_value: bool,
    /// What becomes of it.
    pub(crate) effect: Effect<M>,
}

impl<M: 'static> Spelled for Row<M> {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied()
    }

    fn has_value(&self) -> bool {
        self.has_value
    }
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect<M> {
    /// It means something to a probe.
    Is(M),
    /// It is taken, with its value, and changes nothing: what it is about does not exist here, or is always so.
    Ignored,
    /// It is refused, and this is what to say after its name.
    Refused(&'static str),
}

/// A row of an option without a value.
pub(crate) const fn switch<M>(names: &'static [&'static str], effect: Effect<M>) -> Row<M> {
    Row { names, has_value: false, effect }
}

/// A row of an option with a value.
pub(crate) const fn value<M>(names: &'static [&'static str], effect: Effect<M>) -> Row<M> {
    Row { names, has_value: true, effect }
}

/// Why bodies are not sent.
pub(crate) const NO_BODY: &str = "exec-probe sends no body";

/// Why files are not written.
pub(crate) const NO_FILE: &str = "exec-probe writes no file; /dev/null and - only";

/// Why files are not read.
pub(crate) const NO_INPUT: &str = "exec-probe reads no file but certificates and keys";

/// Why there is no proxy.
pub(crate) const NO_PROXY: &str = "exec-probe uses no proxy: it asks this host only";

/// Why nothing but HTTP/1.1 is spoken.
pub(crate) const HTTP1_ONLY: &str = "exec-probe speaks HTTP/1.1";
