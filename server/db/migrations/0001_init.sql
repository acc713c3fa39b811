-- One schema for SQLite and PostgreSQL. The program creates IDs. Times are Unix
-- milliseconds (0: none), booleans are 0 or 1, and list items are separated by
-- spaces.

-- +goose Up

-- Accounts and members

-- The content of an account's actions is removed after retention_days; 0:
-- never. A trusted account's domains need no proof of ownership.
CREATE TABLE accounts (
    id              TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    name            TEXT   NOT NULL,
    created         BIGINT NOT NULL,
    suspended       BIGINT NOT NULL DEFAULT 0,
    factor_required BIGINT NOT NULL DEFAULT 1 CHECK (factor_required IN (0, 1)),
    trusted         BIGINT NOT NULL DEFAULT 0 CHECK (trusted IN (0, 1)),
    retention_days  BIGINT NOT NULL DEFAULT 400
        CHECK (retention_days = 0 OR retention_days BETWEEN 90 AND 2557),
    erasing_policies_by_key BIGINT NOT NULL DEFAULT 0 CHECK (erasing_policies_by_key IN (0, 1))
);

-- The servers that the domains of an account may use: a host, or "*." and the
-- domain above the hosts.
CREATE TABLE approved_hosts (
    account TEXT   NOT NULL REFERENCES accounts (id),
    pattern TEXT   NOT NULL CHECK (pattern <> ''),
    created BIGINT NOT NULL,
    PRIMARY KEY (account, pattern)
);

-- language is the BCP 47 tag of the language of emails to a member. Empty:
-- unknown.
CREATE TABLE members (
    id           TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account      TEXT   NOT NULL REFERENCES accounts (id),
    email        TEXT   NOT NULL UNIQUE CHECK (email <> ''),
    name         TEXT   NOT NULL,
    role         TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'auditor')),
    operator     BIGINT NOT NULL CHECK (operator IN (0, 1)),
    language     TEXT   NOT NULL DEFAULT '',
    zone         TEXT   NOT NULL DEFAULT '',
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

-- Used codes are deleted.
CREATE TABLE recovery_codes (
    member TEXT  NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    hash   BYTEA NOT NULL,
    PRIMARY KEY (member, hash)
);

