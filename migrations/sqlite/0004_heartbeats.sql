-- When each open session was last heard of (µs since 1970); written now and then in batches, not events.
CREATE TABLE heartbeats (
    session_id TEXT NOT NULL PRIMARY KEY,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A timer is one of its kind and aggregate, so that setting it anew moves it. Before, its time was part of its id.
ALTER TABLE timers RENAME TO old_timers;
CREATE TABLE timers (
    id TEXT NOT NULL PRIMARY KEY,
    due_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    org_id TEXT NOT NULL,
    stream_id TEXT NOT NULL
) STRICT;
INSERT INTO timers (id, due_at, kind, org_id, stream_id)
    SELECT kind || '/' || stream_id, MIN(due_at), kind, MIN(org_id), stream_id FROM old_timers GROUP BY kind, stream_id;
DROP TABLE old_timers;
CREATE INDEX timers_by_time ON timers (kind, due_at, id);
