-- The journal, as SQLite keeps it.
--
-- `records` is the truth. Rows are added, never changed and never deleted; everything a server
-- sends to a venue or tells a client is in here first. The other tables about operations follow
-- from it and are written in the same transaction: they could be built again from `records`.
--
-- To check the chain with another program, walk `records` by `audit_seq`:
--
--     previous = 32 zero bytes
--     for each row:  audit_seq must be 1, 2, 3, ... without a gap
--                    audit_hash must be SHA-256(previous || audit_seq as 8 bytes, most
--                               significant first || body as UTF-8)
--                    previous = audit_hash
--
-- Times are UTC, ISO 8601 with microseconds ("2026-03-03T12:00:00.000000+00:00"), so that they
-- sort as text. Booleans are 0 and 1.

CREATE TABLE records (
    audit_seq   INTEGER PRIMARY KEY,    -- place in the chain: 1, 2, 3, ... without a gap
    audit_hash  BLOB NOT NULL           -- 32 bytes: seals this row and every row before it
                CHECK (length(audit_hash) = 32),
    body        TEXT NOT NULL           -- the record, one line of JSON (rpcserver/core/records.py)
) STRICT;

-- The same, for people: SELECT * FROM audit WHERE kind = 'order_intended'.
CREATE VIEW audit AS
    SELECT audit_seq,
           body ->> '$.at'          AS at,      -- when, by the server's clock
           body ->> '$.kind'        AS kind,    -- what it tells of
           lower(hex(audit_hash))   AS hash,    -- as final frames and exports spell it
           body
    FROM records;

-- Which records belong to what: an operation ("op-..."), or a client's own order ("order:...").
-- For the replay of one operation's progress, and for recovery.
CREATE TABLE places (
    subject     TEXT NOT NULL,          -- the operation's id, or "order:" and the client order id
    seq         INTEGER NOT NULL,       -- the subject's own count from 1; 0 where it keeps none
    audit_seq   INTEGER NOT NULL,       -- the record
    PRIMARY KEY (subject, seq, audit_seq)
) STRICT, WITHOUT ROWID;

-- What a crash would leave unfinished: recovery folds the records of these subjects, no others.
CREATE TABLE open_subjects (
    subject     TEXT PRIMARY KEY,       -- as in `places`
    opened_by   INTEGER NOT NULL        -- audit_seq of the record that opened it
) STRICT, WITHOUT ROWID;

-- One row an operation, for lists, for idempotency keys, for repeats.
CREATE TABLE operations (
    operation_id    TEXT PRIMARY KEY,
    opened_by       INTEGER NOT NULL UNIQUE, -- audit_seq of its first record; the order of lists
    api             TEXT NOT NULL,      -- the call: "Flatten", "ExitAll", ...
    principal       TEXT NOT NULL,      -- who called
    idempotency_key TEXT,               -- the caller's durable name for the call, if it gave one
    digest          TEXT NOT NULL,      -- of api and decoded arguments: the same call or another?
    opened_at       TEXT NOT NULL,
    finished_at     TEXT,               -- NULL while it runs
    success         INTEGER,            -- every leg reached its target; NULL while it runs
    flat            INTEGER,            -- everything in scope is proven zero; NULL while it runs
    partial         INTEGER NOT NULL,   -- asked to leave something
    dry_run         INTEGER NOT NULL,   -- only planned
    legs            INTEGER NOT NULL    -- how many positions it works on, as far as is known
) STRICT, WITHOUT ROWID;

CREATE INDEX operations_by_key ON operations (principal, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE INDEX operations_by_principal ON operations (principal, opened_by);

-- Who may speak. The token itself is shown once, when it is made, and kept nowhere.
CREATE TABLE tokens (
    token_hash  BLOB PRIMARY KEY        -- SHA-256 of the token
                CHECK (length(token_hash) = 32),
    token_id    TEXT NOT NULL UNIQUE,   -- its public name
    principal   TEXT NOT NULL,          -- whoever it speaks for
    roles       TEXT NOT NULL,          -- JSON array: "viewer", "trader", "risk", "admin"
    accounts    TEXT NOT NULL,          -- JSON array: "*", "Sim101", "paper:Sim101", ...
    created_at  TEXT NOT NULL,
    revoked_at  TEXT                    -- NULL while it is good
) STRICT, WITHOUT ROWID;
