//! How long a peer may take none of what is sent to it.
//!
//! hyper waits for ever for a reader that has stopped reading. It is below TLS, so that what counts is whether the peer's
//! machine takes bytes, however much of an answer there still is.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// A connection that fails once writing has stood still for too long.
pub(super) struct Unstalled<IO> {
    io: IO,
    patience: Duration,
    /// Runs while bytes wait to be taken.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<IO> Unstalled<IO> {
    pub fn new(io: IO, patience: Duration) -> Self {
        Self { io, patience, timer: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.timer = None;
            return written;
        }
        let patience = self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Unstalled<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Unstalled<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.watch(cx, written)
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn whoever_takes_nothing_any_more_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(10);
        let mut ours = Unstalled::new(ours, Duration::from_millis(50));
        let writing = tokio::spawn(async move { ours.write_all(&[7; 1_000]).await.map_err(|error| error.kind()) });
        assert_eq!(theirs.read_u8().await.expect("a byte"), 7);
        assert_eq!(writing.await.expect("joined"), Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn whoever_takes_everything_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(10);
        let mut ours = Unstalled::new(ours, Duration::from_secs(3_600));
        let writing = tokio::spawn(async move { ours.write_all(&[7; 1_000]).await.map(|()| ours.timer.is_some()) });
        for _ in 0..1_000 {
            assert_eq!(theirs.read_u8().await.expect("a byte"), 7);
        }
        assert!(!writing.await.expect("joined").expect("written"), "no timer runs when all is written");
    }
}
