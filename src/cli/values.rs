//! What the values of options mean: lengths, exit codes, header lines. Each function says in its error what was
//! wanted; who calls adds the option and the value.

use std::path::PathBuf;
use std::time::Duration;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method};

use crate::connection::Proxy;
use crate::outcome::{EXIT_DEFECT, EXIT_USAGE};
use crate::probe::http::{Header, Redirects};
use crate::report::Format;
use crate::word::Wrong;

/// The longest `--timeout`: longer than any runtime lets a health check run.
const MOST_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// The longest method: WebDAV's longest has 17 letters.
const MOST_METHOD: usize = 32;

/// The longest request line or header line.
pub(crate) const MOST_LINE: usize = 64 * 1024;

const WANTED_HOST: &str = "wanted a host name, with or without a port";

fn wrong<T>(wanted: &str) -> Result<T, Wrong> {
    Err(Wrong(wanted.to_owned()))
}

/// A length: `500ms`, `2s`, `1.5s`, `1m`, `1h`. A bare number is seconds, as for `timeoutSeconds`, curl and wget.
pub(crate) fn length(text: &str) -> Result<Duration, Wrong> {
    const WANTED: &str = "wanted a number and ms, s, m or h, such as 500ms";
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let nanos_per_unit: u64 = match unit {
        "ms" => 1_000_000,
        "s" | "" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return wrong(WANTED),
    };
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return wrong(WANTED);
    }
    let too_long = || Wrong("wanted fewer: that is longer than a century".to_owned());
    let parts = 10_u64.pow(u32::try_from(fraction.len()).unwrap_or(9));
    let fraction: u64 = fraction.parse().map_err(|_| Wrong(WANTED.to_owned()))?;
    let whole: u64 = whole.parse().map_err(|_| too_long())?;
    let part = u128::from(fraction) * u128::from(nanos_per_unit) / u128::from(parts);
    let nanos = u128::from(whole) * u128::from(nanos_per_unit) + part;
    match u64::try_from(nanos) {
        Ok(0) => wrong("wanted more than zero, such as 500ms"),
        Ok(nanos) if nanos < 100 * 366 * 24 * 3_600_000_000_000 => Ok(Duration::from_nanos(nanos)),
        _ => Err(too_long()),
    }
}

/// A limit for the whole run.
pub(crate) fn timeout(text: &str) -> Result<Duration, Wrong> {
    match length(text)? {
        length if length > MOST_TIMEOUT => wrong("wanted 24h at most"),
        length => Ok(length),
    }
}

/// An exit code for unhealthy. 2 is Docker's, 125 to 127 and those above belong to shells and runtimes.
pub(crate) fn unhealthy_exit(text: &str) -> Result<u8, Wrong> {
    // Rust's parser takes +3 as well.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u8>() {
        Ok(code @ 1..=124) if is_number && ![2, EXIT_USAGE, EXIT_DEFECT].contains(&code) => Ok(code),
        _ => wrong("wanted a number from 1 to 124, but not 2, 64 or 70"),
    }
}

/// `text` or `json`.
pub(crate) fn format(text: &str) -> Result<Format, Wrong> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        // curl's -o has this name too.
        text if text == "-" || text.starts_with('/') => wrong("wanted text or json; a body is never printed"),
        _ => wrong("wanted text or json"),
    }
}

/// A request method.
pub(crate) fn method(text: &str) -> Result<Method, Wrong> {
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT) => wrong("a probe opens no tunnel; wanted another method"),
        // Methods are case-sensitive, and no server knows `get`.
        Ok(method) if method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) => wrong("wanted it in capitals"),
        Ok(method) if method.as_str().len() > MOST_METHOD => wrong("wanted at most 32 letters"),
        Ok(method) => Ok(method),
        _ => wrong("wanted a method such as GET or HEAD"),
    }
}

/// `same-host` or `none`: whether redirects are followed.
pub(crate) fn redirects(text: &str) -> Result<Redirects, Wrong> {
    match text {
        "same-host" => Ok(Redirects::SameHost),
        "none" => Ok(Redirects::None),
        _ => wrong("wanted same-host or none"),
    }
}

