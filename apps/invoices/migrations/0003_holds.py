"""The statements that move money while calls run, and limits that they heed.

All lock balances in the order of the account's id before they touch anything else, so that workers, the writer and the office
cannot lock each other out. All are called by `apps.invoices.services` only.

A limit is less room: `invoices_take_holds` grants out of what an account can spend, and a limit takes away from that what it
does not allow. So calls that begin at the same time, anywhere, cannot overrun it together: their holds are taken one after the
other, under the lock of the balance, and what is held counts as spent until it is settled.
"""

from django.db import migrations

# How many micros a limited account may still hold, and which limit says so: 1 of the day, 2 of the month, 3 by earlier days.
# `cap`: day, month: micros; times, floor: the dearest day before may be reached so many times, and the floor always.
LEFT = """
CREATE FUNCTION invoices_left(account bigint, cap jsonb, already_held numeric, OUT micros bigint, OUT reason int)
LANGUAGE plpgsql AS $$
DECLARE
  today date;
  this_day numeric;
  this_month numeric;
  dearest numeric;
  allowed numeric;
BEGIN
  SELECT (clock_timestamp() AT TIME ZONE time_zone)::date INTO today FROM users_account WHERE id = account;
  SELECT coalesce(sum(spent) FILTER (WHERE day = today), 0), coalesce(sum(spent), 0) INTO this_day, this_month
    FROM invoices_usage WHERE account_id = account AND day BETWEEN date_trunc('month', today) AND today;
  reason := 0;
  IF cap ? 'day' THEN
    micros := floor(1000000 * -(this_day + already_held)) + (cap ->> 'day')::bigint;
    reason := 1;
  END IF;
  IF cap ? 'month' THEN
    allowed := floor(1000000 * -(this_month + already_held)) + (cap ->> 'month')::bigint;
    IF micros IS NULL OR allowed < micros THEN
      micros := allowed;
      reason := 2;
    END IF;
  END IF;
  IF cap ? 'times' THEN
    SELECT CASE WHEN day < today THEN greatest(highest, spent) ELSE highest END INTO dearest
      FROM invoices_usage WHERE account_id = account AND day <= today ORDER BY day DESC LIMIT 1;
    allowed := greatest((cap ->> 'floor')::numeric, (cap ->> 'times')::int * 1000000 * coalesce(dearest, 0));
    allowed := floor(allowed - 1000000 * (this_day + already_held));
    IF micros IS NULL OR allowed < micros THEN
      micros := allowed;
      reason := 3;
    END IF;
  END IF;
END $$
"""

