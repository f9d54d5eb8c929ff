//! What a peer does, as a list of acts, and the parts that hostile answers are put together from.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::read_head;

/// One thing that a peer does. What it sends, it sends whether or not somebody reads; after the last act it closes,
/// which is a reset where something is unread.
#[derive(Clone)]
pub(crate) enum Act {
    /// Reads an HTTP/1.1 request.
    Head,
    /// Reads one TLS record.
    Record,
    /// Reads an HTTP/2 client's preface and frames, up to the request's headers.
    Call,
    /// Reads whatever comes from now on, beside what follows.
    Swallow,
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes one by one, with so many milliseconds after each.
    Drip(u64, Vec<u8>),
    /// Sends bytes again and again, with so many milliseconds after each, until the other side is gone.
    Every(u64, Vec<u8>),
    /// Sends bytes again and again as fast as they go, until the other side is gone.
    Flood(Vec<u8>),
    /// Says nothing more, and waits until the other side is gone.
    Stay,
    /// Ends its own side, and reads on until the other side is gone.
    End,
    /// Resets the connection.
    Reset,
}

/// Performs the acts on a connection.
pub(crate) fn perform(acts: &[Act], stream: &mut TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_write_timeout(Some(Duration::from_secs(20)));
    for act in acts {
        match act {
            Act::Head => drop(read_head(stream)),
            Act::Record => super::tls_peer::read_record(stream),
            Act::Call => crate::grpc::read_request(stream),
            Act::Swallow => {
                let mut other = stream.try_clone().expect("a second descriptor");
                std::thread::spawn(move || std::io::copy(&mut other, &mut std::io::sink()));
            }
            Act::Stay => drop(std::io::copy(stream, &mut std::io::sink())),
            Act::End => {
                let _ = stream.shutdown(Shutdown::Write);
                let _ = std::io::copy(stream, &mut std::io::sink());
            }
            Act::Reset => {
                let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
                return;
            }
            act => send(act, stream),
        }
    }
}

/// Performs an act that only sends.
pub(crate) fn send(act: &Act, stream: &mut dyn Write) {
    let mut say = |bytes: &[u8]| stream.write_all(bytes).and_then(|()| stream.flush()).is_ok();
    let pause = |millis: &u64| std::thread::sleep(Duration::from_millis(*millis));
    match act {
        Act::Send(bytes) => drop(say(bytes)),
        Act::Drip(millis, bytes) => {
            for byte in bytes {
                if !say(&[*byte]) {
                    break;
                }
                pause(millis);
            }
        }
        Act::Every(millis, bytes) => {
            while say(bytes) {
                pause(millis);
            }
        }
        Act::Flood(bytes) => {
            let many = bytes.repeat(32 * 1024 / bytes.len() + 1);
            while say(&many) {}
        }
        _ => unreachable!("an act that does not send"),
    }
}

/// An HTTP/2 frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a payload").to_be_bytes();
    let stream = stream.to_be_bytes();
    [&len[1..], &[kind, flags], &stream, payload].concat()
}

/// Kinds of frames.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// The frame that every server begins with.
pub(crate) const SETTINGS_FRAME: &[u8] = &[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0];

/// A header of HPACK, not indexed, without Huffman.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = vec![0x7f];
        match text.len() {
            len @ ..0x7f => bytes[0] = u8::try_from(len).expect("short"),
            len => {
                let mut more = len - 0x7f;
                while more >= 0x80 {
                    bytes.push(u8::try_from(more % 0x80).expect("7 bits") | 0x80);
                    more /= 0x80;
                }
                bytes.push(u8::try_from(more).expect("7 bits"));
            }
        }
        bytes.extend(text.bytes());
        bytes
    };
    [vec![0], text(name), text(value)].concat()
}

/// A header block of HPACK.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// A gRPC message.
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).expect("a message").to_be_bytes();
    [&[0][..], &len, bytes].concat()
}

/// A server's whole side of a call that ends with SERVING.
pub(crate) fn serving() -> Vec<u8> {
    let headers = block(&[(":status", "200"), ("content-type", "application/grpc")]);
    [
        SETTINGS_FRAME.to_vec(),
        frame(HEADERS, 4, 1, &headers),
        frame(DATA, 0, 1, &message(&[8, 1])),
        frame(HEADERS, 5, 1, &block(&[("grpc-status", "0")])),
    ]
    .concat()
}
