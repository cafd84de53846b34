//! Reads SAM templates into the resources they describe.