/// A version of the PROXY protocol.
pub(crate) fn proxy(text: &str) -> Result<Proxy, Wrong> {
    match text {
        "v1" => Ok(Proxy::V1),
        "v2" => Ok(Proxy::V2),
        _ => wrong("wanted v1 or v2"),
    }
}

/// A header line of a request.
pub(crate) fn header(text: &str) -> Result<Header, Wrong> {
    let (name, value) = header_parts(text)?;
    let forbidden = ["content-length", "transfer-encoding", "expect", "upgrade", "te"];
    if let Some(name) = forbidden.iter().find(|forbidden| name.as_str() == **forbidden) {
        return Err(Wrong(format!("a probe has no body and no second protocol, so no {name}")));
    }
    let is_ascii = value.as_bytes().iter().all(|byte| byte.is_ascii());
    match name.as_str() {
        "host" | "connection" if value.is_empty() => wrong("wanted a value: this header can't be removed"),
        "host" | "authorization" if !is_ascii => wrong("wanted ASCII in the value of this header"),
        "host" if authority(value.to_str().unwrap_or_default()).is_err() => wrong(WANTED_HOST),
        _ => {
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            Ok(Header { name: name.to_owned().into(), value: value.trim().to_owned().into() })
        }
    }
}

/// A metadata line of a gRPC call.
pub(crate) fn metadata(text: &str) -> Result<(HeaderName, HeaderValue), Wrong> {
    let (name, value) = header_parts(text)?;
    let own =
        ["te", "content-type", "content-length", "connection", "transfer-encoding", "upgrade", "host", "keep-alive"];
    if name.as_str().starts_with("grpc-") || own.contains(&name.as_str()) {
        return wrong("this name is gRPC's own; wanted another");
    }
    if name.as_str().ends_with("-bin") && !is_base64(value.as_bytes()) {
        return wrong("wanted base64 in the value of a name that ends in -bin");
    }
    Ok((name, value))
}

/// True for what gRPC sends under a `-bin` name: base64 with or without padding, several values with commas between.
fn is_base64(text: &[u8]) -> bool {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, config);
    text.split(|byte| *byte == b',').all(|part| engine.decode(part.trim_ascii()).is_ok())
}

fn header_parts(text: &str) -> Result<(HeaderName, HeaderValue), Wrong> {
    if text.contains(['\r', '\n']) {
        return wrong("a header has no line break in it");
    }
    if text.len() > MOST_LINE {
        return wrong("wanted at most 64 KiB");
    }
    let Some((name, value)) = text.split_once(':') else { return wrong("wanted 'NAME: VALUE' with a colon") };
    let name = HeaderName::from_bytes(name.as_bytes());
    let name = name.map_err(|_| Wrong("wanted a name of letters, digits and dashes before the colon".to_owned()))?;
    let value = HeaderValue::from_str(value.trim()).or_else(|_| HeaderValue::from_bytes(value.trim().as_bytes()));
    let value = value.map_err(|_| Wrong("wanted a value without control characters".to_owned()))?;
    Ok((name, value))
}

/// A path; an empty one is answered with what was wanted.
pub(crate) fn path(text: &str, wanted: &str) -> Result<PathBuf, Wrong> {
    match text {
        "" => wrong(wanted),
        text if text.contains('\0') => wrong("wanted a path without a NUL byte"),
        text => Ok(PathBuf::from(text)),
    }
}

/// The name of a file, without its folder.
pub(crate) fn file_name(text: &str) -> Result<String, Wrong> {
    let is_name = !matches!(text, "" | "." | "..") && !text.contains(['/', '\0']) && text.len() <= 255;
    if is_name { Ok(text.to_owned()) } else { wrong("wanted a file name, without a folder") }
}

/// User name and password.
pub(crate) fn user(text: &str) -> Result<(String, String), Wrong> {
    match text.split_once(':') {
        Some((name, password)) => Ok((name.to_owned(), password.to_owned())),
        None => wrong("wanted NAME:PASSWORD with a colon"),
    }
}