# 1. Every account has a balance row. 2. Lock them, and note what each can spend: all that is asked if `caps` says that it is not
# checked, at most what its limits leave. 3. Go through the requests in their order; a group is granted whole or not at all.
# 4. Store what was granted. `floors`: with less room nothing is granted. A refusal is 0 for want of money, else the limit's
# number, negative; 4: the floor.
TAKE_HOLDS = """
CREATE FUNCTION invoices_take_holds(
  groups int[], calls uuid[], accounts bigint[], wanted bigint[], least_wanted bigint[], floors bigint[], label text,
  caps jsonb
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[];
  room bigint[];
  held_now numeric[];
  reasons int[];
  granted bigint[] := array_fill(0::bigint, ARRAY[cardinality(calls)]);
  cap jsonb;
  left_over record;
  place int;
  first int := 1;
  refused boolean := false;
BEGIN
  INSERT INTO invoices_balance (account_id, amount, held)
    SELECT id, 0, 0 FROM users_account a
    WHERE id = ANY (accounts) AND NOT EXISTS (SELECT FROM invoices_balance WHERE account_id = a.id)
    ORDER BY id ON CONFLICT DO NOTHING;
  SELECT array_agg(account_id), array_agg(spendable), array_agg(held) INTO ids, room, held_now FROM (
    SELECT b.account_id, b.held, CASE WHEN a.is_active THEN floor(1000000 * (
        b.amount - b.held + CASE WHEN a.billing = 'postpaid' THEN a.credit_limit ELSE 0 END
      ))::bigint END AS spendable
    FROM invoices_balance b JOIN users_account a ON a.id = b.account_id
    WHERE b.account_id = ANY (accounts) ORDER BY b.account_id FOR UPDATE OF b
  ) AS locked;
  reasons := array_fill(0, ARRAY[coalesce(cardinality(ids), 0)]);
  IF caps <> '{}' THEN
    FOR i IN 1 .. coalesce(cardinality(ids), 0) LOOP
      cap := caps -> ids[i]::text;
      CONTINUE WHEN cap IS NULL OR room[i] IS NULL;
      IF cap ? 'unchecked' THEN
        room[i] := 1000000000000000;
      END IF;
      SELECT * INTO left_over FROM invoices_left(ids[i], cap, held_now[i]);
      IF left_over.micros < room[i] THEN
        room[i] := left_over.micros;
        reasons[i] := -left_over.reason;
      END IF;
    END LOOP;
  END IF;
  FOR i IN 1 .. cardinality(calls) LOOP
    IF i > 1 AND groups[i] <> groups[i - 1] THEN
      first := i;
      refused := false;
    END IF;
    CONTINUE WHEN refused;
    place := array_position(ids, accounts[i]);
    IF room[place] >= wanted[i] AND room[place] >= floors[i] THEN
      granted[i] := wanted[i];
    ELSIF room[place] >= least_wanted[i] AND room[place] > 0 AND room[place] >= floors[i] THEN
      granted[i] := room[place];
    ELSE
      refused := true;
      FOR j IN first .. i - 1 LOOP
        place := array_position(ids, accounts[j]);
        room[place] := room[place] + granted[j];
        granted[j] := 0;
      END LOOP;
      place := array_position(ids, accounts[i]);
      granted[i] := CASE WHEN reasons[place] < 0 THEN reasons[place]
        WHEN room[place] >= greatest(least_wanted[i], 1) THEN -4 ELSE 0 END;
      CONTINUE;
    END IF;
    room[place] := room[place] - granted[i];
  END LOOP;
  INSERT INTO invoices_hold (call_id, account_id, amount, worker, created_at)
    SELECT call, account, 0.000001 * sum(micros), label, now()
    FROM unnest(calls, accounts, granted) AS t (call, account, micros)
    WHERE micros > 0 GROUP BY call, account
    ON CONFLICT (call_id, account_id) DO UPDATE SET amount = invoices_hold.amount + excluded.amount;
  UPDATE invoices_balance b SET held = b.held + t.amount FROM (
    SELECT account, 0.000001 * sum(micros) AS amount
    FROM unnest(accounts, granted) AS t (account, micros) WHERE micros > 0 GROUP BY account
  ) AS t WHERE b.account_id = t.account;
  RETURN granted;
END $$
"""

# What ended calls have used: micros that the account was charged with, and seconds, on the day of its zone on which each ended.
# A day that is written late is a day before for those after it.
NOTE_USAGE = """
CREATE FUNCTION invoices_note_usage(accounts bigint[], ends float8[], charged bigint[], lengths bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  who bigint[];
  days date[];
  sums numeric[];
BEGIN
  WITH used AS (
    SELECT t.account, (to_timestamp(t.at) AT TIME ZONE a.time_zone)::date AS day,
      0.000001 * sum(t.micros) AS spent, sum(t.seconds) AS seconds
    FROM unnest(accounts, ends, charged, lengths) AS t (account, at, micros, seconds)
    JOIN users_account a ON a.id = t.account GROUP BY 1, 2
  ), noted AS (
    INSERT INTO invoices_usage AS u (account_id, day, spent, seconds, highest)
      SELECT used.account, used.day, used.spent, used.seconds, coalesce((
        SELECT greatest(e.highest, e.spent) FROM invoices_usage e
        WHERE e.account_id = used.account AND e.day < used.day ORDER BY e.day DESC LIMIT 1), 0)
      FROM used ORDER BY used.account, used.day
      ON CONFLICT (account_id, day) DO UPDATE
        SET spent = u.spent + excluded.spent, seconds = u.seconds + excluded.seconds
      RETURNING u.account_id AS account, u.day, u.spent
  ) SELECT array_agg(account), array_agg(day), array_agg(spent) INTO who, days, sums FROM noted;
  UPDATE invoices_usage later SET highest = n.spent FROM (
    SELECT l.id, max(t.spent) AS spent FROM unnest(who, days, sums) AS t (account, day, spent)
    JOIN invoices_usage l ON l.account_id = t.account AND l.day > t.day AND l.highest < t.spent GROUP BY l.id
  ) AS n WHERE later.id = n.id;
END $$
"""

