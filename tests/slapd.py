"""OpenLDAP's server from Debian at a free port, with a few people and a group."""

from __future__ import annotations

import subprocess
from pathlib import Path
from socket import SOCK_STREAM
from types import TracebackType
from typing import Self

from mizu_site.run.child import tied
from tests.support import free_port, listens, wait_for

CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 10485760
suffix "dc=example,dc=com"
directory {folder}/db
access to attrs=userPassword by anonymous auth
access to * by users read
"""
PEOPLE = """\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

"""
PERSON = """\
dn: uid={name},ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: {name}
cn: {name}
sn: {name}
userPassword: {password}

"""
GROUP = """\
dn: cn={name},dc=example,dc=com
objectClass: groupOfNames
cn: {name}
member: uid={member},ou=people,dc=example,dc=com

"""
USER_DN = "uid={},ou=people,dc=example,dc=com"


class Slapd:
    """A directory of people with passwords, and of groups of one each. Use it as a context manager; it dies with us."""

    def __init__(self, folder: Path, people: dict[str, str], groups: dict[str, str]) -> None:
        self.folder = folder / "slapd"
        (self.folder / "db").mkdir(parents=True)
        self.port = free_port()
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.config = self.folder / "slapd.conf"
        self.config.write_text(CONFIG.format(folder=self.folder))
        entries = [PERSON.format(name=name, password=password) for name, password in people.items()]
        entries += [GROUP.format(name=name, member=member) for name, member in groups.items()]
        (self.folder / "people.ldif").write_text(PEOPLE + "".join(entries))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        words = ["slapadd", "-f", str(self.config), "-l", str(self.folder / "people.ldif")]
        subprocess.run(words, check=True, capture_output=True)
        self._process = subprocess.Popen(
            tied(["slapd", "-f", str(self.config), "-h", self.url, "-d", "0"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: listens(self.port, SOCK_STREAM), 30, "slapd")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
