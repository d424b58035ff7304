//! AWS.
use crate::secret::{SecretError, SecretRef};
use secrecy::SecretString;
pub(crate) async fn secret(reference: &SecretRef) -> Result<SecretString, SecretError> {
    Err(SecretError::NotBuilt {
        reference: reference.clone(),
    })
}
