-- Mail: templates, and what is to be sent.

-- Mail templates.
CREATE TABLE email_templates (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_search TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX email_templates_by_org ON email_templates (org_id, id);

-- Mails to send, by the event that asks for each. A row goes with the event that says what became of its mail. Before an
-- attempt, `attempts` and `due_at` move forward, so one that was cut off is made again later.
CREATE TABLE mails (
    id TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    stream_id TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX mails_by_due ON mails (due_at, id);

-- How many attempts were begun in the present minute, for the cap that all nodes share.
CREATE TABLE mail_rate (
    id TEXT COLLATE "C" PRIMARY KEY,
    minute BIGINT NOT NULL,
    n BIGINT NOT NULL
);
