//! Where the texts of an array lie, in either form.
//!
//! Which of two places it is changes from row to row in no order: a jump would be guessed wrong, and while it is, no
//! other text is on its way from memory. So nothing here jumps.

use std::array;
use std::hint::select_unpredictable;
use std::ops::Range;

use arrow::array::{ByteView, GenericStringArray, OffsetSizeTrait, StringViewArray};
use arrow::buffer::Buffer;

/// A text: how long it is, and what it lies in from its beginning on; a copy may take along what comes behind it.
pub(crate) type Place<'a> = (&'a [u8], usize);

/// An array of texts.
pub(crate) trait Places: Send + Sync {
    /// The text of a row; any, where the row is not valid.
    fn place(&self, row: usize) -> Place<'_>;

    /// The length of the text of a row; any, where the row is not valid.
    fn len(&self, row: usize) -> usize;

    /// The length of the longest text of some rows, valid or not.
    fn longest(&self, rows: Range<usize>) -> usize {
        rows.map(|row| self.len(row)).max().unwrap_or(0)
    }
}

/// Texts that lie one after the other.
impl<O: OffsetSizeTrait> Places for GenericStringArray<O> {
    #[inline]
    fn place(&self, row: usize) -> Place<'_> {
        let from = self.value_offsets()[row].as_usize();
        (&self.value_data()[from..], Places::len(self, row))
    }

    #[inline]
    fn len(&self, row: usize) -> usize {
        let offsets = self.value_offsets();
        (offsets[row + 1] - offsets[row]).as_usize()
    }
}

/// The bytes that a view holds itself, and where they begin in it.
const INLINE: usize = 12;
const TEXT: usize = 4;

/// Texts that lie anywhere, short ones in the view itself.
impl Places for StringViewArray {
    #[inline]
    fn place(&self, row: usize) -> Place<'_> {
        let views = self.views();
        let ByteView { length, buffer_index, offset, .. } = ByteView::from(views[row]);
        let len = length as usize;
        let is_own = len <= INLINE;
        let own = views.inner().as_slice();
        let buffer = select_unpredictable(is_own, 0, buffer_index as usize);
        let far = self.data_buffers().get(buffer).map_or(own, Buffer::as_slice);
        let from = select_unpredictable(is_own, row * size_of::<u128>() + TEXT, offset as usize);
        (&select_unpredictable(is_own, own, far)[from..], len)
    }

    #[inline]
    fn len(&self, row: usize) -> usize {
        ByteView::from(self.views()[row]).length as usize
    }

    fn longest(&self, rows: Range<usize>) -> usize {
        // Four at a time: each of them waits for the one before it.
        let (fours, rest) = self.views()[rows].as_chunks::<4>();
        let length = |view: &u128| ByteView::from(*view).length;
        let longest = fours
            .iter()
            .fold([0; 4], |longest, views| array::from_fn(|at| longest[at].max(length(&views[at]))));
        longest.into_iter().chain(rest.iter().map(length)).max().unwrap_or(0) as usize
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{LargeStringArray, StringArray};

    use super::*;

    fn check(places: &dyn Places, texts: &[Option<String>]) {
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            let (found, len) = places.place(row);
            assert_eq!((&found[..len], places.len(row)), (text.as_bytes(), text.len()));
        }
        let longest = texts.iter().flatten().map(String::len).max().unwrap_or(0);
        assert_eq!(places.longest(0..texts.len()), longest);
    }

    #[test]
    fn texts_are_found_in_every_form_and_slice() {
        let long = "abcdefgh".repeat(40);
        for step in [1, 5, 40] {
            let text = |row: usize| (row % 3 != 1).then(|| long[..row * step % 41].to_owned());
            let texts: Vec<_> = (0..40).map(text).collect();
            for from in [0, 7] {
                let rest = &texts[from..];
                check(&StringArray::from(texts.clone()).slice(from, rest.len()), rest);
                check(&LargeStringArray::from(texts.clone()).slice(from, rest.len()), rest);
                check(&texts.iter().collect::<StringViewArray>().slice(from, rest.len()), rest);
            }
        }
    }
}
