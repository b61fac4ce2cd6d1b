-- Three roles for one database: the owner migrates; neither web nodes (redress_app) nor workers
-- (redress_worker) change the ledger; only workers add to the history and forget refusals.
--
-- Run as the superuser, in the application's database, after each `flask prepare` of the owner:
--     psql -v ON_ERROR_STOP=1 -d redress -f deploy/postgresql-roles.sql
-- Once, by hand: ALTER ROLE redress_app PASSWORD '…'; ALTER ROLE redress_worker PASSWORD '…';
-- Web nodes then have redress_app in DATABASE_URL, workers and commands by hand redress_worker;
-- `prepare`, backups and restores the owner. It can be run again at any time and changes nothing then.
-- All of it or nothing: in between nobody has rights that are taken away further down.

BEGIN;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'redress_app') THEN
        CREATE ROLE redress_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'redress_worker') THEN
        CREATE ROLE redress_worker LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
END $$;
GRANT redress_app TO redress_worker;

-- Nobody but the owner makes or drops anything.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO redress_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO redress_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO redress_app;

-- The ledger: read and added to. Of a personal text both columns can be emptied (a trigger sees to it).
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON event, event_text FROM redress_app;
GRANT UPDATE (body, salt) ON event_text TO redress_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM redress_app;

-- The tree over it: web nodes read. Each event is noted as one that waits by a trigger alone, in the
-- owner's name: what never was an event would keep the others waiting. The worker gives it its place. Places, checkpoints and cosignatures are added and stay
-- (of places and checkpoints a trigger says so to the owner, too); a key is added, and ends.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER
    ON tree_head, tree_leaf, tree_tile, tree_checkpoint, tree_cosignature, tree_signer FROM redress_app;
ALTER FUNCTION note_pending() SECURITY DEFINER;
ALTER FUNCTION note_pending() SET search_path = pg_catalog, public;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON pending_leaf FROM redress_app;
GRANT DELETE ON pending_leaf TO redress_worker;
GRANT INSERT ON tree_head, tree_leaf, tree_tile, tree_checkpoint, tree_cosignature, tree_signer
    TO redress_worker;
GRANT UPDATE (size) ON tree_head TO redress_worker;
GRANT UPDATE (hashes) ON tree_tile TO redress_worker;
GRANT UPDATE (to_size) ON tree_signer TO redress_worker;

-- What was refused: noted, and counted within its minute; the worker forgets it when its time is over.
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON security_event FROM redress_app;
GRANT UPDATE (times, last_at) ON security_event TO redress_app;
GRANT DELETE ON security_event TO redress_worker;

-- Jobs: the worker takes and finishes them.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'dbos') THEN
        GRANT USAGE ON SCHEMA dbos TO redress_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dbos TO redress_app;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA dbos TO redress_app;
    END IF;
END $$;
COMMIT;
