//! The version of an object as one text, and as a store wants it.

use object_store::UpdateVersion;

use super::super::Version;
use crate::error::{Cause, Result};

/// Both in one text: S3 and Azure compare `ETag`s, Google compares generations.
pub(super) fn version(e_tag: Option<String>, version: Option<String>) -> Version {
    Version(format!("{}\n{}", e_tag.unwrap_or_default(), version.unwrap_or_default()))
}

pub(super) fn update_version(text: &Version, name: &str) -> Result<UpdateVersion> {
    let Some((e_tag, version)) = text.0.split_once('\n') else {
        let (what, name) = ("the version of an object", name.to_owned());
        return Err(Cause::Malformed { what, name, source: "it has no two lines".into() }.into());
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(UpdateVersion { e_tag: some(e_tag), version: some(version) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_back_as_it_was() {
        let both = update_version(&version(Some("\"a\"".to_owned()), Some("7".to_owned())), "x").unwrap();
        assert_eq!((both.e_tag.as_deref(), both.version.as_deref()), (Some("\"a\""), Some("7")));
        let tag = update_version(&version(Some("\"a\"".to_owned()), None), "x").unwrap();
        assert_eq!((tag.e_tag.as_deref(), tag.version), (Some("\"a\""), None));
    }
}
