-- Members, and what an organization can be besides its name.

-- An organization has few members, so one index serves every sort and search. `subject` finds a person's.
CREATE TABLE members (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    subject TEXT,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    name_search TEXT NOT NULL,
    invitation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_org ON members (org_id, id);
CREATE INDEX members_by_subject ON members (subject);

-- Documents of organizations show more than they did. Within a text every quote is escaped, so these marks stand where they
-- are looked for and nowhere else.
UPDATE organizations SET doc = replace(replace(doc,
    ',"plan":"', ',"logo":null,"domain":null,"brandColor":null,"plan":"'),
    ',"createdAt":"', ',"settings":{},"createdAt":"');
