//! Amazon EventBridge's event patterns: compiled once, matched often.
//!
//! The same language serves EventBridge rules, Pipes, the FilterCriteria of Lambda's event
//! source mappings and SNS's filter policies; [`Dialect`] says what each of them allows.
//! AWS's reference implementation is Event Ruler (`aws/event-ruler`), whose verdicts this
//! crate is compared with. It deviates from it knowingly in two places: an IPv4 range never
//! holds an IPv6 address (Event Ruler compares their leading digits), and letters outside
//! the Basic Multilingual Plane compare without case too.
//!
//! This crate reads no records and knows no service: who calls it brings the event.
//!
//! ```
//! use anabranch_pattern::{Dialect, Pattern};
//!
//! let pattern = Pattern::compile(
//!     r#"{"source": ["aws.ec2"], "detail": {"state": [{"anything-but": "running"}]}}"#,
//!     Dialect::EventBridge,
//! )?;
//! assert!(pattern.matches_json(br#"{"source": "aws.ec2", "detail": {"state": "stopped"}}"#)?);
//! assert!(!pattern.matches(&serde_json::json!({"source": "aws.ec2", "detail": {"state": "running"}})));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod arrays;
mod attributes;
mod bits;
mod compile;
mod dialect;
mod error;
mod ignore_case;
mod matcher;
mod numeric;
mod operators;
mod pattern;
mod program;
mod set;
mod source;
mod source_filter;
mod walk;
mod wildcard;

pub use attributes::{MessageAttribute, event_of_attributes};
pub use dialect::{COMBINATIONS_MAX, Dialect, FILTERS_MAX, SNS_COMBINATIONS_MAX, SNS_KEYS_MAX};
pub use error::{EventError, PatternError};
pub use pattern::Pattern;
pub use set::PatternSet;
pub use source_filter::{Body, SourceFilter};
pub use walk::EVENT_DEPTH_MAX;
