//! nc's options as health checks use them, OpenBSD's. Its grammar: one dash and one letter, clusters that may end in
//! a value (`-zw1`), no long names, options after host and port.

use super::table::Effect::{Ignored, Is, Refused};
use super::table::{NO_PROXY, Row, switch, value};

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The verdict once the connection is accepted. Without it nc would send its standard input.
    Zero,
    /// The host is an address, not a name.
    Numeric,
    /// Seconds for all.
    Timeout,
    /// The host is the path of a unix socket.
    UnixSocket,
    /// A line on standard error where all is well, too.
    Verbose,
    /// The help.
    Help,
}

/// Every option.
pub(crate) static OPTIONS: &[Row<Meaning>] = &[
    switch(&["-z"], Is(Meaning::Zero)),
    switch(&["-n"], Is(Meaning::Numeric)),
    value(&["-w"], Is(Meaning::Timeout)),
    switch(&["-U"], Is(Meaning::UnixSocket)),
    switch(&["-v"], Is(Meaning::Verbose)),
    switch(&["-h"], Is(Meaning::Help)),
    switch(&["-4"], Ignored),
    switch(&["-6"], Ignored),
    switch(&["-t"], Ignored),
    // What standard input is good for: nothing is read from it.
    switch(&["-d"], Ignored),
    switch(&["-N"], Ignored),
    value(&["-q"], Ignored),
    switch(&["-u"], Refused("a udp port cannot be seen to be open")),
    switch(&["-l"], Refused("exec-probe does not listen")),
    switch(&["-k"], Refused("exec-probe does not listen")),
    value(&["-x"], Refused(NO_PROXY)),
    value(&["-X"], Refused(NO_PROXY)),
];
