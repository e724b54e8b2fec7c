-- The two equations of 0001 let one mistake hide another: a fence that moved too little
-- would be made up for by a skipped below zero. No count can be.
ALTER TABLE progress
    ADD CONSTRAINT no_count_is_below_zero
    CHECK (LEAST(consumed, stored, duplicates, conflicts, dead_letters, skipped, redelivered) >= 0);
ALTER TABLE topic_counts
    ADD CONSTRAINT no_topic_count_is_below_zero
    CHECK (LEAST(stored, duplicates, conflicts) >= 0);
