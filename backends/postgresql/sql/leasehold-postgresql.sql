-- The table and the functions of Leasehold's store for PostgreSQL 12 and newer, schema number 1.
--
-- The store runs this text itself if its user may create the schema. An operator may run it instead, in one transaction:
--
--     psql --single-transaction -v ON_ERROR_STOP=1 -f leasehold-postgresql.sql DATABASE
--
-- and then give a program's user no more than it needs (operating.md of the store has the grants). For another schema than
-- leasehold, replace every "leasehold", quotes included. The text may be run again, and harms no live lock.
--
-- The functions restate the rules of LeaseRules.h. Time is clock_timestamp() read after the row is locked, or before a compare
-- and set: never now(), which is older than a wait for a row. Times are microseconds since 1970, durations milliseconds.

DO $$ BEGIN
    IF to_regnamespace('"leasehold"') IS NULL THEN
        CREATE SCHEMA "leasehold";
    END IF;
END $$;

-- Names, tokens and metadata are bytea, so that any encoding of the database keeps them byte by byte.
CREATE TABLE IF NOT EXISTS "leasehold".lock (
    name bytea PRIMARY KEY,
    token bytea NOT NULL,       -- SHA-256 of the owner token
    fence bigint NOT NULL,
    standing smallint NOT NULL, -- 0 held, 1 broken, 2 released, 3 freed
    acquired bigint NOT NULL,
    expires bigint NOT NULL,
    ttl bigint NOT NULL,
    metadata bytea NOT NULL,
    wanted bigint NOT NULL DEFAULT 0 -- the end of the note that a caller waits
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = false);

-- The sentinel: its fence is the schema number. It is missing after TRUNCATE, and a restored copy has another xmin.
INSERT INTO "leasehold".lock (name, token, fence, standing, acquired, expires, ttl, metadata)
    VALUES ('', '', 1, 2, (date_part('epoch', clock_timestamp()) * 1000000)::bigint, 0, 0, '')
    ON CONFLICT (name) DO NOTHING;

