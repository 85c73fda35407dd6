-- Sessions: one interview each. An ordinary table: rows are too large to lie in the B-tree of the key.
--
-- No index on `updated_at`, which moves with every answer; `duration` and `completed_at` move with pauses and the end only.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    campaign_id TEXT NOT NULL,
    invite_id TEXT NOT NULL,
    status TEXT NOT NULL,
    subject TEXT,
    completed_at INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_campaign ON sessions (campaign_id, id);
CREATE INDEX sessions_by_status ON sessions (campaign_id, status, id);
CREATE INDEX sessions_by_completion ON sessions (campaign_id, completed_at, id);
CREATE INDEX sessions_by_duration ON sessions (campaign_id, duration, id);
CREATE INDEX sessions_by_subject ON sessions (subject, id);
