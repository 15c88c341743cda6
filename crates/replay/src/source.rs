//! A file's lines, packed with gzip or not.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// How long a line may be, in bytes: 16 MiB. A fleet file is the longest there is, an event has 256 KB at most.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How files begin that gzip packed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The lines of a file, with their numbers. A file that was cut short, or cannot be unpacked to its end, ends with an
/// error.
pub struct Lines<'f> {
    reader: Box<dyn BufRead + 'f>,
    number: u64,
    has_ended: bool,
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<'f> Lines<'f> {
    /// The lines of this file.
    ///
    /// # Errors
    /// When not even its beginning can be read.
    pub fn of(file: impl Read + 'f) -> io::Result<Self> {
        let mut plain = BufReader::new(file);
        let is_packed = plain.fill_buf()?.starts_with(&GZIP);
        // Firehose packs each object at once; who puts objects together has several packed parts in a file.
        let reader: Box<dyn BufRead> =
            if is_packed { Box::new(BufReader::new(MultiGzDecoder::new(plain))) } else { Box::new(plain) };
        Ok(Self { reader, number: 0, has_ended: false })
    }
}

impl Iterator for Lines<'_> {
    /// A line's number, from 1 on, and its text or why it cannot be read.
    type Item = (u64, Result<Vec<u8>, String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        self.number += 1;
        let mut text = Vec::new();
        match self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text) {
            Ok(0) => None,
            Ok(_) if text.len() as u64 == LINE_BYTES_MAX && !text.ends_with(b"\n") => {
                self.has_ended = true;
                Some((self.number, Err("longer than 16 MiB; what follows is not read".to_owned())))
            }
            Ok(_) => Some((self.number, Ok(text))),
            Err(error) => {
                self.has_ended = true;
                Some((self.number, Err(format!("the file cannot be read any further: {error}"))))
            }
        }
    }
}
