//! The container's own name, by `/etc/hosts`: the kubelet and Docker write it there, and servers bind to it. The file is
//! the only place where a name is looked up, it is opened for no name that needs none, and what it says counts only
//! where it leads to an address of this host.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use super::{Host, NotLocal, plain_name};
use crate::regular_file::{self, Unusable};

/// Where names are looked up.
const HOSTS: &str = "/etc/hosts";

/// How much of the file is read: 5,000 lines, where a runtime writes ten.
const MOST_BYTES: u64 = 256 * 1024;

/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 8;

/// Why a name is none of this host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOurs {
    /// The file can't be read.
    Unreadable(Unusable),
    /// The file has no such name.
    Absent,
    /// The file leads to another machine; the first of its addresses.
    Elsewhere(IpAddr),
}

impl fmt::Display for NotOurs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotOurs::Unreadable(Unusable::Missing) => write!(f, "no {HOSTS} to look it up in"),
            NotOurs::Unreadable(unusable) => write!(f, "{HOSTS} can't be read ({unusable})"),
            NotOurs::Absent => write!(f, "not in {HOSTS}"),
            NotOurs::Elsewhere(ip) => write!(f, "{ip} by {HOSTS}, which is not an address of this host"),
        }
    }
}

/// The addresses of this host that `/etc/hosts` gives for a name, in its order; there is at least one.
pub(super) fn look_up(name: &str) -> Result<Vec<IpAddr>, NotOurs> {
    let bytes = regular_file::open(Path::new(HOSTS))
        .and_then(|(file, _)| regular_file::read_start(file, MOST_BYTES))
        .map_err(NotOurs::Unreadable)?;
    ours(addresses(&bytes, name))
}

/// The addresses on the lines that hold the name (hosts(5)). A last line that was cut may lack its end; a name cut short
/// is another name, and where it isn't, its address is still checked.
fn addresses(bytes: &[u8], name: &str) -> Vec<IpAddr> {
    let name = plain_name(name);
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(bytes).lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        // A scope in an address is a device's name, which means nothing here.
        let Some(ip) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
        if words.any(|word| plain_name(word) == name) && !found.contains(&ip) && found.len() < MOST_ADDRESSES {
            found.push(ip);
        }
    }
    found
}

/// Keeps the addresses that are this host's own. One that could not be looked at stays: connecting looks again, and
/// that failure is no wrong command line.
fn ours(found: Vec<IpAddr>) -> Result<Vec<IpAddr>, NotOurs> {
    let first = *found.first().ok_or(NotOurs::Absent)?;
    let is_elsewhere = |ip: &IpAddr| matches!(Host::Address(*ip, 0).locate(1), Err(NotLocal::Elsewhere(_)));
    let ours: Vec<IpAddr> = found.into_iter().filter(|ip| !is_elsewhere(ip)).collect();
    if ours.is_empty() { Err(NotOurs::Elsewhere(first)) } else { Ok(ours) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-mcastprefix
127.0.0.9\tweb-0.web.default.svc.cluster.local\tweb-0
   ::1  Web-0 # alias
127.0.0.9 web-0
8.8.8.8 db both
127.0.0.7 both# without a blank
fe80::1%eth0 scoped
300.1.1.1 broken
127.0.0.8 # web-1
no-address web-2
";

    #[test]
    fn a_name_leads_to_the_addresses_of_this_host_alone() {
        let elsewhere = Err(NotOurs::Elsewhere([8, 8, 8, 8].into()));
        let rows: [(&str, Result<&[&str], NotOurs>); 13] = [
            ("web-0", Ok(&["127.0.0.9", "::1"])),
            ("WEB-0.", Ok(&["127.0.0.9", "::1"])),
            ("web-0.web.default.svc.cluster.local", Ok(&["127.0.0.9"])),
            ("both", Ok(&["127.0.0.7"])),
            ("db", elsewhere),
            ("ip6-mcastprefix", Err(NotOurs::Elsewhere([0xfe00, 0, 0, 0, 0, 0, 0, 0].into()))),
            ("web", Err(NotOurs::Absent)),
            ("web-1", Err(NotOurs::Absent)),
            ("web-2", Err(NotOurs::Absent)),
            ("alias", Err(NotOurs::Absent)),
            ("scoped", Err(NotOurs::Absent)),
            ("broken", Err(NotOurs::Absent)),
            ("127.0.0.9", Err(NotOurs::Absent)),
        ];
        for (name, wanted) in rows {
            let got = ours(addresses(FILE.as_bytes(), name));
            let got = got.map(|ips| ips.iter().map(IpAddr::to_string).collect::<Vec<_>>());
            let wanted = wanted.map(|ips| ips.iter().map(|ip| (*ip).to_owned()).collect());
            assert_eq!(got, wanted, "{name}");
        }
    }

    #[test]
    fn a_hosts_file_of_any_bytes_gives_few_addresses() {
        let many: String = (0..100).map(|number| format!("127.0.1.{number} web\n")).collect();
        assert_eq!(addresses(many.as_bytes(), "web").len(), MOST_ADDRESSES);
        for bytes in [&b""[..], b"\xff\xfe\0", b"127.0.0.1", b"127.0.0.1 \xff web", b"\r\n127.0.0.1 web\r\n"] {
            let wanted = usize::from(bytes.windows(3).any(|window| window == b"web"));
            assert_eq!(addresses(bytes, "web").len(), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn what_keeps_a_name_from_being_ours_is_said() {
        let rows = [
            (NotOurs::Absent, "not in /etc/hosts"),
            (NotOurs::Elsewhere([8, 8, 8, 8].into()), "8.8.8.8 by /etc/hosts, which is not an address of this host"),
            (NotOurs::Unreadable(Unusable::Missing), "no /etc/hosts to look it up in"),
            (
                NotOurs::Unreadable(Unusable::NotRegular("a FIFO")),
                "/etc/hosts can't be read (a FIFO, wanted a regular file)",
            ),
            (
                NotOurs::Unreadable(Unusable::Call("open", libc::EACCES)),
                "/etc/hosts can't be read (permission denied)",
            ),
        ];
        for (given, wanted) in rows {
            assert_eq!(given.to_string(), wanted);
        }
    }
}
