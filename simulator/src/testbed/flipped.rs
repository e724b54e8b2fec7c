//! A bit of the broker's files that is not as it was written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where it is.
#[derive(Debug)]
pub(super) struct Flipped {
    file: PathBuf,
    at: u64,
}

impl Flipped {
    /// One of the last byte of the last batch of a partition's file.
    pub(super) fn in_last_batch(file: PathBuf) -> io::Result<Flipped> {
        let at = last_byte_of_last_batch(&file)?;
        let flipped = Flipped { file, at };
        flipped.flip()?;
        Ok(flipped)
    }

    /// It is as it was again.
    pub(super) fn back(self) -> io::Result<()> {
        self.flip()
    }

    fn flip(&self) -> io::Result<()> {
        let file = File::options().read(true).write(true).open(&self.file)?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.at)?;
        file.write_all_at(&[byte[0] ^ 1], self.at)
    }
}

/// A batch is an offset (8 bytes), a length (4) and as many bytes as that. Behind the last one the file may be
/// filled with zeros.
fn last_byte_of_last_batch(file: &Path) -> io::Result<u64> {
    let bytes = std::fs::read(file)?;
    let mut rest = bytes.as_slice();
    while let Some((head, behind)) = rest.split_at_checked(12) {
        let length = u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize;
        match behind.get(length..) {
            Some(next) if length > 0 => rest = next,
            _ => break,
        }
    }
    Ok((bytes.len() - rest.len()) as u64 - 1)
}
