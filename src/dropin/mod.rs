//! By another name: exec-probe takes the command lines of other tools as health checks write them, so that those run
//! unchanged where the tools are not. Which tools, and nothing of what their options mean.

#[cfg_attr(not(test), expect(dead_code, reason = "the program does not answer to this name yet"))]
mod curl;
#[cfg_attr(not(test), expect(dead_code, reason = "the program does not answer to this name yet"))]
mod grpc_health_probe;
#[cfg_attr(not(test), expect(dead_code, reason = "the program does not answer to this name yet"))]
mod nc;
pub(crate) mod sh;
#[cfg_attr(not(test), expect(dead_code, reason = "the tables have no reader yet"))]
mod table;
#[cfg_attr(not(test), expect(dead_code, reason = "the program does not answer to this name yet"))]
mod wget;

/// A tool whose command line is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// curl
    Curl,
    /// wget, GNU's and BusyBox's in one.
    Wget,
    /// OpenBSD's nc.
    Nc,
    /// `grpc_health_probe`
    GrpcHealthProbe,
}

impl Tool {
    /// The tool that `word` calls: a name, or a path that ends in one.
    pub(crate) fn named(word: &str) -> Option<Tool> {
        match word.rsplit('/').next() {
            Some("curl") => Some(Tool::Curl),
            Some("wget") => Some(Tool::Wget),
            Some("nc" | "netcat") => Some(Tool::Nc),
            Some("grpc_health_probe" | "grpc-health-probe") => Some(Tool::GrpcHealthProbe),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are complete, each stands once, and a refusal says why.
    fn check<M>(options: &[table::Row<M>], is_name: impl Fn(&str) -> bool) {
        let names: Vec<&str> = options.iter().flat_map(|row| row.names).copied().collect();
        for row in options {
            assert!(!row.names.is_empty());
            if let table::Effect::Refused(why) = row.effect {
                assert!(!why.is_empty() && !why.ends_with('.'), "{:?}: {why}", row.names);
            }
        }
        for (at, name) in names.iter().enumerate() {
            assert!(is_name(name), "{name}");
            assert!(!names[..at].contains(name), "{name} stands twice");
        }
    }

    #[test]
    fn every_option_stands_once() {
        let is_long = |name: &str| name.strip_prefix("--").is_some_and(|name| name.len() > 1 && !name.contains('='));
        let is_short = |name: &str| name.len() == 2 && name.starts_with('-') && name != "--";
        check(curl::OPTIONS, |name| is_long(name) || is_short(name));
        check(wget::OPTIONS, |name| is_long(name) || is_short(name) || name == "-nv");
        check(nc::OPTIONS, is_short);
        check(grpc_health_probe::OPTIONS, |name| name.starts_with('-') && !name.starts_with("--"));
    }

    /// Options of real checks: switches, and those with a value.
    #[test]
    fn options_in_use_are_known() {
        fn all<M>(options: &[table::Row<M>], switches: &str, values: &str) {
            for (names, has_value) in [(switches, false), (values, true)] {
                for name in names.split_ascii_whitespace() {
                    let row = options.iter().find(|row| row.names.contains(&name));
                    assert_eq!(row.map(|row| row.has_value), Some(has_value), "{name}");
                }
            }
        }
        all(
            curl::OPTIONS,
            "-f --fail -s --silent -S --show-error -k --insecure -L --location -I --head -G -i -a -l -v -# -g -4 -6
             --compressed --http1.1 --no-progress-meter --retry-connrefused --tcp-nodelay",
            "-o --output -X --request -H --header -m --max-time --connect-timeout -u --user --noproxy --data -d
             --unix-socket --cacert --cert --key --resolve -w --retry --retry-delay --retry-max-time -A -e",
        );
        all(
            wget::OPTIONS,
            "--spider -q --quiet -nv --no-verbose --no-check-certificate -S --no-proxy --no-cache -4 -6 -c
             --retry-connrefused",
            "-O --output-document -t --tries -T --timeout --header --proxy --method --post-data -U -Y --max-redirect
             --connect-timeout --read-timeout --dns-timeout --waitretry --user --password --ca-certificate",
        );
        all(nc::OPTIONS, "-z -n -v -u", "-w -q");
        all(
            grpc_health_probe::OPTIONS,
            "-tls -v -spiffe",
            "-addr -rpc-timeout -connect-timeout -service -tls-server-name -tls-ca-cert -tls-client-cert -tls-client-key",
        );
    }

    #[test]
    fn a_tool_is_known_by_the_last_part_of_its_path() {
        let rows = [
            ("curl", Some(Tool::Curl)),
            ("/usr/bin/curl", Some(Tool::Curl)),
            ("./wget", Some(Tool::Wget)),
            ("nc", Some(Tool::Nc)),
            ("netcat", Some(Tool::Nc)),
            ("grpc_health_probe", Some(Tool::GrpcHealthProbe)),
            ("/bin/grpc-health-probe", Some(Tool::GrpcHealthProbe)),
            ("sh", None),
            ("curl/", None),
            ("Curl", None),
            ("", None),
        ];
        for (given, wanted) in rows {
            assert_eq!(Tool::named(given), wanted, "{given:?}");
        }
    }
}
