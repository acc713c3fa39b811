-- Links that programs and members make. Times are Unix milliseconds (0: none).

-- +goose Up

-- The mailbox is the folded address, by which links are found. Those that are
-- there already live for an hour: that letters beyond ASCII are not folded here
-- does not matter. An empty variant leaves the choice to the person.
ALTER TABLE links ADD COLUMN mailbox TEXT NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN variant TEXT NOT NULL DEFAULT '' CHECK (variant IN ('', 'mail', 'secure'));
ALTER TABLE links ADD COLUMN external_id TEXT NOT NULL DEFAULT '';
ALTER TABLE links ADD COLUMN return_url TEXT NOT NULL DEFAULT '';
UPDATE links SET mailbox = LOWER(address);

CREATE INDEX links_mailbox ON links (account, mailbox, created);
CREATE INDEX links_domain ON links (domain, created);
CREATE INDEX links_external ON links (account, external_id, created) WHERE external_id <> '';

-- To which hosts the page of a link may lead back, with a space between them.
ALTER TABLE domains ADD COLUMN return_hosts TEXT NOT NULL DEFAULT '';

-- Requests of API keys that may be sent again and are done once: hashes of
-- their names and of what they ask for, and what they have made.
CREATE TABLE repeats (
    api_key     TEXT   NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    name        BYTEA  NOT NULL,
    fingerprint BYTEA  NOT NULL,
    target      TEXT   NOT NULL,
    answer      BYTEA  NOT NULL,
    expires     BIGINT NOT NULL,
    PRIMARY KEY (api_key, name)
);

CREATE INDEX repeats_expires ON repeats (expires);
