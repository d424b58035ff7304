//! Scores and the tiers that follow from them.

use std::fmt;
use std::str::FromStr;

/// How hostile something is: 0 (not) to 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Score(u8);

/// Why a number is no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    #[error("no score is given: expected a number from 0 to 5")]
    Missing,
    #[error("the score is not a number: expected one from 0 to 5")]
    NotANumber,
    #[error("the score is negative: expected a number from 0 to 5")]
    Negative,
}

impl Score {
    pub const LOWEST: Self = Self(0);
    pub const HIGHEST: Self = Self(5);

    /// The score of a source's number: fractions are cut off (3.9 is 3), and what is above 5 is 5.
    ///
    /// # Errors
    /// When it is not a number, or negative.
    pub fn of(number: f64) -> Result<Self, ScoreError> {
        if number.is_nan() {
            Err(ScoreError::NotANumber)
        } else if number < 0.0 {
            Err(ScoreError::Negative)
        } else {
            // 0 to 5 after the clamp: the conversion cuts off the fraction and nothing else.
            Ok(Self(number.min(5.0) as u8))
        }
    }

    /// As [`Score::of`] where a source may give none.
    ///
    /// # Errors
    /// When it gives none, or no score.
    pub fn of_option(number: Option<f64>) -> Result<Self, ScoreError> {
        Self::of(number.ok_or(ScoreError::Missing)?)
    }

    pub const fn get(self) -> u8 {
        self.0
    }

    /// What follows: 4 and 5 are blocked, 2 and 3 challenged, 1 limited; 0 is in no list (`None`), only counted.
    pub const fn tier(self) -> Option<Tier> {
        match self.0 {
            0 => None,
            1 => Some(Tier::RateLimit),
            2 | 3 => Some(Tier::Challenge),
            _ => Some(Tier::Block),
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A graduated response, and the list that stands for it. Ordered by severity: [`Tier::Block`] is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    RateLimit,
    Challenge,
    Block,
}

impl Tier {
    /// Most severe first, as rules that use the lists must stand.
    pub const ALL: [Self; 3] = [Self::Block, Self::Challenge, Self::RateLimit];

    /// `block`, `challenge`, `rate-limit`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Challenge => "challenge",
            Self::RateLimit => "rate-limit",
        }
    }

    /// The rule that turns it on: `threat.block` and so on.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Block => "threat.block",
            Self::Challenge => "threat.challenge",
            Self::RateLimit => "threat.rate-limit",
        }
    }

    /// Position in [`Tier::ALL`], for arrays with one element per tier.
    pub const fn index(self) -> usize {
        match self {
            Self::Block => 0,
            Self::Challenge => 1,
            Self::RateLimit => 2,
        }
    }

    /// The least score that leads to it.
    pub const fn least_score(self) -> Score {
        match self {
            Self::Block => Score(4),
            Self::Challenge => Score(2),
            Self::RateLimit => Score(1),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is no tier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no tier: expected block, challenge or rate-limit")]
pub struct NotATier(String);

impl FromStr for Tier {
    type Err = NotATier;

    fn from_str(text: &str) -> Result<Self, NotATier> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.name() == text || tier.rule() == text)
            .ok_or_else(|| NotATier(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_number_when_it_is_scored_then_fractions_are_cut_and_what_is_above_five_is_five() {
        for (number, score, tier) in [
            (0.0, 0, None),
            (-0.0, 0, None),
            (0.99, 0, None),
            (1.0, 1, Some(Tier::RateLimit)),
            (1.999, 1, Some(Tier::RateLimit)),
            (2.0, 2, Some(Tier::Challenge)),
            (3.9, 3, Some(Tier::Challenge)),
            (4.0, 4, Some(Tier::Block)),
            (5.0, 5, Some(Tier::Block)),
            (7.0, 5, Some(Tier::Block)),
            (f64::INFINITY, 5, Some(Tier::Block)),
        ] {
            let read = Score::of(number).unwrap();
            assert_eq!((read.get(), read.tier()), (score, tier), "{number}");
        }
    }

    #[test]
    fn given_what_is_no_score_when_it_is_read_then_it_is_refused_and_never_taken_for_zero() {
        assert_eq!(Score::of(f64::NAN), Err(ScoreError::NotANumber));
        assert_eq!(Score::of(-0.1), Err(ScoreError::Negative));
        assert_eq!(Score::of(f64::NEG_INFINITY), Err(ScoreError::Negative));
        assert_eq!(Score::of_option(None), Err(ScoreError::Missing));
    }

    #[test]
    fn every_tier_is_found_by_its_name_its_rule_and_its_least_score() {
        for tier in Tier::ALL {
            assert_eq!(tier.name().parse(), Ok(tier));
            assert_eq!(tier.rule().parse(), Ok(tier));
            assert_eq!(tier.least_score().tier(), Some(tier));
            assert_eq!(Tier::ALL[tier.index()], tier);
        }
        assert!(Tier::Block > Tier::Challenge && Tier::Challenge > Tier::RateLimit);
        assert!("ban".parse::<Tier>().is_err());
    }
}
