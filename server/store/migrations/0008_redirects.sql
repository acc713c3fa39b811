-- Public keys by which hosting panels sign who may have a link, and what they
-- have signed and was used. Domains are a list with a space between them, none:
-- all of the account's. Times are Unix milliseconds (0: never).

-- +goose Up
CREATE TABLE redirect_keys (
    id         TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account    TEXT   NOT NULL REFERENCES accounts (id),
    name       TEXT   NOT NULL,
    public_key BYTEA  NOT NULL,
    domains    TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    last_used  BIGINT NOT NULL
);

CREATE INDEX redirect_keys_account ON redirect_keys (account, created);

CREATE TABLE redirect_uses (
    redirect_key TEXT   NOT NULL REFERENCES redirect_keys (id) ON DELETE CASCADE,
    name         BYTEA  NOT NULL,
    expires      BIGINT NOT NULL,
    PRIMARY KEY (redirect_key, name)
);

CREATE INDEX redirect_uses_expires ON redirect_uses (expires);
