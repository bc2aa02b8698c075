-- Values are compressed already, so that the server need not try.
CREATE TABLE bailiwick.evidence (
    kind text NOT NULL CHECK (kind IN ('report', 'first-seen')),
    subject text NOT NULL,
    format text NOT NULL,
    sha256 text NOT NULL,
    content bytea NOT NULL,
    last_seen timestamptz,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, subject)
);

ALTER TABLE bailiwick.evidence ALTER COLUMN content SET STORAGE EXTERNAL;
