-- The last record that a transaction has stored, as the log had it: its offset, the epoch of the leader
-- that took it, and a hash of its key and value. A log that shows another record there is another log.
-- All three are null before the first record, and the epoch also where the broker gives none.
ALTER TABLE progress
    ADD COLUMN witness_offset bigint,
    ADD COLUMN witness_epoch  integer,
    ADD COLUMN witness_hash   bigint,
    -- The lowest offset that an api was given for a new record although it lies below next_offset. The
    -- consumer reads from there, and finds out whether the log lost its end.
    ADD COLUMN suspected_offset bigint;

-- Which copy of the database this is. A dump that is restored elsewhere brings the id of its original, and
-- so it is found out to be another copy.
ALTER TABLE install ADD COLUMN copy_id text;
