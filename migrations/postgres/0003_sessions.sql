-- Sessions: one interview each.
--
-- No index on `updated_at`, which moves with every answer; `duration` and `completed_at` move with pauses and the end only.
-- So an answer updates the row in the free space of its page, without a new entry in any index.
CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    invite_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C",
    completed_at BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX sessions_by_campaign ON sessions (campaign_id, id);
CREATE INDEX sessions_by_status ON sessions (campaign_id, status, id);
CREATE INDEX sessions_by_completion ON sessions (campaign_id, completed_at, id);
CREATE INDEX sessions_by_duration ON sessions (campaign_id, duration, id);
CREATE INDEX sessions_by_subject ON sessions (subject, id);
