//! What the environment tells the clients of object stores; the library itself reads none.

use segment_export::StoreOptions;

/// The variables that object stores know, by what they begin with.
const PREFIXES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// The variables of the environment that are about object stores.
pub(crate) fn store_options() -> StoreOptions {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        let wanted = !value.is_empty() && PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        wanted.then(|| (name.to_ascii_lowercase(), value))
    });
    StoreOptions::from_pairs(variables)
}
