-- Stored files: those of sessions and the media of scripts. `owner` is the id of the session or script.
CREATE TABLE files (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT,
    sha256 TEXT NOT NULL,
    storage_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX files_by_owner ON files (owner, id);
CREATE INDEX files_by_hash ON files (sha256, org_id, id);
CREATE INDEX files_by_subject ON files (subject, id);

-- Uploads that have begun to write to the file store and are not in the log yet. What a crash leaves here is swept.
CREATE TABLE uploads (
    storage_key TEXT NOT NULL PRIMARY KEY,
    parts TEXT NOT NULL,
    started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_start ON uploads (started_at);
