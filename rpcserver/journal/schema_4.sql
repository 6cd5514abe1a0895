-- Version 4: alerts are found without walking the chain. Both indexes hold nothing but notes: most
-- records are told apart by their first letters, and cost no more than that.

CREATE INDEX alerts ON records (audit_seq)
    WHERE substr(body, 1, 15) = '{"kind":"noted"' AND body ->> '$.alert' = 1;

-- Who looks at an alert, by the alert's audit_seq.
CREATE INDEX acknowledgements ON records (body ->> '$.acknowledges')
    WHERE substr(body, 1, 15) = '{"kind":"noted"' AND body ->> '$.acknowledges' IS NOT NULL;
