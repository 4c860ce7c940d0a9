//! A bounded look ahead into a stream that knows its line numbers.

use std::io::{self, Read};

/// How much is read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// The next bytes of a stream. They stay until they are consumed, so a record
/// can be looked at whole; how much may pile up is for the caller to bound.
#[derive(Debug)]
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    line: u64,
    after_carriage_return: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; READ_BYTES],
            start: 0,
            end: 0,
            line: 1,
            after_carriage_return: false,
        }
    }

    /// What was read and not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The line, from 1, on which the first byte of [`Window::bytes`] stands.
    /// Lines end with `\n`, `\r\n` or a lone `\r`.
    pub(super) fn line(&self) -> u64 {
        let line_began = self.after_carriage_return && self.bytes().first() != Some(&b'\n');
        self.line + u64::from(line_began)
    }

    /// Reads more; `false` at the end of the stream.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.buffer.len() - self.end < READ_BYTES / 4 {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.buffer.len() - self.end < READ_BYTES / 4 {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The byte at `index` of the window, read where it is not there yet;
    /// `None` at the end of the stream.
    pub(super) fn byte(&mut self, index: usize) -> io::Result<Option<u8>> {
        while self.start + index >= self.end {
            if !self.fill()? {
                return Ok(None);
            }
        }
        Ok(Some(self.buffer[self.start + index]))
    }

    /// Leaves the first `count` bytes behind.
    pub(super) fn consume(&mut self, count: usize) {
        for &byte in &self.buffer[self.start..self.start + count] {
            if byte == b'\n' {
                self.line += 1;
                self.after_carriage_return = false;
            } else {
                self.line += u64::from(self.after_carriage_return);
                self.after_carriage_return = byte == b'\r';
            }
        }
        self.start += count;
    }

    /// Leaves behind all bytes up to the first that is not `skipped`; `false`
    /// where the stream ends before one.
    pub(super) fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) -> io::Result<bool> {
        loop {
            match self.bytes().iter().position(|&byte| !skipped(byte)) {
                Some(count) => {
                    self.consume(count);
                    return Ok(true);
                }
                None => self.consume(self.bytes().len()),
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_counts_once() {
        let mut window = Window::new(&b"a\r\nb\rc\nd"[..]);
        while window.fill().unwrap() {}
        let mut lines = Vec::new();
        while !window.bytes().is_empty() {
            lines.push((window.bytes()[0], window.line()));
            window.consume(1);
        }
        let letters: Vec<_> = lines
            .into_iter()
            .filter(|(byte, _)| byte.is_ascii_alphabetic())
            .collect();
        assert_eq!(letters, [(b'a', 1), (b'b', 2), (b'c', 3), (b'd', 4)]);
    }

    #[test]
    fn what_is_not_consumed_stays_whole_while_more_is_read() {
        let text: Vec<u8> = (0..251).cycle().take(READ_BYTES * 3).collect();
        let mut window = Window::new(&text[..]);
        window.fill().unwrap();
        window.consume(7);
        while window.fill().unwrap() {}
        assert_eq!(window.bytes(), &text[7..]);
        assert_eq!(window.byte(text.len()).unwrap(), None);
    }
}
