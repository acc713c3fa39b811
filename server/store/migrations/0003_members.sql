-- Members and how they sign in. Times are Unix milliseconds (0: none),
-- booleans are 0 or 1.

-- +goose Up
ALTER TABLE accounts ADD COLUMN suspended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN factor_required BIGINT NOT NULL DEFAULT 1 CHECK (factor_required IN (0, 1));

CREATE TABLE members (
    id           TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account      TEXT   NOT NULL REFERENCES accounts (id),
    email        TEXT   NOT NULL UNIQUE CHECK (email <> ''),
    name         TEXT   NOT NULL,
    role         TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'auditor')),
    operator     BIGINT NOT NULL CHECK (operator IN (0, 1)),
    password     TEXT   NOT NULL,
    password_set BIGINT NOT NULL,
    totp         BYTEA,
    totp_since   BIGINT NOT NULL,
    totp_step    BIGINT NOT NULL,
    codes_made   BIGINT NOT NULL,
    created      BIGINT NOT NULL,
    last_seen    BIGINT NOT NULL
);

CREATE INDEX members_account ON members (account);

CREATE TABLE passkeys (
    id         TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    member     TEXT   NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    name       TEXT   NOT NULL,
    credential BYTEA  NOT NULL UNIQUE,
    data       BYTEA  NOT NULL,
    created    BIGINT NOT NULL,
    last_used  BIGINT NOT NULL
);

CREATE INDEX passkeys_member ON passkeys (member);

-- A code that was used is gone.
CREATE TABLE recovery_codes (
    member TEXT  NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    hash   BYTEA NOT NULL,
    PRIMARY KEY (member, hash)
);

-- A session lives as long as its row. Nothing but a sign-in makes one.
CREATE TABLE sessions (
    id        TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    member    TEXT   NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    hash      BYTEA  NOT NULL UNIQUE,
    method    TEXT   NOT NULL,
    client    TEXT   NOT NULL,
    ip        TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    confirmed BIGINT NOT NULL
);

CREATE INDEX sessions_member ON sessions (member);

-- A passkey ceremony under way; its row is taken before it is finished.
CREATE TABLE ceremonies (
    id      TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    state   BYTEA  NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE invitations (
    id      TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account TEXT   NOT NULL REFERENCES accounts (id),
    email   TEXT   NOT NULL,
    role    TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'auditor')),
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

-- For the numbers of the overview.
CREATE INDEX links_account_created ON links (account, created);

-- The installation's own log: refused sign-ins of unknown members, and what
-- operators do to accounts.
INSERT INTO accounts (id, name, created) VALUES ('acc_installation', 'Installation', 0);
INSERT INTO logs (account, size, latest) VALUES ('acc_installation', 0, 0);
