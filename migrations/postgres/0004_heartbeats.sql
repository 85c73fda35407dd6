-- When each open session was last heard of (µs since 1970); written now and then in batches, not events.
-- Every row is updated twice a minute; with room on its page an update touches no index.
CREATE TABLE heartbeats (
    session_id TEXT COLLATE "C" PRIMARY KEY,
    seen_at BIGINT NOT NULL
) WITH (fillfactor = 50);

-- A timer is one of its kind and aggregate, so that setting it anew moves it. Before, its time was part of its id.
ALTER TABLE timers RENAME TO old_timers;
CREATE TABLE timers (
    id TEXT COLLATE "C" PRIMARY KEY,
    due_at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    stream_id TEXT COLLATE "C" NOT NULL
);
INSERT INTO timers (id, due_at, kind, org_id, stream_id)
    SELECT kind || '/' || stream_id, MIN(due_at), kind, MIN(org_id), stream_id FROM old_timers GROUP BY kind, stream_id;
DROP TABLE old_timers;
CREATE INDEX timers_by_time ON timers (kind, due_at, id);
