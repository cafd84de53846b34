//! A set of small numbers.

use smallvec::SmallVec;

const WORD_BITS: usize = u64::BITS as usize;

#[derive(Debug, Clone, Default)]
pub(crate) struct Bits(SmallVec<[u64; 2]>);

impl Bits {
    /// An empty set for numbers below `len`.
    pub(crate) fn new(len: usize) -> Self {
        Self(SmallVec::from_elem(0, len.div_ceil(WORD_BITS)))
    }

    pub(crate) fn has(&self, bit: usize) -> bool {
        self.0[bit / WORD_BITS] & (1 << (bit % WORD_BITS)) != 0
    }

    pub(crate) fn set(&mut self, bit: usize) {
        self.0[bit / WORD_BITS] |= 1 << (bit % WORD_BITS);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}
