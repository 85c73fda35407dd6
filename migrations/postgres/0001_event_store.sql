-- The log: every event of every organization, in commit order.
CREATE TABLE events (
    position BIGINT PRIMARY KEY,
    event_id TEXT COLLATE "C" NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    org_seq BIGINT NOT NULL,
    stream_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    schema BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    subject_id TEXT COLLATE "C",
    meta TEXT NOT NULL,
    data TEXT NOT NULL,
    leaf_hash BYTEA NOT NULL
);
CREATE UNIQUE INDEX events_by_stream ON events (stream_id, version);
CREATE UNIQUE INDEX events_by_org ON events (org_id, org_seq);

-- One row: the position of the last event, and how many batches have been written: a batch may remember answers and
-- append nothing, and must be noticed all the same. Writers on several nodes take turns on it.
CREATE TABLE log_head (
    singleton BIGINT PRIMARY KEY CHECK (singleton = 1),
    position BIGINT NOT NULL,
    batch BIGINT NOT NULL
);
ALTER TABLE log_head SET (fillfactor = 10);
INSERT INTO log_head (singleton, position, batch) VALUES (1, 0, 0);

-- The last org_seq of each organization.
CREATE TABLE org_heads (
    org_id TEXT COLLATE "C" PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- Keys of organizations, wrapped by the master key.
CREATE TABLE organization_keys (
    org_id TEXT COLLATE "C" PRIMARY KEY,
    wrapped_key BYTEA NOT NULL
);

-- Keys of data subjects, wrapped by their organization's key. Deleting a row erases the person from the log.
CREATE TABLE subjects (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    lookup TEXT COLLATE "C" NOT NULL,
    wrapped_key BYTEA NOT NULL
);
CREATE UNIQUE INDEX subjects_by_lookup ON subjects (lookup);

-- Answers to requests with an Idempotency-Key, sealed. Rows lie in order of time; only a slim index is in random order.
CREATE TABLE idempotency (
    id TEXT COLLATE "C" PRIMARY KEY,
    lookup TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    reply BYTEA NOT NULL
);
CREATE INDEX idempotency_by_lookup ON idempotency (lookup);

-- Durable subscribers: how far they are, and which node runs them.
CREATE TABLE subscriptions (
    name TEXT COLLATE "C" PRIMARY KEY,
    position BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    leased_until BIGINT NOT NULL
);

-- What a subscriber failed on repeatedly and went past.
CREATE TABLE parked (
    id TEXT COLLATE "C" PRIMARY KEY,
    subscription TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    error TEXT NOT NULL,
    parked_at BIGINT NOT NULL
);

-- What is due when. The id begins with the time, so rows lie in the order in which they fall due.
CREATE TABLE timers (
    id TEXT COLLATE "C" PRIMARY KEY,
    due_at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    stream_id TEXT COLLATE "C" NOT NULL
);

-- When each API key was last used; written now and then, not an event.
CREATE TABLE api_key_uses (
    key_id TEXT COLLATE "C" PRIMARY KEY,
    used_at BIGINT NOT NULL
);
