//! gzip as people have it: several members, one after the other, padded with
//! zeros to the block size of whatever wrote them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Unzips member after member, and passes over zeros behind each.
pub(super) struct Members<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(stream: R) -> Self {
        Self {
            member: Some(GzDecoder::new(stream)),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(member) = self.member.take() else {
                break;
            };
            let mut stream = member.into_inner();
            if skip_zeros(&mut stream)? {
                self.member = Some(GzDecoder::new(stream));
            }
        }
        Ok(0)
    }
}

/// Whether anything follows.
fn skip_zeros(stream: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = match stream.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let is_over = zeros < bytes.len();
        stream.consume(zeros);
        if is_over {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn zipped(text: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn unzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        // A small buffer, so that a member ends within one and between two.
        Members::new(BufReader::with_capacity(7, bytes)).read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn members_and_the_zeros_behind_them_are_one_text() {
        let (a, none, b) = (zipped(b"a"), zipped(b""), zipped(b"b"));
        let zeros = vec![0; 512];
        for parts in [
            vec![&a, &b],
            vec![&a, &none, &b],
            vec![&a, &zeros, &b, &zeros],
        ] {
            let bytes: Vec<u8> = parts.into_iter().flatten().copied().collect();
            assert_eq!(unzip(&bytes).unwrap(), b"ab");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_gzip_is_an_error() {
        let whole = zipped(b"some text");
        assert!(unzip(&whole[..whole.len() - 1]).is_err());
        assert!(unzip(&[&whole[..], b"garbage that follows"].concat()).is_err());
    }
}
