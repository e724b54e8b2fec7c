//! Where the sources are.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the checkout: the nearest directory above the current one that holds the stack's
/// sources, or else the one this was built from.
#[must_use]
pub fn checkout() -> PathBuf {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fallback = built_from.ancestors().nth(2).unwrap_or(built_from);
    env::current_dir()
        .ok()
        .and_then(|here| {
            here.ancestors().find(|dir| dir.join("compose/stack/Cargo.toml").is_file()).map(Path::to_owned)
        })
        .unwrap_or_else(|| fallback.to_owned())
}
