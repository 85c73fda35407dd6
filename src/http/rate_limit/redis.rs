//! Counting across nodes, in Redis (contract 12).

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use redis::{
    Client, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use super::{Bucket, InProcess, RateLimiter, WINDOW};

/// Counts in Redis, and in this process while Redis does not answer: a node then limits on its own, which is too
/// generous by the number of nodes, and never refuses everybody.
pub struct Shared {
    connection: ConnectionManager,
    script: Script,
    fallback: InProcess,
    /// When Redis is asked again after it failed: an outage must not make every request wait for a timeout.
    retry_at: Mutex<Instant>,
}

const PAUSE: Duration = Duration::from_secs(1);

/// Increments and sets the expiry in one step, so that no counter can be left behind for ever.
const COUNT: &str = "
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return count
";

impl Shared {
    /// Connects when it is first needed, and again whenever the connection is lost.
    ///
    /// # Errors
    /// When the URL is not one of Redis.
    pub fn new(url: &str) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(Duration::from_millis(500)))
            .set_response_timeout(Some(Duration::from_millis(250)));
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?,
            script: Script::new(COUNT),
            fallback: InProcess::default(),
            retry_at: Mutex::new(Instant::now()),
        })
    }

    async fn ask(&self, bucket: Bucket, window: u64, cost: u32) -> RedisResult<u32> {
        let mut connection = self.connection.clone();
        // Two windows of life, for nodes whose clocks differ a little.
        self.script.key(key(bucket, window)).arg(cost).arg(2 * WINDOW).invoke_async(&mut connection).await
    }
}

fn key(bucket: Bucket, window: u64) -> String {
    let name = match bucket {
        Bucket::Key(id) => id.to_string(),
        Bucket::Address(address) => format!("address:{address}"),
        Bucket::Participant(address) => format!("participant:{address}"),
        Bucket::Mail(address) => format!("mail:{address}"),
        Bucket::Session(id) => id.to_string(),
    };
    format!("relay:rate:{window}:{name}")
}

impl RateLimiter for Shared {
    fn count(&self, bucket: Bucket, window: u64, cost: u32) -> BoxFuture<'_, u32> {
        Box::pin(async move {
            // Counted here as well, so that an outage does not hand everybody a fresh window.
            let local = self.fallback.add(bucket, window, cost);
            if Instant::now() < *self.retry_at.lock() {
                return local;
            }
            match self.ask(bucket, window, cost).await {
                // A Redis that was lost and came back empty knows of less than this process alone has counted.
                Ok(count) => count.max(local),
                Err(error) => {
                    *self.retry_at.lock() = Instant::now() + PAUSE;
                    metrics::counter!("rate_limit_redis_failures_total").increment(1);
                    tracing::warn!(%error, "Redis does not count; counting in this process");
                    local
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use aggregates::id::{ApiKeyId, Id as _};

    use super::*;

    #[tokio::test]
    async fn without_redis_the_process_counts() {
        // Nothing listens on the discard port.
        let limiter = Shared::new("redis://127.0.0.1:9").expect("a valid URL");
        let bucket = Bucket::address(Ipv4Addr::LOCALHOST.into());
        assert_eq!(limiter.count(bucket, 60, 1).await, 1);
        assert_eq!(limiter.count(bucket, 60, 1).await, 2);
        assert!(Shared::new("amqp://x").is_err());
    }

    #[tokio::test]
    async fn nodes_share_a_count() {
        let url =
            std::env::var("RELAY_TEST_REDIS_URL").expect("RELAY_TEST_REDIS_URL: run the tests with ./scripts/test");
        let (one, two) = (Shared::new(&url).expect("a valid URL"), Shared::new(&url).expect("a valid URL"));
        let bucket = Bucket::Key(ApiKeyId::from_uuid(uuid::Uuid::from_u128(rand::random())));
        assert_eq!(one.count(bucket, 60, 1).await, 1);
        assert_eq!(two.count(bucket, 60, 1).await, 2);
        assert_eq!(one.count(bucket, 60, 0).await, 2);
        assert_eq!(two.count(bucket, 120, 1).await, 1);

        // Redis forgets, and nobody gets a fresh window by that.
        assert_eq!(one.count(bucket, 180, 1).await, 1);
        assert_eq!(one.count(bucket, 180, 1).await, 2);
        let mut connection = one.connection.clone();
        let forgotten: u32 =
            redis::cmd("DEL").arg(key(bucket, 180)).query_async(&mut connection).await.expect("deleted");
        assert_eq!(forgotten, 1);
        assert_eq!(one.count(bucket, 180, 1).await, 3);
        assert_eq!(two.count(bucket, 180, 1).await, 2);
    }
}
