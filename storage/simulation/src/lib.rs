//! The log on a simulated disk: seeded random work, power cuts, failed and short writes, full
//! disks and flipped bits, compared with a plain model after each.
//!
//! A run is one thread, and all that is random in it follows from its seed, so a failing seed
//! fails the same way every time.

mod disk;
#[cfg(feature = "fuse")]
pub mod fuse;
mod inode;
mod model;
mod run;

pub use disk::{SimulatedDisk, Trouble};
pub use run::{Counts, run, run_and_keep};