/// The name and port that `:authority` and `Host` carry.
pub(crate) fn authority(text: &str) -> Result<Authority, Wrong> {
    let after_name = text.rsplit_once(']').map_or(text, |(_, rest)| rest);
    match text.parse::<Authority>() {
        // http's type reads a port only where it is one, and takes anything else for part of the text.
        Ok(authority) if !text.contains('@') && (authority.port().is_some() || !after_name.contains(':')) => {
            Ok(authority)
        }
        _ => wrong(WANTED_HOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_a_number_and_a_unit() {
        const WANTED: &str = "wanted a number and ms, s, m or h, such as 500ms";
        const TOO_LONG: &str = "wanted fewer: that is longer than a century";
        let rows = [
            ("500ms", Ok(500_000_000)),
            ("2s", Ok(2_000_000_000)),
            ("1.5s", Ok(1_500_000_000)),
            ("0.5ms", Ok(500_000)),
            ("1m", Ok(60_000_000_000)),
            ("1h", Ok(3_600_000_000_000)),
            ("1.000000001s", Ok(1_000_000_001)),
            ("0s", Err("wanted more than zero, such as 500ms")),
            ("0.0000000001s", Err(WANTED)),
            ("5", Ok(5_000_000_000)),
            ("1.5", Ok(1_500_000_000)),
            ("0", Err("wanted more than zero, such as 500ms")),
            (".", Err(WANTED)),
            ("5.", Err(WANTED)),
            ("5x", Err(WANTED)),
            ("s", Err(WANTED)),
            ("", Err(WANTED)),
            (".5s", Err(WANTED)),
            ("5.s", Err(WANTED)),
            ("1.2.3s", Err(WANTED)),
            ("-1s", Err(WANTED)),
            ("1e3s", Err(WANTED)),
            (" 1s", Err(WANTED)),
            ("99999999999999999999s", Err(TOO_LONG)),
            ("18446744073709551615h", Err(TOO_LONG)),
            ("876001h", Ok(3_153_603_600_000_000_000)),
            ("900000h", Err(TOO_LONG)),
        ];
        for (given, wanted) in rows {
            let wanted = wanted.map(Duration::from_nanos).map_err(|text| Wrong(text.to_owned()));
            assert_eq!(length(given), wanted, "{given:?}");
        }
        assert_eq!(timeout("24h"), Ok(MOST_TIMEOUT));
        assert_eq!(timeout("25h"), wrong("wanted 24h at most"));
    }

    #[test]
    fn exit_codes_leave_the_reserved_ones_out() {
        for (given, wanted) in [("1", Some(1)), ("3", Some(3)), ("124", Some(124)), ("63", Some(63))] {
            assert_eq!(unhealthy_exit(given).ok(), wanted, "{given}");
        }
        for given in ["0", "2", "64", "70", "125", "255", "256", "-1", "+3", "", "x", "1.0"] {
            assert!(unhealthy_exit(given).is_err(), "{given}");
        }
    }

    #[test]
    fn methods_are_short_enough_to_be_sent() {
        assert!(method(&"A".repeat(32)).is_ok());
        assert_eq!(method(&"A".repeat(33)), wrong("wanted at most 32 letters"));
    }

    #[test]
    fn a_host_is_a_name_with_or_without_a_port() {
        for value in ["shop.example", "shop.example:8443", "[::1]", "[::1]:80", "a_b", "127.0.0.1:80"] {
            assert!(header(&format!("Host: {value}")).is_ok(), "{value}");
        }
        let wrong = [
            "https://shop.example/",
            "shop.example/",
            "a\tb",
            "a b",
            "me@shop.example",
            "shop.example:http",
            "shop.example:99999",
            "::1",
            "a?b",
            "\"a\"",
        ];
        for value in wrong {
            assert_eq!(header(&format!("Host: {value}")), Err(Wrong(WANTED_HOST.to_owned())), "{value}");
        }
    }

    #[test]
    fn binary_metadata_is_base64() {
        for value in ["", "AAEC", "AAE=", "AAE", "AAE=, AAEC"] {
            assert!(metadata(&format!("x-bin: {value}")).is_ok(), "{value}");
        }
        for value in ["!!", "A", "AA=A", "AAE-"] {
            assert!(metadata(&format!("x-bin: {value}")).is_err(), "{value}");
        }
        assert!(metadata("x: !!").is_ok());
    }
}
