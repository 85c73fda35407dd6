-- The read models: one table each (crate `projections`, which names the columns after `version`), and the counters.
--
-- Every row is a fold over one event stream and can be rebuilt from the log. `doc` is the API's representation; times are
-- microseconds since 1970 in whole seconds. `doc` comes last, so that filters and sorts do not read past a long one.
--
-- Tables whose rows fit a page several times are WITHOUT ROWID: ids are time-ordered, so the primary key itself grows at
-- its end, and one B-tree is saved. Scripts and campaigns have long documents and stay ordinary tables.

-- Organizations.
CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- API keys. A request's key is looked up by its hash.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    key_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash);
CREATE INDEX api_keys_by_org ON api_keys (org_id, id);

-- Projects. An organization has few, so one index serves every sort and search.
CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_search TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX projects_by_org ON projects (org_id, id);

-- Scripts.
CREATE TABLE scripts (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    project_id TEXT,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    name_search TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX scripts_by_org ON scripts (org_id, id);
CREATE INDEX scripts_by_status ON scripts (org_id, status, id);
CREATE INDEX scripts_by_project ON scripts (project_id, id);
CREATE INDEX scripts_by_name ON scripts (org_id, name, id);
CREATE INDEX scripts_by_update ON scripts (org_id, updated_at, id);

-- Campaigns. `layers` keeps the inherited and the own settings apart; the document shows them merged.
CREATE TABLE campaigns (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    project_id TEXT,
    script_id TEXT NOT NULL,
    status TEXT NOT NULL,
    name TEXT NOT NULL,
    name_search TEXT NOT NULL,
    layers TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX campaigns_by_org ON campaigns (org_id, id);
CREATE INDEX campaigns_by_status ON campaigns (org_id, status, id);
CREATE INDEX campaigns_by_project ON campaigns (project_id, id);
CREATE INDEX campaigns_by_name ON campaigns (org_id, name, id);
CREATE INDEX campaigns_by_update ON campaigns (org_id, updated_at, id);

-- Invites: the table that grows, and whose indexes cost write throughput.
CREATE TABLE invites (
    id TEXT NOT NULL PRIMARY KEY,
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    campaign_id TEXT NOT NULL,
    status TEXT NOT NULL,
    email_status TEXT NOT NULL,
    subject TEXT,
    expires_at INTEGER NOT NULL,
    token_generation INTEGER NOT NULL,
    unique_email INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_by_campaign ON invites (campaign_id, id);
CREATE INDEX invites_by_status ON invites (campaign_id, status, id);
-- The person comes first although lists ask for campaign and person: people arrive in the order of their ids, so that new
-- entries land beside each other, which halves what this index costs. It also finds all invites of one person.
CREATE INDEX invites_by_subject ON invites (subject, campaign_id, id);
CREATE INDEX invites_by_update ON invites (campaign_id, updated_at, id);
-- For the expiry timer. Queries must spell `status = 'pending'` out: no planner matches a parameter with the condition.
CREATE INDEX invites_by_expiry ON invites (expires_at, id) WHERE status = 'pending';

-- How many rows count in a scope such as `invites/cam_…/pending`: every total of a list, every guard against a race.
CREATE TABLE counters (
    scope TEXT NOT NULL PRIMARY KEY,
    n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
