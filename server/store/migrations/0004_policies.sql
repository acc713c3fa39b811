-- Device policies of accounts, all that a domain says besides its servers, and
-- the accounts whose domains need no proof. Times are Unix milliseconds,
-- booleans are 0 or 1; a list has a space between its parts.

-- +goose Up
CREATE TABLE policies (
    id                  TEXT   NOT NULL PRIMARY KEY CHECK (id <> '' AND id <> 'standard'),
    account             TEXT   NOT NULL REFERENCES accounts (id),
    name                TEXT   NOT NULL CHECK (name <> ''),
    min_length          BIGINT NOT NULL CHECK (min_length > 0),
    max_failed_attempts BIGINT NOT NULL CHECK (max_failed_attempts >= 0),
    reset_minutes       BIGINT NOT NULL CHECK (reset_minutes >= 0),
    auto_lock_minutes   BIGINT NOT NULL CHECK (auto_lock_minutes > 0),
    grace_minutes       BIGINT NOT NULL CHECK (grace_minutes >= 0),
    min_complex         BIGINT NOT NULL CHECK (min_complex >= 0),
    alphanumeric        BIGINT NOT NULL CHECK (alphanumeric IN (0, 1)),
    max_age_days        BIGINT NOT NULL CHECK (max_age_days >= 0),
    history             BIGINT NOT NULL CHECK (history >= 0),
    created             BIGINT NOT NULL,
    updated             BIGINT NOT NULL
);

CREATE INDEX policies_account ON policies (account);

-- No policy_id: the standard policy.
ALTER TABLE domains ADD COLUMN policy_id TEXT REFERENCES policies (id);
ALTER TABLE domains ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
ALTER TABLE domains ADD COLUMN help_text TEXT NOT NULL DEFAULT '';
ALTER TABLE domains ADD COLUMN sign_in_hint TEXT NOT NULL DEFAULT '';
ALTER TABLE domains ADD COLUMN login TEXT NOT NULL DEFAULT 'address' CHECK (login IN ('address', 'local_part', 'given'));
ALTER TABLE domains ADD COLUMN platforms TEXT NOT NULL DEFAULT 'iphone mac' CHECK (platforms IN ('iphone', 'mac', 'iphone mac'));

CREATE INDEX domains_policy ON domains (policy_id);
CREATE INDEX domains_account ON domains (account);

ALTER TABLE accounts ADD COLUMN trusted BIGINT NOT NULL DEFAULT 0 CHECK (trusted IN (0, 1));
UPDATE accounts SET trusted = 1 WHERE id = 'acc_default';
