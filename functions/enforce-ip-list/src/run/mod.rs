//! One run, from lease to audit record.
