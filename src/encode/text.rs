//! The text of values, shared by CSV and JSON lines: a number has one spelling.
//!
//! A column is written block of rows by block of rows into [`cells::Cells`], and cells are joined to rows
//! with plain copies. What surrounds a value (separators, keys, quotes) is settled in a [`node::Node`] when
//! the encoder is made; which loop writes a column is settled once per batch from the array's own type. This
//! module knows no file: heads, line ends and chunks are of `csv` and `jsonl`.
//!
//! Invariant: a column that fills rows `a..b` without a problem closes exactly `b - a` cells.

pub(crate) mod block;
pub(crate) mod cells;
pub(crate) mod chunk;
pub(crate) mod column;
pub(crate) mod copy;
pub(crate) mod desk;
pub(crate) mod entries;
pub(crate) mod escape;
pub(crate) mod frame;
pub(crate) mod join;
pub(crate) mod level;
pub(crate) mod memo;
pub(crate) mod nested;
pub(crate) mod node;
pub(crate) mod number;
pub(crate) mod packed;
pub(crate) mod pen;
pub(crate) mod places;
pub(crate) mod plain;
pub(crate) mod rewrite;
pub(crate) mod scalar;
pub(crate) mod slots;
pub(crate) mod span;
pub(crate) mod string;
pub(crate) mod structs;
pub(crate) mod temporal;
pub(crate) mod time;
pub(crate) mod union;
pub(crate) mod valid;
