//! By another name: exec-probe takes the command lines of other tools as health checks write them, so that those run
//! unchanged where the tools are not. Which tools, and nothing of what their options mean.

pub(crate) mod sh;

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
