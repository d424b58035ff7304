//! Repairs failed checks of AWS resources.
