//! The processor stage: the one place where tokio and rayon meet.
//!
//! [`ordered`] runs work on a pool of threads, so many items at once, and gives the results in the order of
//! the input. It does not know what the work is, and it counts no memory: the input stream waits for the
//! budget before it gives an item.
//!
//! Invariant: a panic in the work is an error of its item, and work that nobody waits for is not begun.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::{Stream, StreamExt};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

use crate::error::{Cause, Result};

/// The threads of one or several exports.
#[derive(Clone)]
pub(crate) struct Pool(Arc<ThreadPool>);

impl Pool {
    /// A pool of its own; 0 threads: as many as the machine has.
    pub(crate) fn new(threads: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("segment-export-{index}"))
            .build()
            .map_err(|source| Cause::Encode { source: source.into() })?;
        Ok(Self(Arc::new(pool)))
    }

    pub(crate) fn threads(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs a job some time, unless it panics: a panic ends the job and not the process.
    pub(crate) fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.0.spawn(move || {
            // Whoever waits for the job sees its channel closed; the panic hook has reported it.
            drop(catch_unwind(AssertUnwindSafe(job)));
        });
    }

    /// Runs work now and waits for it without blocking; the work is dropped unbegun if nobody waits any more.
    pub(crate) fn run<T, F>(&self, work: F) -> impl Future<Output = Result<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.spawn(move || {
            if !sender.is_closed() {
                // A receiver that went away while the work ran does not want the result.
                drop(sender.send(work()));
            }
        });
        async move { receiver.await.unwrap_or_else(|_closed| Err(Cause::Panicked.into())) }
    }
}

impl From<Arc<ThreadPool>> for Pool {
    fn from(pool: Arc<ThreadPool>) -> Self {
        Self(pool)
    }
}

impl From<Pool> for Arc<ThreadPool> {
    fn from(pool: Pool) -> Self {
        pool.0
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish()
    }
}

/// Works on `at_once` items of the input at a time; the results come in the order of the input.
///
/// An error of the input takes its place in the order.
pub(crate) fn ordered<T, U, F>(
    pool: Pool,
    at_once: usize,
    input: impl Stream<Item = Result<T>> + Send,
    work: F,
) -> impl Stream<Item = Result<U>> + Send
where
    T: Send + 'static,
    U: Send + 'static,
    F: Fn(T) -> Result<U> + Send + Sync + 'static,
{
    let work = Arc::new(work);
    input
        .map(move |item| {
            let work = Arc::clone(&work);
            pool.run(move || item.and_then(|item| work(item)))
        })
        .buffered(at_once.max(1))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use futures::{TryStreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn results_come_in_the_order_of_the_input() {
        let pool = Pool::new(4).unwrap();
        let input = stream::iter((0..200_u64).map(Ok));
        let work = |n: u64| {
            std::thread::sleep(std::time::Duration::from_micros(n * 37 % 100));
            Ok(n)
        };
        let output: Vec<u64> = ordered(pool, 8, input, work).try_collect().await.unwrap();
        assert_eq!(output, (0..200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_item() {
        let pool = Pool::new(1).unwrap();
        let work = |n: i32| if n == 1 { panic!("the work failed") } else { Ok(n) };
        let output: Vec<_> = ordered(pool, 2, stream::iter([Ok(0), Ok(1), Ok(2)]), work).collect().await;
        assert!(matches!(output[1].as_ref().unwrap_err().cause(), Cause::Panicked));
        assert!(output[0].is_ok() && output[2].is_ok());
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_not_begun() {
        let pool = Pool::new(1).unwrap();
        let begun = Arc::new(AtomicUsize::new(0));
        let (release, gate) = mpsc::channel::<()>();
        pool.spawn(move || {
            let _released = gate.recv();
        });
        let count = Arc::clone(&begun);
        let work = move |()| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        let mut output = Box::pin(ordered(pool.clone(), 4, stream::iter([Ok(()), Ok(()), Ok(())]), work));
        assert!(futures::poll!(output.next()).is_pending());
        drop(output);
        release.send(()).unwrap();
        pool.run(|| Ok(())).await.unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    }
}
