-- What all nodes share to serve HTTPS with certificates that they order themselves (ACME): the account, the certificate with its
-- key, and answers to challenges. Values are sealed.
CREATE TABLE acme (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
