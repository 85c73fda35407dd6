-- The log: every event of every organization, in commit order.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    org_seq INTEGER NOT NULL,
    stream_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    schema INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    subject_id TEXT,
    meta TEXT NOT NULL,
    data TEXT NOT NULL,
    leaf_hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_stream ON events (stream_id, version);
CREATE UNIQUE INDEX events_by_org ON events (org_id, org_seq);

-- One row: the position of the last event, and how many batches have been written: a batch may remember answers and
-- append nothing, and must be noticed all the same. Writers on several nodes take turns on it.
CREATE TABLE log_head (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    position INTEGER NOT NULL,
    batch INTEGER NOT NULL
) STRICT;
INSERT INTO log_head (singleton, position, batch) VALUES (1, 0, 0);

-- The last org_seq of each organization.
CREATE TABLE org_heads (
    org_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of organizations, wrapped by the master key.
CREATE TABLE organization_keys (
    org_id TEXT PRIMARY KEY,
    wrapped_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of data subjects, wrapped by their organization's key. Deleting a row erases the person from the log.
CREATE TABLE subjects (
    id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL,
    lookup TEXT NOT NULL,
    wrapped_key BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX subjects_by_lookup ON subjects (lookup);

-- Answers to requests with an Idempotency-Key, sealed. Rows lie in order of time; only a slim index is in random order.
CREATE TABLE idempotency (
    id TEXT PRIMARY KEY,
    lookup TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    reply BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_lookup ON idempotency (lookup);

-- Durable subscribers: how far they are, and which node runs them.
CREATE TABLE subscriptions (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    owner TEXT NOT NULL,
    leased_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a subscriber failed on repeatedly and went past.
CREATE TABLE parked (
    id TEXT PRIMARY KEY,
    subscription TEXT NOT NULL,
    position INTEGER NOT NULL,
    error TEXT NOT NULL,
    parked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is due when. The id begins with the time, so rows lie in the order in which they fall due.
CREATE TABLE timers (
    id TEXT PRIMARY KEY,
    due_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    org_id TEXT NOT NULL,
    stream_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- When each API key was last used; written now and then, not an event.
CREATE TABLE api_key_uses (
    key_id TEXT PRIMARY KEY,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
