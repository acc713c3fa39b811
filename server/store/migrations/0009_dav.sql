-- Calendars and contacts as parts of a domain that can be chosen.

-- +goose Up

-- Their servers, by HTTPS. An empty host with the port 0: not chosen.
ALTER TABLE domains ADD COLUMN caldav_host TEXT NOT NULL DEFAULT '';
ALTER TABLE domains ADD COLUMN caldav_port BIGINT NOT NULL DEFAULT 0 CHECK (caldav_port BETWEEN 0 AND 65535);
ALTER TABLE domains ADD COLUMN carddav_host TEXT NOT NULL DEFAULT '';
ALTER TABLE domains ADD COLUMN carddav_port BIGINT NOT NULL DEFAULT 0 CHECK (carddav_port BETWEEN 0 AND 65535);
