from django.db import migrations

from apps.core.notify import notices_of

_NOTICES = notices_of("dids_aninumber", "dids")

#: Two accounts may have been known by one number, one in each table. Who has noted it keeps it, because it has paid for its calls so
#: far; the other's page says that it has lost it.
MOVE = """
INSERT INTO users_knownnumber (account_id, number, created_at)
SELECT account_id, number, now() FROM dids_aninumber ON CONFLICT (number) DO NOTHING;
UPDATE users_account a
SET comment = concat_ws(E'\\n', nullif(a.comment, ''), 'Is no longer known by ' || lost.numbers || ': another account has noted it.')
FROM (SELECT n.account_id, string_agg('+' || n.number, ', ' ORDER BY n.number) AS numbers
      FROM dids_aninumber n JOIN users_knownnumber k USING (number)
      WHERE k.account_id <> n.account_id GROUP BY n.account_id) lost
WHERE a.id = lost.account_id;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('dids', '0001_numbers'),
        ('users', '0002_database'),
    ]

    operations = [
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.RunSQL(_NOTICES.reverse_sql, _NOTICES.sql),
        migrations.DeleteModel(
            name='AniNumber',
        ),
    ]
