//! Text in other encodings, turned into UTF-8 as it is read.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::str::FromStr;

use super::source::Whole;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

/// How much of the beginning tells the encoding, in bytes: a byte order mark, or
/// the declaration of an XML file.
const LOOK_BYTES: usize = 512;
/// How much is decoded at once, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;

/// Byte order marks of UTF-32, of which one begins as that of UTF-16 does.
const UTF_32_MARKS: [&[u8]; 2] = [b"\xFF\xFE\0\0", b"\0\0\xFE\xFF"];

/// Stands where the bytes are no text in their encoding: no UTF-8 has it, so the
/// row that holds it is refused.
pub(super) const MALFORMED: u8 = 0xff;

/// An encoding by its name on the web (<https://encoding.spec.whatwg.org>), as
/// `utf-16le`, `windows-1252` or `iso-8859-1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(&'static Encoding);

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        // What the standard replaces cannot be read at all.
        Encoding::for_label_no_replacement(name.as_bytes())
            .map(Self)
            .ok_or_else(|| {
                "there is no such encoding; allowed are utf-8, utf-16le, utf-16be, windows-1252, \
                 iso-8859-1 and the other labels of \
                 https://encoding.spec.whatwg.org/#names-and-labels"
                    .to_owned()
            })
    }
}

/// A stream as UTF-8.
pub(super) enum Text<R> {
    /// As it is: its rows are checked one by one.
    Plain(Whole<R>),
    /// Decoded.
    Decoded(Box<Decoded<Whole<R>>>),
}

impl<R: Read> Text<R> {
    /// Finds out the encoding: by the byte order mark, then what was asked for, then
    /// what an XML file declares.
    pub(super) fn open(mut reader: R, asked: Option<TextEncoding>) -> io::Result<Self> {
        let mut look = Vec::with_capacity(LOOK_BYTES);
        // No further than the first line: more of a pipe may be long in coming.
        while look.len() < LOOK_BYTES && !look.contains(&b'\n') {
            let start = look.len();
            look.resize(LOOK_BYTES, 0);
            let read = loop {
                match reader.read(&mut look[start..]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            look.truncate(start + read);
            if read == 0 {
                break;
            }
        }
        if UTF_32_MARKS.iter().any(|mark| look.starts_with(mark)) {
            let what = "it is UTF-32, which is not read: save it as UTF-8";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let marked = Encoding::for_bom(&look).map(|(encoding, _)| encoding);
        let encoding = marked
            .or(asked.map(|asked| asked.0))
            .or_else(|| declared(&look));
        let whole = Cursor::new(look).chain(reader);
        Ok(match encoding {
            Some(encoding) if encoding != UTF_8 => {
                Self::Decoded(Box::new(Decoded::new(whole, encoding)))
            }
            _ => Self::Plain(whole),
        })
    }
}

impl<R> Text<R> {
    /// The name of its encoding.
    pub(super) fn encoding(&self) -> &'static str {
        match self {
            Self::Plain(_) => UTF_8.name(),
            Self::Decoded(decoded) => decoded.decoder.encoding().name(),
        }
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Decoded(decoded) => decoded.read(buffer),
        }
    }
}

impl<R> fmt::Debug for Text<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Decoded(_) => "Decoded",
        })
    }
}

/// What `<?xml … encoding="…"?>` names. A file that says UTF-16 in single bytes
/// is none.
fn declared(look: &[u8]) -> Option<&'static Encoding> {
    let declaration = look.strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|two| two == b"?>")?;
    let declaration = std::str::from_utf8(&declaration[..end]).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (name, _) = value[1..].split_once(quote)?;
    Encoding::for_label_no_replacement(name.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible())
}

/// Decodes what it reads.
pub(super) struct Decoded<R> {
    reader: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_start: usize,
    raw_end: usize,
    text: Vec<u8>,
    text_start: usize,
    text_end: usize,
    /// Nothing more is to be read.
    is_last: bool,
    /// Nothing more is to be decoded.
    is_finished: bool,
}

impl<R: Read> Decoded<R> {
    fn new(reader: R, encoding: &'static Encoding) -> Self {
        Self {
            reader,
            decoder: encoding.new_decoder(),
            raw: vec![0; CHUNK_BYTES],
            raw_start: 0,
            raw_end: 0,
            text: vec![0; CHUNK_BYTES],
            text_start: 0,
            text_end: 0,
            is_last: false,
            is_finished: false,
        }
    }

    /// Decodes a little more.
    fn decode(&mut self) -> io::Result<()> {
        if self.raw_start == self.raw_end && !self.is_last {
            self.raw_end = self.reader.read(&mut self.raw)?;
            self.raw_start = 0;
            self.is_last = self.raw_end == 0;
        }
        // One byte is kept for the mark.
        let room = self.text.len() - 1;
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
            &self.raw[self.raw_start..self.raw_end],
            &mut self.text[..room],
            self.is_last,
        );
        self.raw_start += read;
        (self.text_start, self.text_end) = (0, written);
        match result {
            DecoderResult::Malformed(..) => {
                self.text[written] = MALFORMED;
                self.text_end += 1;
            }
            DecoderResult::InputEmpty => self.is_finished = self.is_last,
            DecoderResult::OutputFull => {}
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.text_start == self.text_end && !self.is_finished {
            self.decode()?;
        }
        let count = buffer.len().min(self.text_end - self.text_start);
        buffer[..count].copy_from_slice(&self.text[self.text_start..self.text_start + count]);
        self.text_start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], asked: Option<&str>) -> Vec<u8> {
        let asked = asked.map(|name| name.parse().unwrap());
        let mut text = Vec::new();
        let mut reader = Text::open(bytes, asked).unwrap();
        reader.read_to_end(&mut text).unwrap();
        text
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn utf_32_is_told_from_utf_16() {
        for mark in UTF_32_MARKS {
            let refused = Text::open(mark, None).unwrap_err();
            assert!(refused.to_string().contains("UTF-32"), "{refused}");
        }
    }

    #[test]
    fn a_mark_a_name_and_a_declaration_tell_the_encoding() {
        let said = "Καφές 🤿,1\n".repeat(5_000);
        let marked = format!("\u{feff}{said}");
        for (bytes, asked) in [
            (utf16(&marked, u16::to_le_bytes), None),
            (utf16(&marked, u16::to_be_bytes), Some("windows-1252")),
            (utf16(&said, u16::to_le_bytes), Some("UTF-16")),
            (utf16(&said, u16::to_be_bytes), Some("utf-16be")),
            (said.clone().into_bytes(), None),
            (said.clone().into_bytes(), Some("utf-8")),
        ] {
            assert!(text(&bytes, asked) == said.as_bytes(), "{asked:?}");
        }
        assert_eq!(text(b"Caf\xe9 \x80", Some("cp1252")), "Café €".as_bytes());
        let xml = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
        assert!(text(xml, None).ends_with("<a>é</a>".as_bytes()));
        assert!("utf-9".parse::<TextEncoding>().is_err());
    }

    #[test]
    fn what_is_no_text_in_its_encoding_is_marked_and_not_replaced() {
        let mut cut = utf16("\u{feff}ab", u16::to_le_bytes);
        cut.extend(0xd800_u16.to_le_bytes());
        cut.extend(utf16("c", u16::to_le_bytes));
        assert_eq!(text(&cut, None), b"ab\xffc");
        assert_eq!(text(&cut[..cut.len() - 1], None), b"ab\xff");
    }
}
