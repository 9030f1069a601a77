//! The wrapping keys of an export: one that makes data keys, and further ones that can open them as well.

use std::sync::Arc;

use super::context::EncryptionContext;
use super::key::{DataKey, KeyProvider, WrappedKey};
use crate::error::{Cause, Error, Result};

/// One or several wrapping keys; each of them alone opens what is sealed.
#[derive(Clone, Debug)]
pub struct Keys {
    first: Arc<dyn KeyProvider>,
    further: Vec<Arc<dyn KeyProvider>>,
}

impl Keys {
    /// Data keys are made by this provider.
    pub fn new(provider: impl KeyProvider) -> Self {
        Self { first: Arc::new(provider), further: Vec::new() }
    }

    /// Wraps each data key by one more key.
    #[must_use]
    pub fn with_further(mut self, provider: impl KeyProvider) -> Self {
        self.further.push(Arc::new(provider));
        self
    }

    /// What the manifest calls the key that makes data keys.
    pub fn key_id(&self) -> String {
        self.first.key_id()
    }

    /// Makes a data key and wraps it by every key.
    ///
    /// # Errors
    ///
    /// When a provider fails.
    pub async fn generate(&self, context: &EncryptionContext) -> Result<(DataKey, Vec<WrappedKey>)> {
        let new = self.first.generate_key(context).await?;
        let mut wrapped = vec![new.wrapped];
        for provider in &self.further {
            wrapped.push(provider.wrap_key(&new.key, context).await?);
        }
        Ok((new.key, wrapped))
    }

    /// Opens the first of these wrapped keys that one of the providers can open.
    ///
    /// # Errors
    ///
    /// When none can be opened: the first failure of a provider, if one failed.
    pub async fn open(&self, wrapped: &[WrappedKey], context: &EncryptionContext) -> Result<DataKey> {
        let mut failure: Option<Error> = None;
        for provider in std::iter::once(&self.first).chain(&self.further) {
            for key in wrapped {
                match provider.unwrap_key(key, context).await {
                    Ok(Some(key)) => return Ok(key),
                    Ok(None) => {}
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
        }
        Err(failure.unwrap_or_else(|| Cause::Sealed { problem: "it is sealed for other keys" }.into()))
    }
}

impl<K: KeyProvider> From<K> for Keys {
    fn from(provider: K) -> Self {
        Self::new(provider)
    }
}
