-- Members, and what an organization can be besides its name.

-- An organization has few members, so one index serves every sort and search. `subject` finds a person's.
CREATE TABLE members (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    subject TEXT COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_search TEXT COLLATE "C" NOT NULL,
    invitation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX members_by_org ON members (org_id, id);
CREATE INDEX members_by_subject ON members (subject);

-- Documents of organizations show more than they did. Within a text every quote is escaped, so these marks stand where they
-- are looked for and nowhere else.
UPDATE organizations SET doc = replace(replace(doc,
    ',"plan":"', ',"logo":null,"domain":null,"brandColor":null,"plan":"'),
    ',"createdAt":"', ',"settings":{},"createdAt":"');
