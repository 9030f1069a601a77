//! What the crate promises, module by module.

mod encode;
mod golden;
