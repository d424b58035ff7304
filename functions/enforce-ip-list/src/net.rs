//! Networks as they stand in lists.
