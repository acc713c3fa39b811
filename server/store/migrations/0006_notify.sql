-- Who is told of what, and how that went. Times are Unix milliseconds (0:
-- none), booleans are 0 or 1.

-- +goose Up

-- How many webhooks of the account are called: an action that nobody but
-- webhooks is told of asks no other table.
ALTER TABLE logs ADD COLUMN hooks BIGINT NOT NULL DEFAULT 0;

-- Without a row an owner is told and nobody else. A recipient is a member's id
-- or a mail address.
CREATE TABLE subscriptions (
    account   TEXT   NOT NULL REFERENCES accounts (id),
    recipient TEXT   NOT NULL CHECK (recipient <> ''),
    topic     TEXT   NOT NULL CHECK (topic <> ''),
    wanted    BIGINT NOT NULL CHECK (wanted IN (0, 1)),
    PRIMARY KEY (account, recipient, topic)
);

-- The secrets are sealed.
CREATE TABLE webhooks (
    id       TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account  TEXT   NOT NULL REFERENCES accounts (id),
    url      TEXT   NOT NULL,
    types    TEXT   NOT NULL,
    secret   BYTEA  NOT NULL,
    previous BYTEA,
    rotated  BIGINT NOT NULL,
    failing  BIGINT NOT NULL,
    told     BIGINT NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    disabled BIGINT NOT NULL,
    reason   TEXT   NOT NULL,
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL
);

CREATE INDEX webhooks_account ON webhooks (account);

-- One notification to one address or one webhook.
CREATE TABLE deliveries (
    id      TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account TEXT   NOT NULL REFERENCES accounts (id),
    seq     BIGINT NOT NULL,
    type    TEXT   NOT NULL,
    address TEXT   NOT NULL,
    webhook TEXT   REFERENCES webhooks (id) ON DELETE CASCADE,
    state   TEXT   NOT NULL CHECK (state IN ('waiting', 'sent', 'held', 'given_up', 'dropped')),
    tries   BIGINT NOT NULL,
    status  BIGINT NOT NULL,
    failure TEXT   NOT NULL,
    digest  TEXT   NOT NULL,
    created BIGINT NOT NULL,
    tried   BIGINT NOT NULL,
    ended   BIGINT NOT NULL,
    -- What receivers know it by: another try has the same, one that was sent
    -- again has too. Again is the delivery by which it was.
    message TEXT   NOT NULL CHECK (message <> ''),
    again   TEXT   NOT NULL,
    CHECK ((webhook IS NULL) <> (address = ''))
);

CREATE INDEX deliveries_webhook ON deliveries (webhook, created);
CREATE INDEX deliveries_address ON deliveries (address, tried);
CREATE INDEX deliveries_account ON deliveries (account, created);

-- In which language a member and whoever is invited is written to: a BCP 47
-- tag. Empty: that was never said.
ALTER TABLE members ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE invitations ADD COLUMN language TEXT NOT NULL DEFAULT '';

-- From where a member has signed in: hashes of member, client and network.
CREATE TABLE devices (
    member TEXT   NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    hash   BYTEA  NOT NULL,
    seen   BIGINT NOT NULL,
    PRIMARY KEY (member, hash)
);

-- What is so in the whole installation, or was done there once.
CREATE TABLE marks (
    name TEXT   NOT NULL PRIMARY KEY CHECK (name <> ''),
    at   BIGINT NOT NULL
);