-- The schema number, and the era: what tells the content of this table from any other. Both are null without a sentinel.
CREATE OR REPLACE FUNCTION "leasehold".about_1(OUT o_schema bigint, OUT o_era text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT l.fence, l.acquired::text || '/' || l.xmin::text INTO o_schema, o_era FROM "leasehold".lock l WHERE l.name = '';
END $$;

-- o_status: 0 granted, 1 held, 2 spent, 3 no fence left, 4 too many wrote this lock at once, 5 the table is of another era
CREATE OR REPLACE FUNCTION "leasehold".acquire_1(
    p_name bytea, p_token bytea, p_ttl bigint, p_metadata bytea, p_floor bigint, p_reserved bigint, p_wanted_for bigint, p_era text,
    OUT o_status smallint, OUT o_now bigint, OUT o_fence bigint, OUT o_acquired bigint, OUT o_expires bigint, OUT o_ttl bigint,
    OUT o_metadata bytea, OUT o_broken boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c_most CONSTANT bigint := 9007199254740991;
    v_token bytea := sha256(p_token);
    r_token bytea; r_fence bigint; r_standing smallint; r_expires bigint; r_wanted bigint;
    v_found boolean; v_live boolean; v_expires bigint; v_wanted bigint; v_era text;
BEGIN
    IF pg_is_in_recovery() THEN -- a standby would answer "held" from old data
        RAISE EXCEPTION 'this server is a standby' USING ERRCODE = '25006';
    END IF;
    FOR v_attempt IN 1 .. 8 LOOP
        SELECT l.token, l.fence, l.standing, l.acquired, l.expires, l.ttl, l.metadata, l.wanted
            INTO r_token, r_fence, r_standing, o_acquired, r_expires, o_ttl, o_metadata, r_wanted
            FROM "leasehold".lock l WHERE l.name = p_name;
        v_found := FOUND;
        o_now := (date_part('epoch', clock_timestamp()) * 1000000)::bigint;
        v_live := v_found AND r_standing <= 1 AND o_now < r_expires;

        -- A busy lock with nothing to note: no row lock, no transaction id, nothing to flush.
        IF v_live AND (r_standing = 1 OR r_token <> v_token) AND r_expires - o_now <= o_ttl * 1000
            AND (p_wanted_for = 0 OR r_wanted >= o_now + p_wanted_for * 1000) THEN
            o_status := 1; o_fence := r_fence; o_expires := r_expires; o_broken := r_standing = 1;
            RETURN;
        END IF;

        IF v_live THEN -- lock the row, and only then read the clock: the lease may have ended during the wait
            SELECT l.token, l.fence, l.standing, l.acquired, l.expires, l.ttl, l.metadata, l.wanted
                INTO r_token, o_fence, r_standing, o_acquired, r_expires, o_ttl, o_metadata, r_wanted
                FROM "leasehold".lock l WHERE l.name = p_name FOR NO KEY UPDATE;
            CONTINUE WHEN NOT FOUND;
            o_now := (date_part('epoch', clock_timestamp()) * 1000000)::bigint;
            CONTINUE WHEN r_standing > 1 OR o_now >= r_expires;
            o_broken := r_standing = 1;
            o_expires := r_expires;
            IF r_token = v_token AND r_standing = 0 THEN -- the same request again: its first answer was lost
                o_status := 0;
                IF o_now + p_ttl * 1000 > r_expires THEN
                    o_expires := o_now + p_ttl * 1000; o_ttl := p_ttl;
                    UPDATE "leasehold".lock l SET expires = o_expires, ttl = o_ttl WHERE l.name = p_name;
                END IF;
                RETURN;
            END IF;
            o_status := 1;
            v_expires := least(r_expires, o_now + o_ttl * 1000); -- more than its TTL is left if the clock was ahead
            v_wanted := CASE WHEN p_wanted_for > 0 AND r_wanted < o_now + p_wanted_for * 1000
                THEN o_now + 4 * p_wanted_for * 1000 ELSE r_wanted END;
            IF v_expires <> r_expires OR v_wanted <> r_wanted THEN
                o_expires := v_expires;
                UPDATE "leasehold".lock l SET expires = v_expires, wanted = v_wanted WHERE l.name = p_name;
            END IF;
            RETURN;
        END IF;

        IF v_found AND r_token = v_token THEN
            o_status := 2;
            RETURN;
        END IF;
        SELECT l.acquired::text || '/' || l.xmin::text INTO v_era FROM "leasehold".lock l WHERE l.name = '';
        IF v_era IS DISTINCT FROM p_era THEN
            o_status := 5;
            RETURN;
        END IF;
        o_fence := CASE WHEN v_found THEN greatest(r_fence, p_floor) ELSE p_floor END;
        IF o_fence >= c_most - p_reserved OR o_now > c_most - p_reserved THEN
            o_status := 3;
            RETURN;
        END IF;
        o_status := 0; o_fence := greatest(o_fence + 1, o_now) + p_reserved; o_acquired := o_now;
        o_expires := o_now + p_ttl * 1000; o_ttl := p_ttl; o_metadata := p_metadata; o_broken := false;
        IF v_found THEN -- a dead row stays dead while it is the same, so a clock read before a wait does no harm
            UPDATE "leasehold".lock l SET token = v_token, fence = o_fence, standing = 0, acquired = o_acquired, expires = o_expires,
                ttl = p_ttl, metadata = p_metadata, wanted = CASE WHEN p_wanted_for > 0 THEN 0 ELSE l.wanted END
                WHERE l.name = p_name AND l.fence = r_fence AND l.standing = r_standing AND l.expires = r_expires;
        ELSE
            INSERT INTO "leasehold".lock (name, token, fence, standing, acquired, expires, ttl, metadata)
                VALUES (p_name, v_token, o_fence, 0, o_acquired, o_expires, p_ttl, p_metadata) ON CONFLICT (name) DO NOTHING;
        END IF;
        IF FOUND THEN
            RETURN;
        END IF; -- else another caller was quicker: look again
    END LOOP;
    o_status := 4;
END $$;

-- One character for each lease: 0 renewed, 1 lost, 2 another session has locked the row, 3 lost by a break. Without p_waits it waits for
-- no row, so it meets no deadlock, and a locked row does not delay the other leases. The store then sends the locked ones again with
-- p_waits, sorted by name: a session that lost the race for a grant keeps the row of the winner locked until its transaction ends.
CREATE OR REPLACE FUNCTION "leasehold".renew_1(p_names bytea[], p_tokens bytea[], p_fences bigint[], p_ttls bigint[], p_waits boolean)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now bigint := (date_part('epoch', clock_timestamp()) * 1000000)::bigint;
    v_token bytea; v_locked boolean; r_standing smallint; r_expires bigint; v_result text := '';
BEGIN
    IF p_waits THEN
        PERFORM set_config('lock_timeout', '250', true);
    END IF;
    FOR i IN 1 .. cardinality(p_names) LOOP
        v_token := sha256(p_tokens[i]);
        IF p_waits THEN
            PERFORM 1 FROM "leasehold".lock l WHERE l.name = p_names[i] AND l.token = v_token AND l.fence = p_fences[i]
                AND l.standing = 0 FOR NO KEY UPDATE;
            v_locked := FOUND;
            v_now := (date_part('epoch', clock_timestamp()) * 1000000)::bigint;
        ELSE
            PERFORM 1 FROM "leasehold".lock l WHERE l.name = p_names[i] AND l.token = v_token AND l.fence = p_fences[i]
                AND l.standing = 0 FOR NO KEY UPDATE SKIP LOCKED;
            v_locked := FOUND;
        END IF;
        SELECT l.standing, l.expires INTO r_standing, r_expires FROM "leasehold".lock l
            WHERE l.name = p_names[i] AND l.token = v_token AND l.fence = p_fences[i];
        IF NOT FOUND THEN
            v_result := v_result || '1';
        ELSIF r_standing <> 0 OR r_expires <= v_now THEN
            v_result := v_result || CASE WHEN r_standing IN (1, 3) THEN '3' ELSE '1' END;
        ELSIF v_locked THEN
            UPDATE "leasehold".lock l SET expires = v_now + p_ttls[i] * 1000, ttl = p_ttls[i] WHERE l.name = p_names[i];
            v_result := v_result || '0';
        ELSE
            v_result := v_result || '2';
        END IF;
    END LOOP;
    RETURN v_result;
END $$;

-- 0 released, 1 released and wanted, 2 not held, 3 not held because of a break. It need not be durable: a lost release only delays.
-- The setting holds for the whole transaction, so a release never shares one with grants or renewals.
CREATE OR REPLACE FUNCTION "leasehold".release_1(p_name bytea, p_token bytea, p_fence bigint) RETURNS smallint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now bigint := (date_part('epoch', clock_timestamp()) * 1000000)::bigint;
    v_token bytea := sha256(p_token);
    r_standing smallint; r_wanted bigint;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE "leasehold".lock l SET standing = 2, expires = v_now WHERE l.name = p_name AND l.token = v_token AND l.fence = p_fence
        AND l.standing = 0 AND l.expires > v_now RETURNING l.wanted INTO r_wanted;
    IF FOUND THEN
        IF r_wanted <= v_now THEN
            RETURN 0;
        END IF;
        PERFORM pg_notify('leasehold', encode(p_name, 'hex'));
        RETURN 1;
    END IF;
    SELECT l.standing, l.wanted INTO r_standing, r_wanted FROM "leasehold".lock l
        WHERE l.name = p_name AND l.token = v_token AND l.fence = p_fence;
    RETURN CASE WHEN NOT FOUND OR r_standing = 0 THEN 2 WHEN r_standing <> 2 THEN 3 WHEN r_wanted > v_now THEN 1 ELSE 0 END;
END $$;

CREATE OR REPLACE FUNCTION "leasehold".break_1(p_name bytea, p_fence bigint, p_at_once boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r_expires bigint; r_wanted bigint; v_now bigint;
BEGIN
    SELECT l.expires, l.wanted INTO r_expires, r_wanted FROM "leasehold".lock l
        WHERE l.name = p_name AND l.fence = p_fence AND l.standing <= 1 FOR NO KEY UPDATE;
    v_now := (date_part('epoch', clock_timestamp()) * 1000000)::bigint;
    IF r_expires IS NULL OR v_now >= r_expires THEN
        RETURN false;
    END IF;
    UPDATE "leasehold".lock l SET standing = CASE WHEN p_at_once THEN 3 ELSE 1 END,
        expires = CASE WHEN p_at_once THEN v_now ELSE l.expires END WHERE l.name = p_name;
    IF p_at_once AND r_wanted > v_now THEN
        PERFORM pg_notify('leasehold', encode(p_name, 'hex'));
    END IF;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION "leasehold".prune_1(p_retention bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_cut bigint := (date_part('epoch', clock_timestamp()) * 1000000)::bigint - p_retention * 1000;
    v_count bigint;
BEGIN
    WITH c AS MATERIALIZED (SELECT l.name FROM "leasehold".lock l WHERE l.expires < v_cut AND l.fence < v_cut AND l.name <> ''
        LIMIT 1000 FOR UPDATE SKIP LOCKED)
    DELETE FROM "leasehold".lock l USING c WHERE l.name = c.name AND l.expires < v_cut AND l.fence < v_cut;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- The live locks with p_from <= name < p_until and name > p_after, by name.
CREATE OR REPLACE FUNCTION "leasehold".list_1(p_from bytea, p_until bytea, p_after bytea, p_limit bigint)
RETURNS TABLE (o_name bytea, o_now bigint, o_fence bigint, o_acquired bigint, o_expires bigint, o_ttl bigint, o_metadata bytea,
    o_broken boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_now bigint := (date_part('epoch', clock_timestamp()) * 1000000)::bigint;
BEGIN
    IF pg_is_in_recovery() THEN -- its data may be old
        RAISE EXCEPTION 'this server is a standby' USING ERRCODE = '25006';
    END IF;
    RETURN QUERY SELECT l.name, v_now, l.fence, l.acquired, l.expires, l.ttl, l.metadata, l.standing = 1 FROM "leasehold".lock l
        WHERE l.name >= p_from AND l.name < p_until AND l.name > p_after AND l.standing <= 1 AND l.expires > v_now
        ORDER BY l.name LIMIT p_limit;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA "leasehold" FROM PUBLIC;
