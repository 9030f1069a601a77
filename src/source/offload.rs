//! Work for the processor, off the async threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Cause, Result};
use crate::source::Executor;

/// Starts `work` on the executor; the future tells its result.
///
/// Work that has not begun when the future is dropped is not done. A panic becomes an error.
pub(super) fn offload<T, W>(
    executor: &Executor,
    work: W,
) -> impl Future<Output = Result<T>> + Send + use<T, W>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    start(executor, |sender| run(sender, work))
}

/// Starts `work` that may wait for tasks of `runtime`.
///
/// It never waits on a thread that the runtime needs: an executor may run its jobs on the thread that polls,
/// and then the work goes to the runtime's threads for blocking work.
pub(super) fn offload_waiting<T, W>(
    executor: &Executor,
    runtime: &Handle,
    work: W,
) -> impl Future<Output = Result<T>> + Send + use<T, W>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    let runtime = runtime.clone();
    start(executor, move |sender| {
        if Handle::try_current().is_ok() {
            runtime.spawn_blocking(move || run(sender, work));
        } else {
            run(sender, work);
        }
    })
}

fn start<T, J>(executor: &Executor, job: J) -> impl Future<Output = Result<T>> + Send + use<T, J>
where
    T: Send + 'static,
    J: FnOnce(oneshot::Sender<Result<T>>) + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    executor.execute(move || job(sender));
    async { receiver.await.unwrap_or_else(|_| Err(Cause::Panicked.into())) }
}

fn run<T>(sender: oneshot::Sender<Result<T>>, work: impl FnOnce() -> T) {
    if sender.is_closed() {
        return;
    }
    // What a panic says may hold a value of a profile: it is not passed on.
    let result = catch_unwind(AssertUnwindSafe(work)).ok().ok_or_else(|| Cause::Panicked.into());
    // Nobody waits any more: the reader was dropped meanwhile.
    drop(sender.send(result));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::source::Job;

    #[tokio::test]
    async fn a_panic_is_an_error_and_not_a_hang() {
        let work = offload(&Executor::inline(), || -> () { panic!("a broken page") });
        let error: crate::Error = work.await.unwrap_err();
        assert_eq!(error.to_string(), "a stage panicked");
    }

    #[tokio::test]
    async fn a_job_that_is_lost_is_an_error_and_not_a_hang() {
        let work = offload(&Executor::new(drop), || ());
        assert_eq!(work.await.unwrap_err().to_string(), "a stage panicked");
    }

    #[test]
    fn work_that_nobody_waits_for_is_not_begun() {
        let queue: Arc<Mutex<Vec<Job>>> = Arc::default();
        let later = Arc::clone(&queue);
        let executor = Executor::new(move |job| later.lock().unwrap().push(job));
        drop(offload(&executor, || panic!("begun")));
        let jobs = std::mem::take(&mut *queue.lock().unwrap());
        assert_eq!(jobs.len(), 1);
        for job in jobs {
            job();
        }
    }
}
