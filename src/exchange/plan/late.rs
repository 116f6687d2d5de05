//! Work that the page does not wait for: it runs in a task of its own from the start, and is looked at when it is due.
//!
//! In: a future. Out: its result, for any number of those who wait. It ends with the last of them. It must not know
//! deadlines; whoever waits has one.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::task::JoinHandle;

/// A result on its way. Cheap to clone; all clones are the same work.
pub struct Late<T>(Shared<BoxFuture<'static, Option<Arc<T>>>>);

impl<T> Clone for Late<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Late<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Late")
    }
}

impl<T: Send + Sync + 'static> Late<T> {
    /// Starts the work.
    pub fn start(work: impl Future<Output = T> + Send + 'static) -> Self {
        let mut task = Task(tokio::spawn(work));
        let waited = async move {
            let made = (&mut task.0).await;
            made.inspect_err(|error| tracing::error!(%error, "a part of the personalisation panicked"))
                .ok()
                .map(Arc::new)
        };
        Self(waited.boxed().shared())
    }

    /// The result, if it is here.
    pub fn here(&self) -> Option<Arc<T>> {
        self.0.clone().now_or_never().flatten()
    }

    /// Waits for the result; `None` if the work panicked.
    pub async fn wait(self) -> Option<Arc<T>> {
        self.0.await
    }
}

/// A task that ends when nobody waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
