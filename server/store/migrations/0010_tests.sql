-- Keys for trying things out, and the links that they made.

-- +goose Up
ALTER TABLE keys ADD COLUMN test BIGINT NOT NULL DEFAULT 0 CHECK (test IN (0, 1));
ALTER TABLE links ADD COLUMN test BIGINT NOT NULL DEFAULT 0 CHECK (test IN (0, 1));
