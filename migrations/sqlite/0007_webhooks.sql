-- Webhook endpoints: the read model, and what the pipeline needs to send events to them.

-- `keys` holds secrets and headers, sealed under the organization's key.
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    keys TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_by_org ON webhooks (org_id, id);

-- The pipeline's side of an endpoint: how far it is in its organization's log, and which node serves it. Everything up to
-- `sequence` is dealt with: delivered, not asked for, or in `webhook_deliveries`. Below zero: it starts behind its own creation.
-- `signals` counts what others left for its node (redeliveries, replays); `seen` is how many the node knew when it took it.
CREATE TABLE webhook_endpoints (
    webhook_id TEXT NOT NULL PRIMARY KEY,
    signals INTEGER NOT NULL DEFAULT 0,
    seen INTEGER NOT NULL DEFAULT 0,
    org_id TEXT NOT NULL DEFAULT '',
    sequence INTEGER NOT NULL DEFAULT -1,
    first_at INTEGER NOT NULL DEFAULT 0,
    wake_at INTEGER NOT NULL DEFAULT 9223372036854775807,
    failing_since INTEGER,
    served_at INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '',
    epoch INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_endpoints_by_org ON webhook_endpoints (org_id);
CREATE INDEX webhook_endpoints_by_owner ON webhook_endpoints (owner);

-- Second cursors: what is to be sent once more.
CREATE TABLE webhook_replays (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    event_types TEXT,
    since INTEGER,
    until INTEGER,
    sequence INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    status TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_replays_by_webhook ON webhook_replays (webhook_id, status, id);

-- One row per event that was tried at an endpoint: the delivery log, and what is to be tried again.
CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    source TEXT NOT NULL,
    replay_id TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER,
    http_status INTEGER,
    reason TEXT,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (webhook_id, sequence);
-- Queries must spell `status = 'pending'` out: no planner matches a parameter with the condition.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'pending';

-- Each attempt. Headers and the beginning of the answer are sealed under the organization's key; no request body is kept.
CREATE TABLE webhook_attempts (
    id TEXT NOT NULL PRIMARY KEY,
    webhook_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    http_status INTEGER,
    reason TEXT,
    latency INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX webhook_attempts_by_webhook ON webhook_attempts (webhook_id, id);
