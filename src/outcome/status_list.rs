//! The HTTP statuses that are wanted, as `--expect-status` lists them.

use std::fmt;
use std::ops::RangeInclusive;

/// The HTTP statuses that are wanted: `200-399`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatusList(pub(crate) Vec<RangeInclusive<u16>>);

impl StatusList {
    /// Reads `200,204,301-302`, or `any`; none if it is no such list.
    pub(crate) fn parse(text: &str) -> Option<StatusList> {
        if text == "any" {
            return Some(StatusList(vec![100..=999]));
        }
        let one = |text: &str| {
            let is_status = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|status| is_status && (100..=999).contains(status))
        };
        let range = |text: &str| match text.split_once('-') {
            Some((first, last)) => Some(one(first)?..=one(last)?).filter(|range| !range.is_empty()),
            None => one(text).map(|status| status..=status),
        };
        text.split(',').map(range).collect::<Option<_>>().map(StatusList)
    }

    /// True if the status is wanted.
    pub(crate) fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for StatusList {
    /// The kubelet's own: 200 to 399 (pkg/probe/http).
    fn default() -> Self {
        StatusList(vec![200..=399])
    }
}

impl fmt::Display for StatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            write!(f, "{}", range.start())?;
            if range.start() != range.end() {
                write!(f, "-{}", range.end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lists_read_as_they_are_written() {
        for (given, wanted) in
            [("200", "200"), ("200-399", "200-399"), ("200,204,301-302", "200,204,301-302"), ("any", "100-999")]
        {
            assert_eq!(StatusList::parse(given).map(|list| list.to_string()).as_deref(), Some(wanted), "{given}");
        }
        for given in [
            "", ",", "200,", "99", "1000", "20", "0200", "300-200", "200-", "-200", "2xx", "any,200", "ANY", "200 ",
            "+20",
        ] {
            assert_eq!(StatusList::parse(given), None, "{given:?}");
        }
    }
}
