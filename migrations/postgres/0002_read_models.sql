-- The read models: one table each (crate `projections`, which names the columns after `version`), and the counters.
--
-- Every row is a fold over one event stream and can be rebuilt from the log. `doc` is the API's representation; times are
-- microseconds since 1970 in whole seconds. `doc` comes last, so that filters and sorts do not read past a long one.
--
-- Text compares byte by byte (COLLATE "C"), as it does on SQLite.

-- Organizations.
CREATE TABLE organizations (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    plan TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);

-- API keys. A request's key is looked up by its hash.
CREATE TABLE api_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    key_hash TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash);
CREATE INDEX api_keys_by_org ON api_keys (org_id, id);

-- Projects. An organization has few, so one index serves every sort and search.
CREATE TABLE projects (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_search TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX projects_by_org ON projects (org_id, id);

-- Scripts.
CREATE TABLE scripts (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    project_id TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_search TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX scripts_by_org ON scripts (org_id, id);
CREATE INDEX scripts_by_status ON scripts (org_id, status, id);
CREATE INDEX scripts_by_project ON scripts (project_id, id);
CREATE INDEX scripts_by_name ON scripts (org_id, name, id);
CREATE INDEX scripts_by_update ON scripts (org_id, updated_at, id);

-- Campaigns. `layers` keeps the inherited and the own settings apart; the document shows them merged.
CREATE TABLE campaigns (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    project_id TEXT COLLATE "C",
    script_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_search TEXT COLLATE "C" NOT NULL,
    layers TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX campaigns_by_org ON campaigns (org_id, id);
CREATE INDEX campaigns_by_status ON campaigns (org_id, status, id);
CREATE INDEX campaigns_by_project ON campaigns (project_id, id);
CREATE INDEX campaigns_by_name ON campaigns (org_id, name, id);
CREATE INDEX campaigns_by_update ON campaigns (org_id, updated_at, id);

-- Invites: the table that grows, and whose indexes cost write throughput.
CREATE TABLE invites (
    id TEXT COLLATE "C" PRIMARY KEY,
    org_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    campaign_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    email_status TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C",
    expires_at BIGINT NOT NULL,
    token_generation BIGINT NOT NULL,
    unique_email BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX invites_by_campaign ON invites (campaign_id, id);
CREATE INDEX invites_by_status ON invites (campaign_id, status, id);
-- The person comes first although lists ask for campaign and person: people arrive in the order of their ids, so that new
-- entries land beside each other, which halves what this index costs. It also finds all invites of one person.
CREATE INDEX invites_by_subject ON invites (subject, campaign_id, id);
CREATE INDEX invites_by_update ON invites (campaign_id, updated_at, id);
-- For the expiry timer. Queries must spell `status = 'pending'` out: no planner matches a parameter with the condition.
CREATE INDEX invites_by_expiry ON invites (expires_at, id) WHERE status = 'pending';

-- How many rows count in a scope such as `invites/cam_…/pending`: every total of a list, every guard against a race.
-- The free space lets an update stay on its page, without a new index entry.
CREATE TABLE counters (
    scope TEXT COLLATE "C" PRIMARY KEY,
    n BIGINT NOT NULL
) WITH (fillfactor = 70);
