-- One file for SQLite and PostgreSQL. Ids are made by the program, times are
-- Unix milliseconds (0: none), booleans are 0 or 1.

-- +goose Up
CREATE TABLE accounts (
    id      TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    name    TEXT   NOT NULL,
    created BIGINT NOT NULL
);

-- The head of an account's action log. Its row is the lock of the log.
CREATE TABLE logs (
    account TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (id),
    size    BIGINT NOT NULL CHECK (size >= 0),
    latest  BIGINT NOT NULL
);

-- Rows of actions are only ever added.
CREATE TABLE actions (
    account     TEXT   NOT NULL REFERENCES logs (account),
    seq         BIGINT NOT NULL CHECK (seq > 0),
    at          BIGINT NOT NULL,
    name        TEXT   NOT NULL CHECK (name <> ''),
    outcome     TEXT   NOT NULL,
    actor_kind  TEXT   NOT NULL,
    actor_id    TEXT   NOT NULL,
    target_kind TEXT   NOT NULL,
    target_id   TEXT   NOT NULL,
    link        TEXT   NOT NULL,
    leaf        BYTEA  NOT NULL,
    personal    BYTEA,
    salt        BYTEA,
    PRIMARY KEY (account, seq)
);

CREATE TABLE domains (
    id            TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account       TEXT   NOT NULL REFERENCES accounts (id),
    name          TEXT   NOT NULL UNIQUE CHECK (name <> ''),
    imap_host     TEXT   NOT NULL,
    imap_port     BIGINT NOT NULL CHECK (imap_port BETWEEN 1 AND 65535),
    imap_starttls BIGINT NOT NULL CHECK (imap_starttls IN (0, 1)),
    smtp_host     TEXT   NOT NULL,
    smtp_port     BIGINT NOT NULL CHECK (smtp_port BETWEEN 1 AND 65535),
    smtp_starttls BIGINT NOT NULL CHECK (smtp_starttls IN (0, 1)),
    policy        TEXT   NOT NULL CHECK (policy IN ('off', 'offered', 'required')),
    created       BIGINT NOT NULL,
    updated       BIGINT NOT NULL
);

CREATE TABLE links (
    id            TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account       TEXT   NOT NULL REFERENCES accounts (id),
    domain        TEXT   NOT NULL REFERENCES domains (name),
    address       TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    login         TEXT   NOT NULL,
    locale        TEXT   NOT NULL,
    created       BIGINT NOT NULL,
    expires       BIGINT NOT NULL,
    revoked       BIGINT NOT NULL,
    max_downloads BIGINT NOT NULL,
    tickets       BIGINT NOT NULL,
    downloads     BIGINT NOT NULL,
    CHECK (tickets BETWEEN 0 AND max_downloads),
    CHECK (downloads BETWEEN 0 AND tickets)
);

CREATE TABLE tickets (
    id          TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    link        TEXT   NOT NULL REFERENCES links (id),
    variant     TEXT   NOT NULL CHECK (variant IN ('mail', 'secure')),
    platform    TEXT   NOT NULL CHECK (platform IN ('iphone', 'mac')),
    created     BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    max_fetches BIGINT NOT NULL,
    fetches     BIGINT NOT NULL,
    CHECK (fetches BETWEEN 0 AND max_fetches)
);

-- How often a limit was used in the window that began at began and is over
-- at ends.
CREATE TABLE limits (
    key   TEXT   NOT NULL PRIMARY KEY,
    began BIGINT NOT NULL,
    ends  BIGINT NOT NULL,
    used  BIGINT NOT NULL CHECK (used > 0)
);

CREATE INDEX limits_ends ON limits (ends);

INSERT INTO accounts (id, name, created) VALUES ('acc_default', 'Default', 0);
INSERT INTO logs (account, size, latest) VALUES ('acc_default', 0, 0);
