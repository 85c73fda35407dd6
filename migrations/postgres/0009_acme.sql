-- What all nodes share to serve HTTPS with certificates that they order themselves (ACME): the account, the certificate with its
-- key, and answers to challenges. Values are sealed.
CREATE TABLE acme (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL,
    updated_at BIGINT NOT NULL
);
