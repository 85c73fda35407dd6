//! Work that keeps a processor busy for a while: writing transcripts, typesetting documents.
//!
//! As many at a time as there are processors, on threads of their own, and a bounded number that wait. A place is taken before
//! anything is loaded, so that who waits holds little, and there are never many of them.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinError,
};

/// How many may wait or work at a time.
const PLACES: usize = 64;

/// A bounded queue in front of the processors.
pub struct Processors {
    places: Arc<Semaphore>,
    processors: Arc<Semaphore>,
}

impl Default for Processors {
    fn default() -> Self {
        Self::new(PLACES, std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }
}

impl Processors {
    /// A queue of so many places in front of so many processors.
    pub fn new(places: usize, processors: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), processors: Arc::new(Semaphore::new(processors)) }
    }

    /// A place in the queue; none when all are taken.
    pub fn enter(&self) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { place, processors: Arc::clone(&self.processors) })
    }
}

/// A place in the queue.
pub struct Place {
    place: OwnedSemaphorePermit,
    processors: Arc<Semaphore>,
}

impl Place {
    /// Does the work when a processor is free.
    ///
    /// # Errors
    /// When the work panics.
    pub async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        let Self { place, processors } = self;
        // It is never closed.
        let processor = processors.acquire_owned().await.ok();
        tokio::task::spawn_blocking(move || {
            // Held by the work, not by the request: a client that leaves does not free a processor that is still busy.
            let _held = (place, processor);
            work()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn places_are_bounded_and_free_again_when_the_work_is_done() {
        let queue = Processors::new(2, 1);
        let (go, wait) = mpsc::channel::<()>();
        let first = tokio::spawn(queue.enter().expect("a place").work(move || wait.recv().is_ok()));
        let second = queue.enter().expect("a place");
        assert!(queue.enter().is_none(), "who waits takes a place, too");
        drop(second);
        let second = tokio::spawn(queue.enter().expect("a place").work(|| 2));
        // A client that leaves does not stop what has begun.
        go.send(()).expect("waited for");
        assert!(first.await.expect("joined").expect("done"));
        assert_eq!(second.await.expect("joined").expect("done"), 2);
        assert!(queue.enter().is_some() && Processors::default().enter().is_some());
    }
}
