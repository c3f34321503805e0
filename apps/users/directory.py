"""Staff that logs in by the passwords of an LDAP directory (settings `ldap_…`; RFC 4511, RFC 4513).

1. The password proves itself by a bind as the person's own entry; nothing is bound without a password, because directories take that
   for a visit by nobody.
2. An account of the same name that is staff and enabled is opened. Customers' accounts never are.
3. Without one, a member of `ldap_admins` or `ldap_support` gets an account of that kind, without a password of its own.
4. A directory that does not answer, or not by TLS where it must, lets nobody in; passwords of our own go on working.
"""

from __future__ import annotations

import logging
import ssl
from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from ldap3 import BASE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

from apps.config import queries as config
from apps.users.choices import STAFF, Kind
from apps.users.models import Account, username_rule
from apps.users.services import open_account

logger = logging.getLogger(__name__)

SECONDS = 5


class StaffDirectory(BaseBackend):
    """Django's backend for it; after our own passwords."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> Account | None:
        url = config.get("ldap_url")
        if not url or not username or not password or not _is_name(username):
            return None
        account = Account.objects.filter(username=username).first()
        if account is not None and not (account.kind in STAFF and account.is_active):
            return None
        dn = config.get("ldap_user_dn").replace("{}", escape_rdn(username))
        try:
            with Connection(
                _server(url), user=dn, password=password, receive_timeout=SECONDS, raise_exceptions=False
            ) as connection:
                return _proved(connection, username, dn, account)
        except (LDAPException, OSError, ssl.SSLError) as error:
            logger.warning("the directory cannot be asked: %s", type(error).__name__)
            return None

    def get_user(self, user_id: int) -> Account | None:
        return Account.objects.filter(pk=user_id, kind__in=STAFF, is_active=True).first()


def _server(url: str) -> Server:
    return Server(url, connect_timeout=SECONDS, tls=Tls(validate=ssl.CERT_REQUIRED))


def _proved(connection: Connection, username: str, dn: str, account: Account | None) -> Account | None:
    if connection.closed:
        connection.open()
    if config.get("ldap_starttls") and not connection.server.ssl and not connection.start_tls():
        logger.warning("the directory does not speak TLS, so no password is sent to it")
        return None
    if not connection.bind():
        return None
    if account is not None:
        return account
    for kind, key in ((Kind.ADMIN, "ldap_admins"), (Kind.SUPPORT, "ldap_support")):
        if _is_member(connection, config.get(key), dn):
            try:
                return open_account(username=username, kind=kind)
            except ValidationError as error:
                logger.warning("no account was opened for %s of the directory: %s", username, error.messages)
    return None


def _is_member(connection: Connection, group: str, dn: str) -> bool:
    """Whether the group names the entry (groupOfNames, or groupOfUniqueNames)."""
    if not group:
        return False
    entry = escape_filter_chars(dn)
    found = connection.search(group, f"(|(member={entry})(uniqueMember={entry}))", BASE, attributes=[])
    return bool(found and connection.entries)


def _is_name(username: str) -> bool:
    try:
        username_rule(username)
    except ValidationError:
        return False
    return len(username) <= 64
