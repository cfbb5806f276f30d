//! SHA-256 of a message that is never whole in memory.

use sha2::block_api::compress256;

use super::BLOCK;

/// A message on its way. What fills a block is compressed where it lies; only what is left over is copied.
pub(super) struct Stream {
    state: [u32; 8],
    block: [u8; BLOCK],
    filled: usize,
    length: u64,
}

impl Stream {
    /// Goes on behind one block, which brought SHA-256 to this state.
    pub(super) fn behind_one_block(state: [u32; 8]) -> Self {
        Self { state, block: [0; BLOCK], filled: 0, length: BLOCK as u64 }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.filled > 0 {
            let taken = bytes.len().min(BLOCK - self.filled);
            self.block[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            (self.filled, bytes) = (self.filled + taken, &bytes[taken..]);
            if self.filled < BLOCK {
                return;
            }
            compress256(&mut self.state, &[self.block]);
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        self.block[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// The digest, behind SHA-256's own end: a bit, zeros, and the length of all in bits.
    pub(super) fn finish(mut self) -> [u32; 8] {
        let bits = (self.length * 8).to_be_bytes();
        self.push(&[0x80]);
        let zeros = (2 * BLOCK - 8 - self.filled) % BLOCK;
        self.push(&[0; BLOCK][..zeros]);
        self.push(&bits);
        self.state
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::super::BEGIN;
    use super::*;

    proptest! {
        #[test]
        fn however_a_message_is_cut_its_digest_is_that_of_the_whole(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..9)
        ) {
            let mut whole = vec![7; BLOCK];
            let mut state = BEGIN;
            compress256(&mut state, &[[7; BLOCK]]);
            let mut stream = Stream::behind_one_block(state);
            for piece in pieces {
                stream.push(&piece);
                whole.extend(piece);
            }
            let words: Vec<u8> = stream.finish().iter().flat_map(|word| word.to_be_bytes()).collect();
            prop_assert_eq!(words, Sha256::digest(whole).to_vec());
        }
    }
}