-- A session lives as long as its row. Only a sign-in creates one.
CREATE TABLE sessions (
    id        TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    member    TEXT   NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    hash      BYTEA  NOT NULL UNIQUE,
    method    TEXT   NOT NULL,
    client    TEXT   NOT NULL,
    ip        TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    confirmed BIGINT NOT NULL,
    -- The account that an operator has opened, and whether they may change it.
    visits        TEXT   NOT NULL DEFAULT '',
    visit_changes BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX sessions_member ON sessions (member);

-- Devices and networks from which a member has signed in, as hashes.
CREATE TABLE devices (
    member TEXT   NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    hash   BYTEA  NOT NULL,
    seen   BIGINT NOT NULL,
    PRIMARY KEY (member, hash)
);

-- A pending passkey ceremony. Its row is deleted before it is finished.
CREATE TABLE ceremonies (
    id      TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    state   BYTEA  NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE invitations (
    id       TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account  TEXT   NOT NULL REFERENCES accounts (id),
    email    TEXT   NOT NULL,
    role     TEXT   NOT NULL CHECK (role IN ('owner', 'admin', 'auditor')),
    language TEXT   NOT NULL DEFAULT '',
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL
);

CREATE INDEX invitations_account ON invitations (account, created);

-- API keys. A test key is only for tests. created_by is the ID of the member or
-- key that created it; empty: the command line.
CREATE TABLE keys (
    id              TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account         TEXT   NOT NULL REFERENCES accounts (id),
    name            TEXT   NOT NULL,
    scopes          TEXT   NOT NULL CHECK (scopes <> ''),
    domains         TEXT   NOT NULL,
    networks        TEXT   NOT NULL,
    test            BIGINT NOT NULL DEFAULT 0 CHECK (test IN (0, 1)),
    hash            BYTEA  NOT NULL,
    created         BIGINT NOT NULL,
    created_by_kind TEXT   NOT NULL CHECK (created_by_kind IN ('member', 'key', 'operator', 'system')),
    created_by      TEXT   NOT NULL,
    expires         BIGINT NOT NULL,
    revoked         BIGINT NOT NULL,
    last_used       BIGINT NOT NULL,
    last_network    TEXT   NOT NULL DEFAULT '',
    unused_told     BIGINT NOT NULL DEFAULT 0 CHECK (unused_told IN (0, 1))
);

CREATE INDEX keys_account ON keys (account, created);
CREATE INDEX keys_created_by ON keys (created_by);
CREATE INDEX keys_expires ON keys (expires) WHERE expires > 0;

CREATE INDEX keys_unused ON keys (created) WHERE revoked = 0 AND unused_told = 0;

-- The first networks that an API key was used from.
CREATE TABLE key_networks (
    api_key TEXT   NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    network TEXT   NOT NULL CHECK (network <> ''),
    created BIGINT NOT NULL,
    PRIMARY KEY (api_key, network)
);

-- Requests of API keys with an idempotency key: hashes of that key and of the
-- request, and the object that the first request created.
CREATE TABLE replays (
    api_key     TEXT   NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    name        BYTEA  NOT NULL,
    fingerprint BYTEA  NOT NULL,
    answer      BYTEA  NOT NULL,
    expires     BIGINT NOT NULL,
    PRIMARY KEY (api_key, name)
);

CREATE INDEX replays_expires ON replays (expires);

-- Action log

-- The head of an account's action log. Its row is the lock of the log. edge is
-- the right edge of the log's tree. Content has been removed up to the action
-- in retained. stepped is the last action with an earlier time than the one
-- before it, which is caused by a wrong clock; 0 if there is none. hooks is the
-- number of active webhooks of the account: an action that only webhooks are
-- notified of then reads no other table.
CREATE TABLE logs (
    account  TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (id),
    size     BIGINT NOT NULL CHECK (size >= 0),
    latest   BIGINT NOT NULL,
    stepped  BIGINT NOT NULL DEFAULT 0,
    edge     BYTEA,
    retained BIGINT NOT NULL DEFAULT 0 CHECK (retained BETWEEN 0 AND size),
    hooks    BIGINT NOT NULL DEFAULT 0,
    -- Which key signs, and the name of the installation in what it signs. Both
    -- are empty until the key is replaced for the first time.
    key          TEXT NOT NULL DEFAULT '',
    installation TEXT NOT NULL DEFAULT '' CHECK ((installation = '') = (key = ''))
);

-- Rows of actions are only added. leaf is NULL if the content has been removed;
-- then everything but account, seq, at and hash is empty. mailbox and ip are
-- erased with the personal text. events are the events for webhooks.
CREATE TABLE actions (
    account     TEXT   NOT NULL REFERENCES logs (account),
    seq         BIGINT NOT NULL CHECK (seq > 0),
    at          BIGINT NOT NULL,
    name        TEXT   NOT NULL,
    outcome     TEXT   NOT NULL,
    actor_kind  TEXT   NOT NULL,
    actor_id    TEXT   NOT NULL,
    interface   TEXT   NOT NULL,
    target_kind TEXT   NOT NULL,
    target_id   TEXT   NOT NULL,
    link        TEXT   NOT NULL,
    profile     TEXT   NOT NULL,
    domain      TEXT   NOT NULL,
    mailbox     TEXT   NOT NULL,
    ip          BYTEA,
    events      TEXT   NOT NULL DEFAULT '',
    leaf        BYTEA,
    personal    BYTEA,
    salt        BYTEA,
    hash        BYTEA  NOT NULL,
    PRIMARY KEY (account, seq),
    CHECK (name <> '' OR leaf IS NULL)
);

-- The indexes leave out the most common values: searching for them would read
-- most of the table anyway.
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

-- Signed notes of the state of a log.
CREATE TABLE checkpoints (
    account TEXT   NOT NULL REFERENCES logs (account),
    size    BIGINT NOT NULL CHECK (size >= 0),
    note    BYTEA  NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (account, size)
);

-- The statements that the key of a log was replaced by the action seq: notes that
-- both keys have signed.
CREATE TABLE log_key_changes (
    account   TEXT   NOT NULL REFERENCES logs (account),
    seq       BIGINT NOT NULL CHECK (seq > 0),
    statement BYTEA  NOT NULL,
    PRIMARY KEY (account, seq)
);

-- Domains and policies

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

CREATE UNIQUE INDEX policies_name ON policies (account, name);

-- policy_id NULL is the standard policy. A calendar or contact server with an
-- empty host and port 0 isn't offered. return_hosts are the hosts that a link's
-- page may link back to.
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
    caldav_host   TEXT   NOT NULL DEFAULT '',
    caldav_port   BIGINT NOT NULL DEFAULT 0 CHECK (caldav_port BETWEEN 0 AND 65535),
    carddav_host  TEXT   NOT NULL DEFAULT '',
    carddav_port  BIGINT NOT NULL DEFAULT 0 CHECK (carddav_port BETWEEN 0 AND 65535),
    policy        TEXT   NOT NULL CHECK (policy IN ('off', 'offered', 'required')),
    policy_id     TEXT   REFERENCES policies (id),
    display_name  TEXT   NOT NULL DEFAULT '',
    help_text     TEXT   NOT NULL DEFAULT '',
    sign_in_hint  TEXT   NOT NULL DEFAULT '',
    login         TEXT   NOT NULL DEFAULT 'address' CHECK (login IN ('address', 'local_part', 'given')),
    platforms     TEXT   NOT NULL DEFAULT 'iphone mac' CHECK (platforms IN ('iphone', 'mac', 'iphone mac')),
    return_hosts  TEXT   NOT NULL DEFAULT '',
    metadata      TEXT   NOT NULL DEFAULT '',
    created       BIGINT NOT NULL,
    updated       BIGINT NOT NULL
);

-- The items of metadata, to find domains by them.
CREATE TABLE domain_metadata (
    account TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    value   TEXT   NOT NULL,
    domain  TEXT   NOT NULL REFERENCES domains (name) ON DELETE CASCADE,
    PRIMARY KEY (account, name, value, domain)
);

CREATE INDEX domain_metadata_domain ON domain_metadata (domain);

CREATE INDEX domains_policy ON domains (policy_id);
CREATE INDEX domains_account ON domains (account, name);

-- The branding of an account or a domain; the ID is that of the account or
-- domain. The logo is a PNG drawn by the program, identified by its SHA-256.
CREATE TABLE brands (
    id          TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account     TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    domain      TEXT   REFERENCES domains (id) ON DELETE CASCADE,
    name        TEXT   NOT NULL DEFAULT '',
    color       TEXT   NOT NULL DEFAULT '',
    help_url    TEXT   NOT NULL DEFAULT '',
    imprint_url TEXT   NOT NULL DEFAULT '',
    privacy_url TEXT   NOT NULL DEFAULT '',
    logo        TEXT   NOT NULL DEFAULT '',
    logo_png    BYTEA,
    updated     BIGINT NOT NULL,
    CHECK ((logo = '') = (logo_png IS NULL)),
    CHECK (id = COALESCE(domain, account))
);

CREATE INDEX brands_account ON brands (account);
CREATE INDEX brands_domain ON brands (domain);
CREATE INDEX brands_logo ON brands (logo);

-- Domains that an account has added but not proven to own, each with its future
-- settings, in JSON. Several accounts may add the same domain: only their own
-- pages read these rows.
CREATE TABLE pending_domains (
    account TEXT   NOT NULL REFERENCES accounts (id),
    name    TEXT   NOT NULL CHECK (name <> ''),
    spec    TEXT   NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

-- The results of the last check of a domain's servers and DNS, in JSON.
CREATE TABLE domain_checks (
    domain  TEXT   NOT NULL REFERENCES domains (id),
    kind    TEXT   NOT NULL CHECK (kind IN ('servers', 'records')),
    result  TEXT   NOT NULL,
    checked BIGINT NOT NULL,
    PRIMARY KEY (domain, kind)
);

-- Links and tickets

-- The mailbox is the folded address. An empty variant leaves the choice to the
-- person. A test link was created by a test key. The progress is the state of a
-- link, apart from its expiry, for filtering lists. lapsed is whether the log
-- has an entry that the link has expired.
CREATE TABLE links (
    id            TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account       TEXT   NOT NULL REFERENCES accounts (id),
    domain        TEXT   NOT NULL REFERENCES domains (name),
    address       TEXT   NOT NULL,
    mailbox       TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    login         TEXT   NOT NULL,
    locale        TEXT   NOT NULL,
    variant       TEXT   NOT NULL DEFAULT '' CHECK (variant IN ('', 'mail', 'secure')),
    external_id   TEXT   NOT NULL DEFAULT '',
    return_url    TEXT   NOT NULL DEFAULT '',
    metadata      TEXT   NOT NULL DEFAULT '',
    test          BIGINT NOT NULL DEFAULT 0 CHECK (test IN (0, 1)),
    created       BIGINT NOT NULL,
    expires       BIGINT NOT NULL,
    revoked       BIGINT NOT NULL,
    max_downloads BIGINT NOT NULL,
    tickets       BIGINT NOT NULL,
    downloads     BIGINT NOT NULL,
    lapsed        BIGINT NOT NULL DEFAULT 0 CHECK (lapsed IN (0, 1)),
    batch         TEXT   NOT NULL DEFAULT '',
    line          BIGINT NOT NULL DEFAULT 0,
    progress      TEXT   NOT NULL GENERATED ALWAYS AS (CASE
        WHEN revoked <> 0 THEN 'revoked'
        WHEN tickets >= max_downloads THEN 'used'
        WHEN downloads > 0 THEN 'downloaded'
        WHEN tickets > 0 THEN 'opened'
        ELSE 'waiting' END) STORED,
    CHECK (tickets BETWEEN 0 AND max_downloads),
    CHECK (downloads BETWEEN 0 AND tickets)
);

CREATE INDEX links_created ON links (account, created, id, expires);
CREATE INDEX links_expires ON links (account, expires, id);
CREATE INDEX links_progress ON links (account, progress, created, id, expires);
CREATE INDEX links_domain ON links (domain, account, created, id, expires);
CREATE INDEX links_domain_progress ON links (domain, account, progress, created, id, expires);
CREATE INDEX links_mailbox ON links (account, mailbox, created, id);
CREATE INDEX links_lapsing ON links (expires, id) WHERE lapsed = 0 AND progress <> 'revoked' AND progress <> 'used';
CREATE INDEX links_external ON links (account, external_id, created, id) WHERE external_id <> '';
CREATE UNIQUE INDEX links_batch ON links (batch, line) WHERE batch <> '';

-- The items of metadata, to find links by them in the order of creation.
CREATE TABLE link_metadata (
    account TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    value   TEXT   NOT NULL,
    created BIGINT NOT NULL,
    link    TEXT   NOT NULL REFERENCES links (id) ON DELETE CASCADE,
    PRIMARY KEY (account, name, value, created, link)
);

CREATE INDEX link_metadata_link ON link_metadata (link);

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

-- Public keys with which hosting panels sign redirects, and used redirects. No
-- domains: all of the account's.
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
CREATE INDEX redirect_keys_expires ON redirect_keys (expires) WHERE expires > 0;

CREATE TABLE redirect_uses (
    redirect_key TEXT   NOT NULL REFERENCES redirect_keys (id) ON DELETE CASCADE,
    name         BYTEA  NOT NULL,
    expires      BIGINT NOT NULL,
    PRIMARY KEY (redirect_key, name)
);

CREATE INDEX redirect_uses_expires ON redirect_uses (expires);

-- Batches

-- The list of people and the created files are in the archive, not here.
-- maker_right, maker_need, maker_domains and maker_expires are the grant that
-- the batch uses. choice, plan, about and archives are JSON. settings is the
-- SHA-256 of the settings that the batch was started with. round counts how
-- often its jobs were enqueued.
CREATE TABLE batches (
    id            TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account       TEXT   NOT NULL REFERENCES accounts (id),
    name          TEXT   NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('checking', 'ready', 'running', 'done', 'failed', 'canceled')),
    choice        TEXT   NOT NULL,
    maker_kind    TEXT   NOT NULL,
    maker_id      TEXT   NOT NULL,
    maker_name    TEXT   NOT NULL,
    maker_right   TEXT   NOT NULL,
    maker_need    TEXT   NOT NULL,
    maker_domains TEXT   NOT NULL,
    maker_expires BIGINT NOT NULL,
    size          BIGINT NOT NULL,
    digest        TEXT   NOT NULL,
    plan          TEXT   NOT NULL,
    domains       TEXT   NOT NULL,
    settings      TEXT   NOT NULL,
    erases        BIGINT NOT NULL CHECK (erases IN (0, 1)),
    about         TEXT   NOT NULL,
    archives      TEXT   NOT NULL,
    parts         BIGINT NOT NULL,
    round         BIGINT NOT NULL,
    made          BIGINT NOT NULL CHECK (made >= 0),
    reason        TEXT   NOT NULL,
    detail        TEXT   NOT NULL,
    checksums     TEXT   NOT NULL,
    created       BIGINT NOT NULL,
    started       BIGINT NOT NULL,
    ended         BIGINT NOT NULL,
    expires       BIGINT NOT NULL,
    expired       BIGINT NOT NULL CHECK (expired IN (0, 1))
);

CREATE INDEX batches_account ON batches (account, created, id);
CREATE INDEX batches_name ON batches (account, name, id);
CREATE INDEX batches_live ON batches (created) WHERE state IN ('checking', 'running');
CREATE INDEX batches_expires ON batches (expires) WHERE expires > 0 AND expired = 0;

-- A chunk belongs to the archive with that number. part is the name of its
-- created files; empty: none yet.
CREATE TABLE batch_chunks (
    batch     TEXT   NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    number    BIGINT NOT NULL,
    archive   BIGINT NOT NULL,
    people    BIGINT NOT NULL,
    files     BIGINT NOT NULL,
    position  BIGINT NOT NULL,
    size      BIGINT NOT NULL,
    errors    BIGINT NOT NULL,
    part      TEXT   NOT NULL,
    PRIMARY KEY (batch, number)
);

-- The mailboxes for which a batch has created something, in finished chunks.
-- The database doesn't check that account and batch exist, which would take a fifth
-- of a batch's time there: rows are added while the batch is locked, and deleted
-- with it.
CREATE TABLE batch_people (
    account TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    batch   TEXT NOT NULL,
    PRIMARY KEY (account, mailbox, batch)
);

CREATE INDEX batch_people_batch ON batch_people (batch);

-- The first problems of a list. errors.csv has all.
CREATE TABLE batch_problems (
    batch  TEXT   NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    line   BIGINT NOT NULL,
    name   TEXT   NOT NULL,
    code   TEXT   NOT NULL,
    value  TEXT   NOT NULL,
    detail TEXT   NOT NULL,
    PRIMARY KEY (batch, number)
);

-- Pushes

-- The NanoMDM server of an account. hook is part of its webhook's URL. Its API
-- key and the secret of the webhook are encrypted.
CREATE TABLE device_servers (
    account TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (id),
    url     TEXT   NOT NULL,
    api_key BYTEA  NOT NULL,
    hook    TEXT   NOT NULL CHECK (hook <> ''),
    secret  BYTEA  NOT NULL,
    heard   BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE UNIQUE INDEX device_servers_hook ON device_servers (hook);

-- What the webhook has reported about devices, and users of Macs.
CREATE TABLE enrollments (
    account TEXT   NOT NULL REFERENCES accounts (id),
    id      TEXT   NOT NULL CHECK (id <> ''),
    udid    TEXT   NOT NULL,
    serial  TEXT   NOT NULL,
    heard   BIGINT NOT NULL,
    PRIMARY KEY (account, id)
);

-- maker_right, maker_need, maker_domains and maker_expires are the grant that
-- the push uses. round counts how often it was requested.
CREATE TABLE pushes (
    batch         TEXT   NOT NULL PRIMARY KEY REFERENCES batches (id) ON DELETE CASCADE,
    account       TEXT   NOT NULL REFERENCES accounts (id),
    planned       BIGINT NOT NULL CHECK (planned IN (0, 1)),
    detail        TEXT   NOT NULL,
    maker_kind    TEXT   NOT NULL,
    maker_id      TEXT   NOT NULL,
    maker_name    TEXT   NOT NULL,
    maker_right   TEXT   NOT NULL,
    maker_need    TEXT   NOT NULL,
    maker_domains TEXT   NOT NULL,
    maker_expires BIGINT NOT NULL,
    round         BIGINT NOT NULL,
    no_device     BIGINT NOT NULL,
    created       BIGINT NOT NULL,
    updated       BIGINT NOT NULL
);

-- A profile of a batch for a device. command is the ID of the latest command
-- that installs it.
CREATE TABLE push_deliveries (
    id         TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account    TEXT   NOT NULL REFERENCES accounts (id),
    batch      TEXT   NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    enrollment TEXT   NOT NULL CHECK (enrollment <> ''),
    identifier TEXT   NOT NULL CHECK (identifier <> ''),
    email      TEXT   NOT NULL,
    mailbox    TEXT   NOT NULL,
    digest     TEXT   NOT NULL,
    archive    BIGINT NOT NULL,
    position   BIGINT NOT NULL,
    size       BIGINT NOT NULL,
    command    TEXT   NOT NULL CHECK (command <> ''),
    attempt    BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('waiting', 'queued', 'not_now', 'installed', 'refused', 'failed', 'replaced')),
    detail     TEXT   NOT NULL,
    created    BIGINT NOT NULL,
    updated    BIGINT NOT NULL
);

CREATE UNIQUE INDEX push_deliveries_place ON push_deliveries (batch, enrollment, identifier);
CREATE INDEX push_deliveries_device ON push_deliveries (account, enrollment, identifier);
CREATE UNIQUE INDEX push_deliveries_command ON push_deliveries (command);
CREATE INDEX push_deliveries_state ON push_deliveries (batch, state);
CREATE INDEX push_deliveries_email ON push_deliveries (batch, email, id);
CREATE INDEX push_deliveries_mailbox ON push_deliveries (account, mailbox);

-- Notifications

-- Without a row, only owners are notified. A recipient is a member's ID or an
-- email address.
CREATE TABLE subscriptions (
    account   TEXT   NOT NULL REFERENCES accounts (id),
    recipient TEXT   NOT NULL CHECK (recipient <> ''),
    topic     TEXT   NOT NULL CHECK (topic <> ''),
    wanted    BIGINT NOT NULL CHECK (wanted IN (0, 1)),
    PRIMARY KEY (account, recipient, topic)
);

-- The secrets are encrypted.
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

CREATE UNIQUE INDEX webhooks_url ON webhooks (account, url);

-- One notification to one address or one webhook. message is the ID for
-- receivers: it stays the same when a delivery is retried or sent again. again
-- is the delivery that repeated this one.
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
    digest  TEXT   NOT NULL DEFAULT '',
    created BIGINT NOT NULL,
    tried   BIGINT NOT NULL,
    ended   BIGINT NOT NULL,
    message TEXT   NOT NULL CHECK (message <> ''),
    again   TEXT   NOT NULL,
    CHECK ((webhook IS NULL) <> (address = ''))
);

