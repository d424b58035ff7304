//! The copy of `config/` that every binary carries; `build.rs` makes it.

include!(concat!(env!("OUT_DIR"), "/packaged.rs"));
