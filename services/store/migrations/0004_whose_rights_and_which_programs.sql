-- Which programs may work with these tables: those that know this version, or a later one. A
-- migration raises it if what came before can no longer do its work rightly. 0003 can with this one.
ALTER TABLE install ADD COLUMN oldest_program bigint NOT NULL DEFAULT 3;

-- Whoever may take events away need have neither a right on install nor its schema in their
-- search_path: the function has its owner's rights, and finds install beside the events, also in a
-- schema that was renamed. Nobody else may use it for a trigger of their own.
CREATE OR REPLACE FUNCTION events_were_taken_away() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('UPDATE %I.install SET prune_epoch = prune_epoch + 1', TG_TABLE_SCHEMA);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION events_were_taken_away() FROM PUBLIC;
