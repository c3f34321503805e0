"""What has been written stays: ledger entries and issued documents refuse to be changed by anybody."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION invoices_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME;
END $$;
CREATE FUNCTION invoices_refuse_but_delivery() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF to_jsonb(OLD) - 'pdf' - 'mailed_at' IS DISTINCT FROM to_jsonb(NEW) - 'pdf' - 'mailed_at'
     OR (OLD.pdf IS NOT NULL AND OLD.pdf IS DISTINCT FROM NEW.pdf) THEN
    RAISE EXCEPTION 'an issued document is never changed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE ON invoices_ledgerentry
  FOR EACH ROW EXECUTE FUNCTION invoices_refuse();
CREATE TRIGGER invoice_lines_stay BEFORE UPDATE OR DELETE ON invoices_invoiceline
  FOR EACH ROW EXECUTE FUNCTION invoices_refuse();
CREATE TRIGGER invoices_stay BEFORE DELETE ON invoices_invoice
  FOR EACH ROW EXECUTE FUNCTION invoices_refuse();
CREATE TRIGGER invoices_do_not_change BEFORE UPDATE ON invoices_invoice
  FOR EACH ROW EXECUTE FUNCTION invoices_refuse_but_delivery();
"""
BACKWARDS = """
DROP TRIGGER ledger_is_append_only ON invoices_ledgerentry;
DROP TRIGGER invoice_lines_stay ON invoices_invoiceline;
DROP TRIGGER invoices_stay ON invoices_invoice;
DROP TRIGGER invoices_do_not_change ON invoices_invoice;
DROP FUNCTION invoices_refuse(), invoices_refuse_but_delivery();
"""


class Migration(migrations.Migration):
    dependencies = [("invoices", "0001_initial")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
