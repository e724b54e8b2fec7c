-- The tables of oncelog. Keys are COLLATE "C": they are compared as bytes, which is
-- all that equality and a stable order need, and spares the locale's rules per insert.

-- One row: who this database is. A restored copy keeps the id of its original.
CREATE TABLE install (
    only_row    boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    install_id  text        NOT NULL DEFAULT gen_random_uuid()::text,
    -- Raised whenever rows are removed on purpose; caches of recent keys are void then.
    prune_epoch bigint      NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO install DEFAULT VALUES;

-- One row per life of the Kafka topic. A position (partition, offset) means something
-- within one life only. topic_id is '' where the broker gives none.
CREATE TABLE logs (
    log_id       integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cluster_id   text        NOT NULL,
    kafka_topic  text        NOT NULL,
    topic_id     text        NOT NULL,
    life         integer     NOT NULL DEFAULT 1,
    partitions   integer     NOT NULL CHECK (partitions > 0),
    partition_by text        NOT NULL CHECK (partition_by IN ('topic', 'event')),
    opened_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (cluster_id, kafka_topic, topic_id, life)
);

-- The fence and the counters. The two equations that make the counts facts are checked
-- by the database itself: a transaction that breaks one can't commit.
CREATE TABLE progress (
    log_id       integer     NOT NULL REFERENCES logs,
    partition    integer     NOT NULL,
    first_offset bigint      NOT NULL,
    next_offset  bigint      NOT NULL,
    consumed     bigint      NOT NULL DEFAULT 0,
    stored       bigint      NOT NULL DEFAULT 0,
    duplicates   bigint      NOT NULL DEFAULT 0,
    conflicts    bigint      NOT NULL DEFAULT 0,
    dead_letters bigint      NOT NULL DEFAULT 0,
    skipped      bigint      NOT NULL DEFAULT 0,
    redelivered  bigint      NOT NULL DEFAULT 0,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log_id, partition),
    CONSTRAINT every_offset_is_accounted_for CHECK (next_offset - first_offset = consumed + skipped),
    CONSTRAINT every_record_has_one_outcome CHECK (consumed = stored + duplicates + conflicts + dead_letters)
) WITH (fillfactor = 50); -- updated by every transaction: room for the new version on the same page

-- The events, each once. A row's position in the log is its order; there is no sequence.
CREATE TABLE events (
    "offset"  bigint      NOT NULL,
    timestamp timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    log_id    integer     NOT NULL,
    partition integer     NOT NULL,
    topic     text        COLLATE "C" NOT NULL,
    event_id  text        COLLATE "C" NOT NULL,
    source    text        NOT NULL,
    payload   jsonb       NOT NULL,
    PRIMARY KEY (topic, event_id)
);
-- A record makes at most one row; also the order of all events.
CREATE UNIQUE INDEX events_position ON events (log_id, partition, "offset");
-- The order of one topic.
CREATE INDEX events_topic_position ON events (topic, log_id, partition, "offset");

-- Per event topic, one row per partition, so that writers never meet on a row.
CREATE TABLE topic_counts (
    topic      text    COLLATE "C" NOT NULL,
    log_id     integer NOT NULL,
    partition  integer NOT NULL,
    stored     bigint  NOT NULL DEFAULT 0,
    duplicates bigint  NOT NULL DEFAULT 0,
    conflicts  bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, log_id, partition)
) WITH (fillfactor = 70);

-- Events that bear the id of a stored event but another payload.
CREATE TABLE conflicts (
    log_id      integer     NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    topic       text        COLLATE "C" NOT NULL,
    event_id    text        COLLATE "C" NOT NULL,
    timestamp   timestamptz NOT NULL,
    source      text        NOT NULL,
    payload     jsonb       NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log_id, partition, "offset")
);
CREATE INDEX conflicts_event ON conflicts (topic, event_id);

-- Records that can't be stored, with their bytes and the reason.
-- headers: a JSON array of [name, value in base64 or null].
CREATE TABLE dead_letters (
    log_id      integer     NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    key         bytea,
    value       bytea,
    headers     jsonb       NOT NULL DEFAULT '[]',
    reason      text        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log_id, partition, "offset")
);
