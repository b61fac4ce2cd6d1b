-- Two roles for one database: the owner migrates, the application may not change the ledger.
--
-- Run as the superuser, in the application's database, after each `flask prepare` of the owner:
--     psql -v ON_ERROR_STOP=1 -d redress -f deploy/postgresql-roles.sql
-- Once, by hand: ALTER ROLE redress_app PASSWORD '…';
-- Web nodes and workers then have redress_app in DATABASE_URL; `prepare`, backups and restores the
-- owner. It can be run again at any time and changes nothing then.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'redress_app') THEN
        CREATE ROLE redress_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
END $$;

-- Nobody but the owner makes or drops anything.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO redress_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO redress_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO redress_app;

-- The ledger: read and added to. Of a personal text both columns can be emptied (a trigger sees to it).
REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON event, event_text FROM redress_app;
GRANT UPDATE (body, salt) ON event_text TO redress_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM redress_app;

-- Jobs: the worker takes and finishes them.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'dbos') THEN
        GRANT USAGE ON SCHEMA dbos TO redress_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dbos TO redress_app;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA dbos TO redress_app;
    END IF;
END $$;
