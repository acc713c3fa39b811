-- The action log as a tree, what it is searched by, checkpoints, and how long
-- it is kept.

-- +goose Up

-- edge is the right edge of the log's tree; hashes and edges of older rows are
-- filled in by the program. Content is removed up to the action retained.
ALTER TABLE logs ADD COLUMN edge BYTEA;
ALTER TABLE logs ADD COLUMN retained BIGINT NOT NULL DEFAULT 0 CHECK (retained BETWEEN 0 AND size);

-- Days after which the content of actions is removed; 0: never.
ALTER TABLE accounts ADD COLUMN retention_days BIGINT NOT NULL DEFAULT 400
    CHECK (retention_days = 0 OR retention_days BETWEEN 90 AND 2557);

-- leaf is NULL where the content has been removed; then all but account, seq,
-- at and hash is empty. mailbox and ip go with the personal text. What older
-- programs do not know of has a default: one may still run.
ALTER TABLE actions RENAME TO actions_before;
CREATE TABLE actions (
    account     TEXT   NOT NULL REFERENCES logs (account),
    seq         BIGINT NOT NULL CHECK (seq > 0),
    at          BIGINT NOT NULL,
    name        TEXT   NOT NULL,
    outcome     TEXT   NOT NULL,
    actor_kind  TEXT   NOT NULL,
    actor_id    TEXT   NOT NULL,
    interface   TEXT   NOT NULL DEFAULT '',
    target_kind TEXT   NOT NULL,
    target_id   TEXT   NOT NULL,
    link        TEXT   NOT NULL,
    profile     TEXT   NOT NULL DEFAULT '',
    domain      TEXT   NOT NULL DEFAULT '',
    mailbox     TEXT   NOT NULL DEFAULT '',
    ip          BYTEA,
    leaf        BYTEA,
    personal    BYTEA,
    salt        BYTEA,
    hash        BYTEA,
    PRIMARY KEY (account, seq),
    CHECK (name <> '' OR leaf IS NULL)
);
INSERT INTO actions (account, seq, at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id,
    link, profile, domain, mailbox, leaf, personal, salt)
    SELECT account, seq, at, name, outcome, actor_kind, actor_id, '', target_kind, target_id,
        link, '', '', '', leaf, personal, salt FROM actions_before;
DROP TABLE actions_before;

-- What most actions have in common is not in the indexes: it finds nothing.
CREATE INDEX actions_name ON actions (account, name, seq) WHERE name <> '';
CREATE INDEX actions_outcome ON actions (account, outcome, seq) WHERE outcome <> '' AND outcome <> 'done';
CREATE INDEX actions_actor_kind ON actions (account, actor_kind, seq) WHERE actor_kind <> '' AND actor_kind <> 'visitor';
CREATE INDEX actions_actor ON actions (account, actor_id, seq) WHERE actor_id <> '';
CREATE INDEX actions_interface ON actions (account, interface, seq) WHERE interface <> '' AND interface <> 'page';
CREATE INDEX actions_target_kind ON actions (account, target_kind, seq)
    WHERE target_kind <> '' AND target_kind <> 'ticket' AND target_kind <> 'link';
CREATE INDEX actions_target ON actions (account, target_id, seq) WHERE target_id <> '';
CREATE INDEX actions_link ON actions (account, link, seq) WHERE link <> '';
CREATE INDEX actions_profile ON actions (account, profile, seq) WHERE profile <> '';
CREATE INDEX actions_domain ON actions (account, domain, seq) WHERE domain <> '';
CREATE INDEX actions_mailbox ON actions (account, mailbox, seq) WHERE mailbox <> '';
CREATE INDEX actions_ip ON actions (account, ip, seq) WHERE ip IS NOT NULL;

-- Signed notes of what a log was.
CREATE TABLE checkpoints (
    account TEXT   NOT NULL REFERENCES logs (account),
    size    BIGINT NOT NULL CHECK (size >= 0),
    note    BYTEA  NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (account, size)
);