# What calls ask of allowances, each granted as far as there is something left; an allowance that is due is new first.
TAKE_ALLOWANCES = """
CREATE FUNCTION invoices_take_allowances(
  calls uuid[], allowances bigint[], wanted bigint[], least_wanted bigint[], label text
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[];
  room bigint[];
  granted bigint[] := array_fill(0::bigint, ARRAY[cardinality(calls)]);
  place int;
  least_now bigint;
BEGIN
  PERFORM FROM invoices_allowancestate WHERE allowance_id = ANY (allowances) ORDER BY allowance_id FOR UPDATE;
  UPDATE invoices_allowancestate s SET "left" = a.included,
    renews_at = s.renews_at + make_interval(days => a.renew_days
      * (1 + floor(extract(epoch FROM clock_timestamp() - s.renews_at) / (86400 * a.renew_days)))::int)
    FROM invoices_allowance a WHERE a.id = s.allowance_id AND s.allowance_id = ANY (allowances)
      AND a.renew_days > 0 AND s.renews_at <= clock_timestamp();
  SELECT array_agg(s.allowance_id), array_agg(floor(1000000 * (s."left" - s.held))::bigint) INTO ids, room
    FROM invoices_allowancestate s JOIN invoices_allowance a ON a.id = s.allowance_id
    WHERE s.allowance_id = ANY (allowances) AND a.begins_at <= clock_timestamp()
      AND (a.ends_at IS NULL OR a.ends_at > clock_timestamp());
  FOR i IN 1 .. cardinality(calls) LOOP
    place := array_position(ids, allowances[i]);
    CONTINUE WHEN place IS NULL OR room[place] <= 0 OR room[place] < least_wanted[i];
    granted[i] := least(room[place], wanted[i]);
    room[place] := room[place] - granted[i];
  END LOOP;
  INSERT INTO invoices_allowancehold (call_id, allowance_id, amount, worker, created_at)
    SELECT call, allowance, 0.000001 * sum(micros), label, now()
    FROM unnest(calls, allowances, granted) AS t (call, allowance, micros)
    WHERE micros > 0 GROUP BY call, allowance
    ON CONFLICT (call_id, allowance_id) DO UPDATE SET amount = invoices_allowancehold.amount + excluded.amount;
  UPDATE invoices_allowancestate s SET held = s.held + t.amount FROM (
    SELECT allowance, 0.000001 * sum(micros) AS amount
    FROM unnest(allowances, granted) AS t (allowance, micros) WHERE micros > 0 GROUP BY allowance
  ) AS t WHERE s.allowance_id = t.allowance;
  RETURN granted;
END $$
"""

