//! What a peer speaks, told by the first bytes that come from it.

/// What a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// Not a byte came.
    Nothing,
    /// HTTP/1.x.
    Http1,
    /// HTTP/2.
    Http2,
    /// TLS, where none was asked for.
    Tls,
    /// Something else.
    Other,
}

impl Spoken {
    pub(super) fn by(first: &[u8], is_within_tls: bool) -> Spoken {
        match first {
            [] => Spoken::Nothing,
            first if first.starts_with(b"HTTP/") => Spoken::Http1,
            first if is_settings(first) || is_goaway(first) => Spoken::Http2,
            first if is_tls_record(first) && !is_within_tls => Spoken::Tls,
            _ => Spoken::Other,
        }
    }
}

/// True for the SETTINGS frame that every HTTP/2 server begins with: type 4, stream 0 (RFC 9113, section 3.4).
pub(super) fn is_settings(first: &[u8]) -> bool {
    matches!(first, [_, _, _, 4, _, 0, 0, 0, 0, ..])
}

/// True for a GOAWAY frame, by which some HTTP/2 servers answer what is not HTTP/2: type 7, stream 0, 8 bytes at least.
fn is_goaway(first: &[u8]) -> bool {
    matches!(first, [0, 0, 8..=255, 7, _, 0, 0, 0, 0, ..])
}

/// True for a record of an alert or a handshake, version 3.x (RFC 8446, section 5.1).
pub(super) fn is_tls_record(first: &[u8]) -> bool {
    matches!(first, [21 | 22, 3, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_known_by_its_first_bytes() {
        let rows: [(&[u8], Spoken); 9] = [
            (b"", Spoken::Nothing),
            (b"HTTP/1.1 200", Spoken::Http1),
            (b"HTT", Spoken::Other),
            (&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0], Spoken::Http2),
            (&[0, 0, 6, 4, 0, 0, 0, 0, 1], Spoken::Other),
            (&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0], Spoken::Http2),
            (&[0, 0, 7, 7, 0, 0, 0, 0, 0, 0], Spoken::Other),
            (&[21, 3, 3], Spoken::Tls),
            (&[22, 2, 3], Spoken::Other),
        ];
        for (first, wanted) in rows {
            assert_eq!(Spoken::by(first, false), wanted, "{first:?}");
        }
        assert_eq!(Spoken::by(&[21, 3, 3], true), Spoken::Other);
    }
}
