-- Version 2: a token may end by itself, and says who made it.

ALTER TABLE tokens ADD COLUMN expires_at TEXT;  -- NULL: not by itself
ALTER TABLE tokens ADD COLUMN created_by TEXT;  -- NULL: the server, at its first start