# `calls` are over: their holds go. `accounts` get `amounts` (micros, negative: a charge) in their balances; the
# caller has written the ledger entries in the same transaction. Returns how many holds went.
SETTLE_BALANCES = """
CREATE FUNCTION invoices_settle(calls uuid[], accounts bigint[], amounts bigint[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  gone bigint;
BEGIN
  INSERT INTO invoices_balance (account_id, amount, held)
    SELECT id, 0, 0 FROM users_account a
    WHERE id = ANY (accounts) AND NOT EXISTS (SELECT FROM invoices_balance WHERE account_id = a.id)
    ORDER BY id ON CONFLICT DO NOTHING;
  PERFORM FROM invoices_balance WHERE account_id IN (
    SELECT unnest(accounts) UNION SELECT account_id FROM invoices_hold WHERE call_id = ANY (calls)
  ) ORDER BY account_id FOR UPDATE;
  WITH released AS (
    DELETE FROM invoices_hold WHERE call_id = ANY (calls) RETURNING account_id AS account, amount
  ), changes AS (
    SELECT account, sum(change) AS change, sum(let_go) AS let_go FROM (
      SELECT account, 0 AS change, amount AS let_go FROM released
      UNION ALL
      SELECT account, 0.000001 * micros, 0 FROM unnest(accounts, amounts) AS t (account, micros)
    ) AS both_kinds GROUP BY account
  ), changed AS (
    UPDATE invoices_balance b SET amount = b.amount + c.change, held = b.held - c.let_go
    FROM changes c WHERE b.account_id = c.account
  ) SELECT count(*) INTO gone FROM released;
  RETURN gone;
END $$
"""

# Calls are over: their holds go, of balances and of allowances; what the latter gave comes off what is left of them.
SETTLE = """
CREATE FUNCTION invoices_settle(
  calls uuid[], accounts bigint[], amounts bigint[], allowances bigint[], used bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  gone bigint;
  of_allowances bigint;
BEGIN
  gone := invoices_settle(calls, accounts, amounts);
  PERFORM FROM invoices_allowancestate WHERE allowance_id IN (
    SELECT unnest(allowances) UNION SELECT allowance_id FROM invoices_allowancehold WHERE call_id = ANY (calls)
  ) ORDER BY allowance_id FOR UPDATE;
  WITH released AS (
    DELETE FROM invoices_allowancehold WHERE call_id = ANY (calls) RETURNING allowance_id AS allowance, amount
  ), changes AS (
    SELECT allowance, sum(spent) AS spent, sum(let_go) AS let_go FROM (
      SELECT allowance, 0 AS spent, amount AS let_go FROM released
      UNION ALL
      SELECT allowance, 0.000001 * micros, 0 FROM unnest(allowances, used) AS t (allowance, micros)
    ) AS both_kinds GROUP BY allowance
  ), changed AS (
    UPDATE invoices_allowancestate s SET "left" = greatest(0, s."left" - c.spent), held = s.held - c.let_go
    FROM changes c WHERE s.allowance_id = c.allowance
  ) SELECT count(*) INTO of_allowances FROM released;
  RETURN gone + of_allowances;
END $$
"""

# Every call updates its payers' balances and makes and deletes holds: leave room on the page, and clean often.
ROOM = """
ALTER TABLE invoices_balance SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE invoices_hold SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE invoices_usage SET (fillfactor = 70)
"""

NO_ROOM = """
ALTER TABLE invoices_balance RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE invoices_hold RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE invoices_usage RESET (fillfactor)
"""

FUNCTIONS = {
    "invoices_left(bigint, jsonb, numeric)": LEFT,
    "invoices_take_holds(int[], uuid[], bigint[], bigint[], bigint[], bigint[], text, jsonb)": TAKE_HOLDS,
    "invoices_note_usage(bigint[], float8[], bigint[], bigint[])": NOTE_USAGE,
    "invoices_take_allowances(uuid[], bigint[], bigint[], bigint[], text)": TAKE_ALLOWANCES,
    "invoices_settle(uuid[], bigint[], bigint[])": SETTLE_BALANCES,
    "invoices_settle(uuid[], bigint[], bigint[], bigint[], bigint[])": SETTLE,
}


class Migration(migrations.Migration):
    dependencies = [("invoices", "0002_immutable")]
    operations = [
        *(migrations.RunSQL(sql, f"DROP FUNCTION {name}") for name, sql in FUNCTIONS.items()),
        migrations.RunSQL(ROOM, NO_ROOM),
    ]
