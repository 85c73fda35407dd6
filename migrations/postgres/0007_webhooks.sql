-- Webhook endpoints: the read model, and what the pipeline needs to send events to them.

-- `keys` holds secrets and headers, sealed under the organization's key.
CREATE TABLE webhooks (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    keys TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX webhooks_by_org ON webhooks (org_id, id);

-- The pipeline's side of an endpoint: how far it is in its organization's log, and which node serves it. Everything up to
-- `sequence` is dealt with: delivered, not asked for, or in `webhook_deliveries`. Below zero: it starts behind its own creation.
-- `signals` counts what others left for its node (redeliveries, replays); `seen` is how many the node knew when it took it.
CREATE TABLE webhook_endpoints (
    webhook_id TEXT COLLATE "C" PRIMARY KEY,
    signals BIGINT NOT NULL DEFAULT 0,
    seen BIGINT NOT NULL DEFAULT 0,
    org_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    sequence BIGINT NOT NULL DEFAULT -1,
    first_at BIGINT NOT NULL DEFAULT 0,
    wake_at BIGINT NOT NULL DEFAULT 9223372036854775807,
    failing_since BIGINT,
    served_at BIGINT NOT NULL DEFAULT 0,
    owner TEXT COLLATE "C" NOT NULL DEFAULT '',
    epoch BIGINT NOT NULL DEFAULT 0,
    leased_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX webhook_endpoints_by_org ON webhook_endpoints (org_id);
CREATE INDEX webhook_endpoints_by_owner ON webhook_endpoints (owner);

-- Second cursors: what is to be sent once more.
CREATE TABLE webhook_replays (
    id TEXT COLLATE "C" PRIMARY KEY,
    webhook_id TEXT COLLATE "C" NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    event_types TEXT COLLATE "C",
    since BIGINT,
    until BIGINT,
    sequence BIGINT NOT NULL,
    upto BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    next_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_replays_by_webhook ON webhook_replays (webhook_id, status, id);

-- One row per event that was tried at an endpoint: the delivery log, and what is to be tried again.
CREATE TABLE webhook_deliveries (
    id TEXT COLLATE "C" PRIMARY KEY,
    webhook_id TEXT COLLATE "C" NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    replay_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT,
    http_status BIGINT,
    reason TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (webhook_id, sequence);
-- Queries must spell `status = 'pending'` out: no planner matches a parameter with the condition.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'pending';

-- Each attempt. Headers and the beginning of the answer are sealed under the organization's key; no request body is kept.
CREATE TABLE webhook_attempts (
    id TEXT COLLATE "C" PRIMARY KEY,
    webhook_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    http_status BIGINT,
    reason TEXT COLLATE "C",
    latency BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX webhook_attempts_by_webhook ON webhook_attempts (webhook_id, id);
