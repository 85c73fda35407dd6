-- Mail: templates, and what is to be sent.

-- Mail templates. Their documents are long, so this stays an ordinary table.
CREATE TABLE email_templates (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_search TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX email_templates_by_org ON email_templates (org_id, id);

-- Mails to send, by the event that asks for each. A row goes with the event that says what became of its mail. Before an
-- attempt, `attempts` and `due_at` move forward, so one that was cut off is made again later.
CREATE TABLE mails (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    org_id TEXT NOT NULL,
    stream_id TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_by_due ON mails (due_at, id);

-- How many attempts were begun in the present minute, for the cap that all nodes share.
CREATE TABLE mail_rate (
    id TEXT NOT NULL PRIMARY KEY,
    minute INTEGER NOT NULL,
    n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
