//! How long a connection may take over the head of a request.
//!
//! hyper's own timeout also counts the silence between two requests, so it cannot be short without cutting off every
//! pooled connection. This one counts from the first byte of a head until the request is handed on.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// How many requests of a connection have been handed on, and how many of them answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    started: AtomicU64,
    answered: AtomicU64,
}

impl Progress {
    /// The head of a request is complete.
    pub fn start(&self) {
        self.0.started.fetch_add(1, Ordering::Relaxed);
    }

    /// The request has been answered.
    pub fn answer(&self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }

    fn started(&self) -> u64 {
        self.0.started.load(Ordering::Relaxed)
    }

    fn between_requests(&self) -> bool {
        self.started() == self.0.answered.load(Ordering::Relaxed)
    }
}

/// A connection that runs out of patience with a slow head.
pub(super) struct Patient<IO> {
    io: IO,
    progress: Progress,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    /// The number of requests before the head that is being waited for; `None` when none is.
    waiting_for: Option<u64>,
}

impl<IO> Patient<IO> {
    /// The first head is waited for from now on; a new connection has no right to be idle.
    pub fn new(io: IO, progress: Progress, patience: Duration) -> Self {
        Self { io, progress, patience, timer: Box::pin(tokio::time::sleep(patience)), waiting_for: Some(0) }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Patient<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.waiting_for.is_some_and(|number| number != this.progress.started()) {
            this.waiting_for = None;
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buffer) {
            Poll::Pending if this.waiting_for.is_some() => {
                this.timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                if this.waiting_for.is_none() && this.progress.between_requests() {
                    this.waiting_for = Some(this.progress.started());
                    this.timer.as_mut().reset(Instant::now() + this.patience);
                }
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Patient<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
