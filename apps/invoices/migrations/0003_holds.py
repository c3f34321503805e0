"""The two statements that move money while calls run: `invoices_take_holds` and `invoices_settle`.

Both lock balances in the order of the account's id before they touch anything else, so that workers, the
writer and the office cannot lock each other out. Both are called by `apps.invoices.services` only.
"""

from django.db import migrations

# 1. Every account has a balance row. 2. Lock them, and note what each can spend. 3. Go through the requests in
# their order; a group is granted whole or not at all. 4. Store what was granted.
TAKE_HOLDS = """
CREATE FUNCTION invoices_take_holds(
  groups int[], calls uuid[], accounts bigint[], wanted bigint[], least_wanted bigint[], label text
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[];
  room bigint[];
  granted bigint[] := array_fill(0::bigint, ARRAY[cardinality(calls)]);
  place int;
  first int := 1;
  refused boolean := false;
BEGIN
  INSERT INTO invoices_balance (account_id, amount, held)
    SELECT id, 0, 0 FROM users_account a
    WHERE id = ANY (accounts) AND NOT EXISTS (SELECT FROM invoices_balance WHERE account_id = a.id)
    ORDER BY id ON CONFLICT DO NOTHING;
  SELECT array_agg(account_id), array_agg(spendable) INTO ids, room FROM (
    SELECT b.account_id, CASE WHEN a.is_active THEN floor(1000000 * (
        b.amount - b.held + CASE WHEN a.billing = 'postpaid' THEN a.credit_limit ELSE 0 END
      ))::bigint END AS spendable
    FROM invoices_balance b JOIN users_account a ON a.id = b.account_id
    WHERE b.account_id = ANY (accounts) ORDER BY b.account_id FOR UPDATE OF b
  ) AS locked;
  FOR i IN 1 .. cardinality(calls) LOOP
    IF i > 1 AND groups[i] <> groups[i - 1] THEN
      first := i;
      refused := false;
    END IF;
    CONTINUE WHEN refused;
    place := array_position(ids, accounts[i]);
    IF room[place] >= wanted[i] THEN
      granted[i] := wanted[i];
    ELSIF room[place] >= least_wanted[i] AND room[place] > 0 THEN
      granted[i] := room[place];
    ELSE
      refused := true;
      FOR j IN first .. i - 1 LOOP
        place := array_position(ids, accounts[j]);
        room[place] := room[place] + granted[j];
        granted[j] := 0;
      END LOOP;
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

# `calls` are over: their holds go. `accounts` get `amounts` (micros, negative: a charge) in their balances; the
# caller has written the ledger entries in the same transaction. Returns how many holds went.
SETTLE = """
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

DROP = (
    "DROP FUNCTION invoices_take_holds(int[], uuid[], bigint[], bigint[], bigint[], text);"
    "DROP FUNCTION invoices_settle(uuid[], bigint[], bigint[])"
)

# Every call updates its payers' balances and makes and deletes holds: leave room on the page, and clean often.
ROOM = """
ALTER TABLE invoices_balance SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE invoices_hold SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
"""
NO_ROOM = """
ALTER TABLE invoices_balance RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE invoices_hold RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)
"""


class Migration(migrations.Migration):
    dependencies = [("invoices", "0002_immutable")]
    operations = [
        migrations.RunSQL(f"{TAKE_HOLDS};{SETTLE}", DROP),
        migrations.RunSQL(ROOM, NO_ROOM),
    ]
