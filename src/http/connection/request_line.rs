//! Request lines as people type them: `/search?q=Αθήνα`.

use memchr::{memchr, memchr_iter};
use tokio::io::ReadBuf;

/// Where heads begin in what a client sends. A body must never be taken for one: what is
/// changed in it would shift all that follows.
#[derive(Debug)]
pub(super) struct Heads {
    /// Whether the next byte is certain to be the first of a request.
    at_head: bool,
    /// What an encoded line pushed out of the buffer.
    held_back: Vec<u8>,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            at_head: true,
            held_back: Vec::new(),
        }
    }
}

impl Heads {
    /// Encodes what was read into the buffer behind this many bytes, where it begins with a
    /// request line that needs it.
    pub fn read(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        if !self.at_head {
            return;
        }
        let read = &buffer.filled()[before..];
        if read.is_empty() {
            return;
        }
        self.at_head = is_one_bodiless_request(read);
        if let Some(mut encoded) = encoded(read) {
            buffer.set_filled(before);
            let fits = encoded.len().min(buffer.remaining());
            buffer.put_slice(&encoded[..fits]);
            encoded.drain(..fits);
            self.held_back = encoded;
        }
    }

    /// Gives what was held back; says whether there was anything.
    pub fn give_held_back(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        if self.held_back.is_empty() {
            return false;
        }
        let fits = self.held_back.len().min(buffer.remaining());
        buffer.put_slice(&self.held_back[..fits]);
        self.held_back.drain(..fits);
        true
    }
}

/// Whether this is the head of one request and nothing else, so that the next one follows.
/// It may be taken for none, in doubt. Every request passes here: one pass, some 30 ns.
fn is_one_bodiless_request(read: &[u8]) -> bool {
    if !(read.starts_with(b"GET ") || read.starts_with(b"HEAD ")) {
        return false;
    }
    for end in memchr_iter(b'\n', read) {
        let line = &read[end + 1..];
        if line.starts_with(b"\r\n") {
            return line.len() == 2;
        }
        if line.starts_with(b"\n") || announces_a_body(line) {
            return false;
        }
    }
    false
}

fn announces_a_body(line: &[u8]) -> bool {
    let begins = |name: &[u8]| {
        line.get(..name.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    };
    matches!(line.first(), Some(b'c' | b'C' | b't' | b'T'))
        && (begins(b"content-length") || begins(b"transfer-encoding"))
}

/// The same with the request line percent-encoded, where it is whole and has anything
/// beyond ASCII.
fn encoded(read: &[u8]) -> Option<Vec<u8>> {
    let end = memchr(b'\n', read)?;
    let (line, rest) = read.split_at(end);
    if line.is_ascii() {
        return None;
    }
    let mut encoded = Vec::with_capacity(read.len() + 2 * line.len());
    for byte in line {
        if byte.is_ascii() {
            encoded.push(*byte);
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push(b'%');
            encoded.push(DIGITS[usize::from(byte >> 4)]);
            encoded.push(DIGITS[usize::from(byte & 0xf)]);
        }
    }
    encoded.extend_from_slice(rest);
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out when these arrive one after the other.
    fn passed(reads: &[&str], room: usize) -> String {
        let mut heads = Heads::default();
        let mut passed = Vec::new();
        for read in reads {
            let mut memory = vec![0; room];
            let mut buffer = ReadBuf::new(&mut memory);
            buffer.put_slice(read.as_bytes());
            heads.read(&mut buffer, 0);
            passed.extend_from_slice(buffer.filled());
            loop {
                buffer.clear();
                if !heads.give_held_back(&mut buffer) {
                    break;
                }
                passed.extend_from_slice(buffer.filled());
            }
        }
        String::from_utf8(passed).unwrap()
    }

    #[test]
    fn request_lines_are_encoded_and_nothing_else() {
        let first = "GET /search?q=é HTTP/1.1\r\nhost: a\r\nx-name: é\r\n\r\n";
        let second = "GET /é HTTP/1.1\r\n\r\n";
        assert_eq!(
            passed(&[first, second], 100),
            "GET /search?q=%C3%A9 HTTP/1.1\r\nhost: a\r\nx-name: é\r\n\r\n\
             GET /%C3%A9 HTTP/1.1\r\n\r\n"
        );
        // However little room there is behind it.
        assert_eq!(passed(&[first], first.len()), passed(&[first], 1_000));
    }

    #[test]
    fn what_may_be_a_body_is_never_touched() {
        let line = "GET /é HTTP/1.1\r\n\r\n";
        for before in [
            "GET / HTTP/1.1\r\nhost: a\r\nContent-Length: 20\r\n\r\n",
            "GET / HTTP/1.1\r\ntransfer-ENCODING: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nCONTENT-length: 3\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\n\n",
            "GET / HTTP/1.1\n\nGET / HTTP/1.1\r\n\r\n",
            "GET / HT",
            "\r\n\r\n",
        ] {
            assert_eq!(passed(&[before, line], 100), format!("{before}{line}"));
        }
    }
}
