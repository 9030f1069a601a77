//! Wrapping keys that count what they are asked for, and fail on purpose.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use segment_export::seal::{
    DataKey, EncryptionContext, KeyProvider, Keys, LocalKey, MessageReader, NewKey, OpenLimits, WrappedKey,
};
use segment_export::{Error, ErrorKind, Result};

/// A local key of 32 times this byte.
pub(crate) fn local_key(byte: u8) -> LocalKey {
    LocalKey::new(&[byte; 32]).unwrap()
}

/// A wrapping key that notes the objects that it makes data keys for, and fails for the nth.
#[derive(Debug)]
pub(crate) struct CountingKey {
    inner: LocalKey,
    fails_at: usize,
    asked: AtomicUsize,
    objects: Arc<Mutex<Vec<String>>>,
}

impl CountingKey {
    /// Fails when it is asked for the nth data key, counted from 1; 0: never.
    pub(crate) fn failing_at(nth: usize) -> Self {
        Self { inner: local_key(1), fails_at: nth, asked: AtomicUsize::new(0), objects: Arc::default() }
    }

    /// The objects that it was asked for, in the order of asking.
    pub(crate) fn objects(&self) -> Arc<Mutex<Vec<String>>> {
        Arc::clone(&self.objects)
    }
}

#[async_trait]
impl KeyProvider for CountingKey {
    fn key_id(&self) -> String {
        self.inner.key_id()
    }

    async fn generate_key(&self, context: &EncryptionContext) -> Result<NewKey> {
        self.objects.lock().unwrap().push(context.get("object").unwrap().to_owned());
        if self.asked.fetch_add(1, Ordering::SeqCst) + 1 == self.fails_at {
            let denied = std::io::Error::other("no such grant");
            return Err(Error::from_key_provider(ErrorKind::AccessDenied, denied));
        }
        self.inner.generate_key(context).await
    }

    async fn wrap_key(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey> {
        self.inner.wrap_key(key, context).await
    }

    async fn unwrap_key(&self, wrapped: &WrappedKey, context: &EncryptionContext) -> Result<Option<DataKey>> {
        self.inner.unwrap_key(wrapped, context).await
    }
}

/// The bytes of a sealed object in clear, and the context that it is bound to.
pub(crate) async fn opened(sealed: &[u8], keys: &Keys) -> Result<(Vec<u8>, EncryptionContext)> {
    let mut reader = MessageReader::new(OpenLimits::default());
    let Some(header) = reader.push(sealed)? else { return Err(reader.finish()) };
    let context = header.context().clone();
    let key = keys.open(header.wrapped_keys(), &context).await?;
    let mut plain = Vec::new();
    header.open(&key)?.finish(&mut plain)?;
    Ok((plain, context))
}
