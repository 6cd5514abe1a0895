-- Version 5: old rows of `records` may be pruned, with what the other tables tell of them. Only the
-- front of the chain ever goes, and only after an entry of kind `pruned` was added that says so.
--
-- To check a chain whose front is gone, begin where this row says, not with 32 zero bytes: the
-- first row of `records` continues (audit_seq, audit_hash). The newest entry of kind `pruned` must
-- speak of everything that is gone: its `through` is not less than audit_seq here, and where the
-- two are equal, its `audit_hash` is the same. What is gone is in the archives those entries name.

CREATE TABLE pruned (
    row         INTEGER PRIMARY KEY CHECK (row = 1),    -- there is but one
    audit_seq   INTEGER NOT NULL,       -- the last entry that was deleted; 0: none ever was
    audit_hash  BLOB NOT NULL           -- its hash
                CHECK (length(audit_hash) = 32),
    through     INTEGER NOT NULL        -- how far the newest entry of kind `pruned` speaks
) STRICT;

INSERT INTO pruned VALUES (1, 0, zeroblob(32), 0);