CREATE INDEX deliveries_webhook ON deliveries (webhook, created, id);
CREATE INDEX deliveries_mail ON deliveries (account, created, id) WHERE webhook IS NULL;
CREATE INDEX deliveries_address ON deliveries (address, tried);

-- Setup links that are sent by email. A link has at most one pending email.
-- reply is the answer of the mail server that refused it. batch and line are
-- the link's.
CREATE TABLE link_mails (
    id      TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    account TEXT   NOT NULL REFERENCES accounts (id),
    link    TEXT   NOT NULL REFERENCES links (id) ON DELETE CASCADE,
    state   TEXT   NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up', 'dropped')),
    tries   BIGINT NOT NULL,
    failure TEXT   NOT NULL,
    reply   TEXT   NOT NULL,
    created BIGINT NOT NULL,
    tried   BIGINT NOT NULL,
    ended   BIGINT NOT NULL,
    batch   TEXT   NOT NULL DEFAULT '',
    line    BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX link_mails_link ON link_mails (link, created);
CREATE INDEX link_mails_batch ON link_mails (batch, state) WHERE batch <> '';
CREATE INDEX link_mails_refused ON link_mails (batch, line) WHERE batch <> '' AND reply <> '' AND state <> 'sent';
CREATE UNIQUE INDEX link_mails_waiting ON link_mails (link) WHERE state = 'waiting';

-- Bookkeeping

-- How often a limit was used in the window from began to ends.
CREATE TABLE limits (
    key   TEXT   NOT NULL PRIMARY KEY,
    began BIGINT NOT NULL,
    ends  BIGINT NOT NULL,
    used  BIGINT NOT NULL CHECK (used > 0)
);

CREATE INDEX limits_ends ON limits (ends);

-- State of the whole installation, in one row: whether emails can be sent, when
-- the next link may be sent by email (in microseconds), the fingerprints of the
-- signing certificate and its key, when the last backup was written, which backup
-- was reported as too old, when the backup was written from which this database was
-- restored, until what it issued before has ended (0: nothing to end), what time
-- the clock last showed, since when it has run without a jump, how often it was set
-- back by days, and a hash of the migrations that created the schema.
CREATE TABLE installation (
    id          BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    mail        BIGINT NOT NULL DEFAULT 0 CHECK (mail IN (0, 1)),
    mail_turn   BIGINT NOT NULL DEFAULT 0,
    identity    TEXT   NOT NULL DEFAULT '',
    key         TEXT   NOT NULL DEFAULT '',
    backup      BIGINT NOT NULL DEFAULT 0,
    backup_told BIGINT NOT NULL DEFAULT 0,
    restored    BIGINT NOT NULL DEFAULT 0,
    clock       BIGINT NOT NULL DEFAULT 0,
    steady      BIGINT NOT NULL DEFAULT 0,
    setbacks    BIGINT NOT NULL DEFAULT 0,
    schema      TEXT   NOT NULL DEFAULT ''
);

INSERT INTO installation (id) VALUES (1);

-- Versions of the installation's secret, each encrypted with the secret that
-- the servers are started with. There are none before the first rotation. What
-- was issued under a version is accepted until it ends; 0: it is the current
-- one.
CREATE TABLE secrets (
    id      TEXT   NOT NULL PRIMARY KEY CHECK (id <> ''),
    value   BYTEA  NOT NULL,
    created BIGINT NOT NULL,
    ends    BIGINT NOT NULL
);

CREATE UNIQUE INDEX secrets_current ON secrets (ends) WHERE ends = 0;

-- The values of the installation's own certificate, encrypted with the secret:
-- the certificate with its key, the account at the authority, and pending
-- challenges. The lease, which says which server orders, and the request to
-- renew aren't encrypted.
CREATE TABLE certificate_values (
    name    TEXT   NOT NULL PRIMARY KEY CHECK (name <> ''),
    value   BYTEA  NOT NULL,
    expires BIGINT NOT NULL
);

-- Notices that a certificate or key expires in a number of days.
CREATE TABLE expiry_notices (
    identity TEXT   NOT NULL,
    days     BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    PRIMARY KEY (identity, days)
);

-- Logs whose last check has failed, with what it found. Their accounts and
-- heads may have been deleted.
CREATE TABLE log_findings (
    account  TEXT   NOT NULL PRIMARY KEY,
    finding  TEXT   NOT NULL,
    reported BIGINT NOT NULL
);

-- The size of the checkpoint that was sent last, and when one was emailed.
CREATE TABLE checkpoint_notices (
    account TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (id),
    size    BIGINT NOT NULL,
    mailed  BIGINT NOT NULL DEFAULT 0
);

-- The default account, and the installation's account.
INSERT INTO accounts (id, name, created, trusted) VALUES ('acc_default', 'Default', 0, 1);
INSERT INTO accounts (id, name, created) VALUES ('acc_installation', 'Installation', 0);
INSERT INTO logs (account, size, latest) VALUES ('acc_default', 0, 0);
INSERT INTO logs (account, size, latest) VALUES ('acc_installation', 0, 0);
