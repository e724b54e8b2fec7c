-- Whoever takes events away, by whatever statement, raises the epoch: else a writer that remembers
-- their keys would take the next event of such an id for a repeat. Per statement, so inserts pay nothing.
CREATE FUNCTION events_were_taken_away() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE install SET prune_epoch = prune_epoch + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER deletions_raise_the_epoch
    AFTER DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_were_taken_away();
