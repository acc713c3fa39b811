-- Keys of the API. Scopes, domains and networks are lists with a space
-- between their parts.

-- +goose Up
CREATE TABLE keys (
    id        TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account   TEXT   NOT NULL REFERENCES accounts (id),
    name      TEXT   NOT NULL,
    scopes    TEXT   NOT NULL CHECK (scopes <> ''),
    domains   TEXT   NOT NULL,
    networks  TEXT   NOT NULL,
    hash      BYTEA  NOT NULL,
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    revoked   BIGINT NOT NULL,
    last_used BIGINT NOT NULL
);
