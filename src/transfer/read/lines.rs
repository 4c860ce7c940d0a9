//! Records of newline-delimited GeoJSON and of GeoJSON text sequences.

use std::io::{self, Read};

use super::error::{MAX_RECORD_BYTES, RowError};
use super::window::Window;

/// Begins every text of a sequence (RFC 8142, RFC 7464), which may then span
/// several lines.
pub(super) const RECORD_SEPARATOR: u8 = 0x1e;

/// Splits a stream at line ends, or at record separators where it has them.
#[derive(Debug)]
pub(super) struct Lines {
    separator: u8,
    /// How much of the window the record takes.
    pub(super) len: usize,
    pub(super) line: u64,
}

impl Lines {
    pub(super) fn new(is_sequence: bool) -> Self {
        Self {
            separator: if is_sequence { RECORD_SEPARATOR } else { b'\n' },
            len: 0,
            line: 1,
        }
    }

    /// Goes to the next record that is not blank; `None` after the last.
    pub(super) fn advance<R: Read>(
        &mut self,
        window: &mut Window<R>,
    ) -> io::Result<Option<Result<(), RowError>>> {
        window.consume(self.len);
        self.len = 0;
        if !window.skip_while(|b| b.is_ascii_whitespace() || b == RECORD_SEPARATOR)? {
            return Ok(None);
        }
        self.line = window.line();
        let mut searched = 0;
        let mut is_too_long = false;
        loop {
            let found = memchr::memchr(self.separator, &window.bytes()[searched..]);
            searched = found.map_or(window.bytes().len(), |at| searched + at);
            if searched > MAX_RECORD_BYTES {
                is_too_long = true;
                window.consume(searched);
                searched = 0;
            }
            if found.is_some() || !window.fill()? {
                self.len = searched;
                return Ok(Some(if is_too_long {
                    Err(RowError::TooLong)
                } else {
                    Ok(())
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &[u8], is_sequence: bool) -> Vec<(u64, String)> {
        let mut window = Window::new(text);
        let mut lines = Lines::new(is_sequence);
        let mut all = Vec::new();
        while let Some(Ok(())) = lines.advance(&mut window).unwrap() {
            let bytes = window.bytes()[..lines.len].trim_ascii_end();
            all.push((lines.line, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        all
    }

    #[test]
    fn lines_are_records_and_blank_ones_are_not() {
        let expected = [
            (1, "a".to_owned()),
            (4, "b b".to_owned()),
            (5, "c".to_owned()),
        ];
        assert_eq!(split(b"a\n\n  \nb b\nc", false), expected);
        assert_eq!(split(b"a\r\n\r\n\r\nb b\r\nc\r\n", false), expected);
    }

    #[test]
    fn a_sequence_may_hold_texts_of_several_lines() {
        assert_eq!(
            split(b"\x1e{\n}\n\x1e{}\n", true),
            [(1, "{\n}".to_owned()), (3, "{}".to_owned())]
        );
    }

    #[test]
    fn a_line_beyond_the_limit_is_refused_and_the_next_is_read() {
        let mut text = vec![b'x'; MAX_RECORD_BYTES + 1];
        text.extend_from_slice(b"\nb\n");
        let mut window = Window::new(&text[..]);
        let mut lines = Lines::new(false);
        assert_eq!(
            lines.advance(&mut window).unwrap(),
            Some(Err(RowError::TooLong))
        );
        assert_eq!(lines.advance(&mut window).unwrap(), Some(Ok(())));
        assert_eq!((lines.line, &window.bytes()[..lines.len]), (2, &b"b"[..]));
    }
}
