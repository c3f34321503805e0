"""What changes money: the ledger, holds, settlement, payments, issuing."""
