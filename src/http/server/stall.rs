//! How long a peer may take none of what is sent to it, and how long it has to take the last of it.
//!
//! hyper waits for ever for a reader that has stopped reading. It is below TLS, so that what counts is whether the peer's
//! machine takes bytes, however much of an answer there still is.
//!
//! A connection that is closed while the peer still sends, such as a body that was refused for its size, is reset, and the
//! peer may lose the answer that says why. So what it sends after the last answer is read for a while, and thrown away.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// How long a peer has to read its last answer and to close the connection.
const LINGER: Duration = Duration::from_secs(2);

/// A connection that fails once writing has stood still for too long, and lingers when it is closed.
pub(super) struct Unstalled<IO> {
    io: IO,
    patience: Duration,
    linger: Duration,
    /// Runs while bytes wait to be taken.
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs once nothing more is sent.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<IO> Unstalled<IO> {
    pub fn new(io: IO, patience: Duration) -> Self {
        Self { io, patience, linger: LINGER, timer: None, lingering: None }
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

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Unstalled<IO> {
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
        let Self { io, linger, lingering, .. } = &mut *self;
        if lingering.is_none() {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
        }
        let timer = lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(*linger)));
        let mut thrown_away = [0; 8 << 10];
        loop {
            let mut buffer = ReadBuf::new(&mut thrown_away);
            match Pin::new(&mut *io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return timer.as_mut().poll(cx).map(Ok),
            }
        }
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
        // Only so that a broken test ends.
        let written = tokio::time::timeout(Duration::from_secs(60), writing).await.expect("it gives up");
        assert_eq!(written.expect("joined"), Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn whoever_still_sends_is_listened_to_for_a_while() {
        let (ours, mut theirs) = tokio::io::duplex(10);
        let mut ours = Unstalled::new(ours, Duration::from_secs(3_600));
        let closing = tokio::spawn(async move { ours.shutdown().await });
        theirs.write_all(&[7; 1_000]).await.expect("all of it is taken");
        assert_eq!(theirs.read(&mut [0]).await.expect("an end"), 0, "nothing more comes");
        assert!(!closing.is_finished(), "there could be more");
        drop(theirs);
        closing.await.expect("joined").expect("closed");

        let (ours, mut theirs) = tokio::io::duplex(10);
        let mut ours =
            Unstalled { linger: Duration::from_millis(50), ..Unstalled::new(ours, Duration::from_secs(3_600)) };
        let closing = tokio::spawn(async move { ours.shutdown().await.map(|()| drop(ours)) });
        while theirs.write_all(&[7; 10]).await.is_ok() {}
        closing.await.expect("joined").expect("closed, although more could have come");
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
