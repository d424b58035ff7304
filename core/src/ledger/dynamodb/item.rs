//! Items: their keys, how their attributes are read, and how large they may be.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::id::digest_hex;
use crate::ledger::LedgerError;

pub(super) type Attributes = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Integers only: DynamoDB's numbers have 38 digits, so all of ours fit.
pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A fresh `write_id`: whose hand a write was.
pub(super) fn write_id() -> AttributeValue {
    text(uuid::Uuid::now_v7().to_string())
}

/// The second that `expires_at` is compared with.
pub(super) fn this_second() -> AttributeValue {
    number(Timestamp::now().as_second())
}

/// Text as part of a key. A partition key holds 2,048 bytes; what would not fit ends in its digest instead.
/// Text that was cut is longer than any that was not, so the two cannot meet.
pub(super) fn key_text(whole: &str) -> String {
    const LONGEST: usize = 1000;
    if whole.len() <= LONGEST {
        return whole.to_owned();
    }
    let kept = whole.floor_char_boundary(LONGEST);
    format!("{}#{}", &whole[..kept], digest_hex(&[whole]))
}

/// An item that was read, named for errors.
pub(super) struct Item {
    name: String,
    attributes: Attributes,
}

impl Item {
    pub(super) fn read(name: impl Into<String>, attributes: Attributes) -> Self {
        Self {
            name: name.into(),
            attributes,
        }
    }

    pub(super) fn get(&self, attribute: &str) -> Option<&AttributeValue> {
        self.attributes.get(attribute)
    }

    pub(super) fn text(&self, attribute: &str) -> Result<String, LedgerError> {
        self.optional_text(attribute)
            .ok_or_else(|| self.lacks(attribute, "text"))
    }

    pub(super) fn optional_text(&self, attribute: &str) -> Option<String> {
        self.get(attribute)?.as_s().ok().cloned()
    }

    pub(super) fn number<N: std::str::FromStr>(&self, attribute: &str) -> Result<N, LedgerError> {
        self.get(attribute)
            .and_then(|value| value.as_n().ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| self.lacks(attribute, "a number"))
    }

    /// Whether it only waits for DynamoDB to remove it.
    pub(super) fn is_expired(&self) -> bool {
        self.number(super::schema::TABLE.expires)
            .is_ok_and(|expires: i64| expires <= Timestamp::now().as_second())
    }

    fn lacks(&self, attribute: &str, kind: &str) -> LedgerError {
        LedgerError::Corrupt {
            key: self.name.clone(),
            reason: format!("its attribute `{attribute}` is not {kind}"),
        }
    }
}

/// Refuses what DynamoDB would refuse together with everything that is written beside it.
pub(super) fn check_size(name: &str, item: &Attributes) -> Result<(), LedgerError> {
    // <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>: names and values in UTF-8;
    // a number has at most 21 bytes.
    const LIMIT: usize = 400 * 1024;
    let size: usize = item
        .iter()
        .map(|(name, value)| name.len() + value.as_s().map_or(21, String::len))
        .sum();
    if size <= LIMIT {
        return Ok(());
    }
    Err(LedgerError::Corrupt {
        key: name.to_owned(),
        reason: format!("it is too large: {size} bytes, and an item in DynamoDB holds {LIMIT}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn different_texts_make_different_keys_that_fit(
            stem in "[a-zé#]{980,1010}", one in "[a-zé#]{0,40}", two in "[a-zé#]{0,40}",
        ) {
            let (one, two) = (format!("{stem}{one}"), format!("{stem}{two}"));
            prop_assert_eq!(one == two, key_text(&one) == key_text(&two));
            prop_assert!(key_text(&one).len() <= 2048);
            // Nor can the key of a long text be had by writing it out.
            prop_assert_eq!(key_text(&key_text(&one)) == key_text(&one), one.len() <= 1000);
        }
    }

    #[test]
    fn an_item_that_dynamodb_would_refuse_is_named_with_its_size() {
        let item = |bytes| Attributes::from([("body".to_owned(), text("x".repeat(bytes)))]);
        assert!(check_size("entry 7", &item(400 * 1024 - 4)).is_ok());
        let error = check_size("entry 7", &item(400 * 1024)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ledger: entry 7: it is too large: 409604 bytes, and an item in DynamoDB holds 409600"
        );
    }
}
