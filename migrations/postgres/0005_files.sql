-- Stored files: those of sessions and the media of scripts. `owner` is the id of the session or script.
CREATE TABLE files (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C",
    sha256 TEXT COLLATE "C" NOT NULL,
    storage_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX files_by_owner ON files (owner, id);
CREATE INDEX files_by_hash ON files (sha256, org_id, id);
CREATE INDEX files_by_subject ON files (subject, id);

-- Uploads that have begun to write to the file store and are not in the log yet. What a crash leaves here is swept.
CREATE TABLE uploads (
    storage_key TEXT COLLATE "C" PRIMARY KEY,
    parts TEXT NOT NULL,
    started_at BIGINT NOT NULL
);
CREATE INDEX uploads_by_start ON uploads (started_at);
