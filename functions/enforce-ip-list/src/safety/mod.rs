//! What may never be enforced, and how much may change at once.
