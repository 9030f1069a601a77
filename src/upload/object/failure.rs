//! What an error of a store means.

use std::error::Error as StdError;

use object_store::Error as StoreError;

use super::super::retry::Failure;
use crate::error::{Cause, Error, ErrorKind, store_kind};

/// An error about an object, of the kind of what failed.
pub(super) fn fail(operation: &'static str, name: &str, failure: Failure) -> Error {
    match failure {
        Failure::TimedOut => Cause::TimedOut { operation }.into(),
        Failure::Store(error) => {
            let kind = if names_missing_container(&error) {
                ErrorKind::ResourceNotFound
            } else {
                store_kind(&error)
            };
            let name = name.to_owned();
            Cause::Store { operation, name, kind, source: error.into() }.into()
        }
    }
}

/// Whether who asks may not know, or the store cannot tell.
pub(super) fn is_untold(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::PermissionDenied { .. }
            | StoreError::Unauthenticated { .. }
            | StoreError::NotSupported { .. }
    )
}

/// Whether there is no such object or upload; a container that does not exist is another matter.
pub(super) fn is_gone(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { .. }) && !names_missing_container(error)
}

/// `object_store` has no variant for it: the code is in the answer's text.
fn names_missing_container(error: &StoreError) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if ["NoSuchBucket", "ContainerNotFound"].iter().any(|code| text.contains(code)) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_bucket_is_not_a_missing_object() {
        let missing = |text: &str| StoreError::NotFound { path: "x".to_owned(), source: text.into() };
        assert!(is_gone(&missing("<Code>NoSuchKey</Code>")));
        assert!(!is_gone(&missing("<Code>NoSuchBucket</Code>")));
    }
}
