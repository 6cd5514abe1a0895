-- Version 6: lists of operations and of exits say whether the accounts were a sandbox's or live.

ALTER TABLE operations ADD COLUMN venues TEXT NOT NULL DEFAULT '[]';    -- JSON array: asked for
ALTER TABLE operations ADD COLUMN sandboxes TEXT;   -- JSON array: which are; NULL: not known

UPDATE operations SET (venues, sandboxes) = (
    SELECT (SELECT json_group_array(venue) FROM (
                SELECT DISTINCT value ->> 0 AS venue
                FROM json_each(body, '$.request.scope.accounts') ORDER BY venue)),
           body -> '$.request.sandboxes'
    FROM records WHERE audit_seq = opened_by
) WHERE opened_by IN (SELECT audit_seq FROM records);
