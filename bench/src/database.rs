//! Fresh databases on the bench's PostgreSQL.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::http::Result;

/// Creates an empty database and returns its URL; one of this name from an earlier cell is dropped.
pub async fn create(server_url: &str, name: &str) -> Result<String> {
    let mut connection = PgConnection::connect(server_url).await.map_err(|error| error.to_string())?;
    for statement in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        connection.execute(AssertSqlSafe(statement)).await.map_err(|error| error.to_string())?;
    }
    // What the last cell left to be written must not be written during the next one.
    connection.execute("CHECKPOINT").await.map_err(|error| error.to_string())?;
    Ok(url_of(server_url, name))
}

/// Drops it, so that its checkpoint and vacuum work is not done during later cells.
pub async fn remove(server_url: &str, name: &str) -> Result<()> {
    let mut connection = PgConnection::connect(server_url).await.map_err(|error| error.to_string())?;
    let statement = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    connection.execute(statement).await.map_err(|error| error.to_string())?;
    Ok(())
}

/// What autovacuum does within minutes on a server that lives longer than a benchmark.
pub async fn settle(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await.map_err(|error| error.to_string())?;
    for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
        connection.execute(statement).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The same server and credentials, another database.
pub fn url_of(server_url: &str, database: &str) -> String {
    let (address, query) = server_url.split_once('?').unwrap_or((server_url, ""));
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..].find('/').map_or(address.len(), |at| host + at);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{}/{database}{query}", &address[..end])
}
