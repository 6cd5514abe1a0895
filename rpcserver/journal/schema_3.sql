-- Version 3: the exit log. One row a leg that ended, for QueryAudit; like every table about
-- operations it follows from `records` and is written in the same transaction.

CREATE TABLE exits (
    audit_seq       INTEGER PRIMARY KEY,    -- the record that ended the leg; the order of lists
    operation_id    TEXT NOT NULL,
    leg             INTEGER NOT NULL,       -- its number in the operation
    at              TEXT NOT NULL,
    venue           TEXT NOT NULL,
    account         TEXT NOT NULL,
    instrument      TEXT NOT NULL,
    held            TEXT NOT NULL,          -- signed: what was held when it was planned
    closed          TEXT NOT NULL,          -- unsigned
    average_price   TEXT,                   -- of what was closed
    remaining       TEXT NOT NULL,          -- signed
    outcome         TEXT NOT NULL,          -- "flat", "reduced", ...
    why             TEXT NOT NULL,
    proven_at       TEXT                    -- NULL where nothing proves it
) STRICT;

CREATE INDEX exits_by_operation ON exits (operation_id);

-- What the exit log says of the operation.
ALTER TABLE operations ADD COLUMN strategy TEXT;    -- the tag asked for, if any
ALTER TABLE operations ADD COLUMN reason TEXT;      -- as the caller gave it
ALTER TABLE operations ADD COLUMN remote TEXT;      -- where the caller was

UPDATE operations SET (strategy, reason, remote) = (
    SELECT body ->> '$.request.scope.strategy_tag',
           body ->> '$.request.reason',
           body ->> '$.request.remote'
    FROM records WHERE audit_seq = opened_by
);

-- Records of before say no more of what was held than what was closed and what was left.
INSERT INTO exits
    SELECT audit_seq,
           body ->> '$.operation_id', body ->> '$.number', body ->> '$.at',
           body ->> '$.lane[0]', body ->> '$.lane[1]', body ->> '$.lane[2]',
           '0', coalesce(body ->> '$.closed', '0'), body ->> '$.average_price',
           coalesce(body ->> '$.remaining', '0'), body ->> '$.outcome',
           coalesce(body ->> '$.reason', ''), body ->> '$.proven_at'
    FROM records WHERE body ->> '$.kind' = 'leg_ended';
