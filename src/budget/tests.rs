use futures::FutureExt;

use super::*;

fn row(row: u64) -> impl FnOnce() -> (String, u64) + Send {
    move || ("Name".to_owned(), row)
}

#[tokio::test]
async fn bytes_beyond_the_budget_wait_for_a_hold_to_end() {
    let budget = Budget::new(100);
    let account = budget.account(10, 0).await.unwrap();
    let first = account.hold(80, row(0)).await.unwrap();
    assert!(account.hold(30, row(1)).now_or_never().is_none(), "30 more do not fit");
    drop(first);
    account.hold(30, row(1)).await.unwrap();
    assert_eq!(budget.peak(), 80);
}

#[tokio::test]
async fn what_can_never_fit_is_an_error_that_names_the_row() {
    let account = Budget::new(100).account(10, 0).await.unwrap();
    let error = account.hold(101, row(7)).await.unwrap_err();
    assert!(error.to_string().ends_with("needed=101 available=100 column=`Name` row=7"), "{error}");
}

#[tokio::test]
async fn two_accounts_can_both_use_their_floors() {
    let budget = Budget::new(100);
    let one = budget.account(40, 0).await.unwrap();
    let two = budget.account(40, 0).await.unwrap();
    let held = one.hold(60, row(0)).await.unwrap();
    let own = two.hold(40, row(0)).now_or_never().expect("the floor is free").unwrap();
    assert!(two.hold(1, row(0)).now_or_never().is_none(), "nothing is left beside the floors");
    drop((held, own));
    assert!(budget.account(90, 0).now_or_never().is_none(), "floors of living accounts stay theirs");
    drop((one, two));
    budget.account(90, 0).await.unwrap();
}

#[tokio::test]
async fn no_hold_can_ask_for_the_reserve() {
    let account = Budget::new(100).account(50, 40).await.unwrap();
    let reserve = account.hold_reserve(40);
    assert!(account.hold(61, row(0)).await.is_err());
    assert!(
        account.hold(60, row(0)).now_or_never().is_some(),
        "what may be asked for is free beside the reserve"
    );
    drop(reserve);
}

#[tokio::test]
async fn what_exists_is_counted_even_beyond_the_budget() {
    let budget = Budget::new(100);
    let account = budget.account(0, 0).await.unwrap();
    let mut hold = account.hold(50, row(0)).await.unwrap();
    hold.resize(120);
    assert_eq!(budget.peak(), 120);
    assert!(account.hold(1, row(0)).now_or_never().is_none());
    hold.resize(10);
    assert!(account.hold(90, row(0)).now_or_never().is_some());
}
