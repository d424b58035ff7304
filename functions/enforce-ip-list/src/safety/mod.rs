//! What may never be enforced, and how much may change at once.
//!
//! | room | what it does |
//! |---|---|
//! | [`Protected`] | the never-list, Cloudflare's ranges, own networks and the allow list as one sorted set |
//! | [`Policy`] | what a record must be like to be enforced; [`Policy::judge`] decides over one network and says by which rule |
//! | [`Guards`] | how much of a list one run may change |

mod guard;
mod never;
mod policy;
mod protected;

pub use self::guard::{Allowance, Change, Consent, Guard, Guards, Tripped};
pub use self::never::{CLOUDFLARE, NEVER, SpecialPurpose, TEST_RANGES};
pub(crate) use self::policy::{Asked, Sifted};
pub use self::policy::{Capacity, Granularity, Policy, Refusal, TierPolicy, Verdict};
pub(crate) use self::protected::{Cursor, Fences, Meeting};
pub use self::protected::{Protected, ProtectedBuilder, Protection, Protector};
