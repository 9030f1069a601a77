//! ORC as a foreign reader finds it: nested columns of any shape and form, with nulls at every level.

mod cases;
mod file;

use proptest::prelude::*;
use segment_export::Format;
use segment_export::encode::encoder_for;

use self::model::Draw;
use crate::encode::{arrays, model};

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_reads_back_and_its_form_changes_no_byte(
        what in prop::collection::vec(any::<u8>(), 0..1_000),
        form in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        file::check(&what, &form);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_row_groups_read_back_whatever_the_number_of_threads(
        what in prop::collection::vec(any::<u8>(), 100..1_000),
        form in prop::collection::vec(any::<u8>(), 0..4_000),
    ) {
        let mut what = Draw(&what);
        let settings = cases::settings(&mut what);
        let mut case = cases::draw(&mut what);
        case.rows.retain(|row| {
            !case.fields.iter().zip(row).any(|((_, of), value)| cases::holds_lost_time(of, value))
        });
        let few = case.rows.len();
        case.rows = case.rows.into_iter().cycle().take(if few == 0 { 0 } else { 4_321 }).collect();

        let encoder = encoder_for(Format::Orc, &arrays::schema(&case), &settings).unwrap();
        let batches = arrays::batches(&case, &mut Draw(&form));
        let written = [1, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| file::write(&*encoder, &batches, 2_000)).unwrap()
        });
        prop_assert!(written[0] == written[1], "more threads gave other bytes");
        let [file, _] = written;
        file::compare(&case, file::read(&case.fields, file));
    }
}
