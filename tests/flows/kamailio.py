"""A Kamailio that plays a carrier's registrar and proxy: it asks for passwords, remembers contacts and passes calls to them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mizu_site.run.child import tied
from tests.support import wait_for

REALM, USER, PASSWORD = "carrier.example", "mizu-line", "between-us-only"

CONFIG = """
debug=2
log_stderror=yes
children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
mhomed=0
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", {granted})
modparam("registrar", "min_expires", {least})
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("auth", "nonce_expire", 30)
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "Here"); exit; }}
  if (has_totag()) {{ if (loose_route() || is_method("ACK")) {{ t_relay(); exit; }} sl_send_reply("404", "Not here"); exit; }}
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("{realm}", "{password}", "0")) {{ auth_challenge("{realm}", "1"); exit; }}
    save("location");
    exit;
  }}
  record_route();
  if (!lookup("location")) {{ sl_send_reply("404", "Nobody is registered"); exit; }}
  t_relay();
}}
"""


class Kamailio:
    """One process; `stop` and `start` as often as a test likes. It remembers no contact beyond that."""

    def __init__(self, folder: Path, port: int, *, granted: int, least: int) -> None:
        self.port = port
        self.config = folder / "kamailio.cfg"
        self.log = folder / "kamailio.log"
        self.run = folder
        self.config.write_text(
            CONFIG.format(port=port, realm=REALM, password=PASSWORD, granted=granted, least=least)
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["kamailio", "-DD", "-E", "-f", str(self.config), "-w", str(self.run), "-Y", str(self.run),
                 "-P", str(self.run / "kamailio.pid"), "-m", "16", "-M", "4"]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(tied(words, signal="TERM"), stdout=log, stderr=log)
        wait_for(self._listens, 10, f"Kamailio to listen\n{self.log.read_text(errors='replace')[-2000:]}")

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        wanted = f"{self.port:04X}"
        return any(
            line.split()[1].endswith(f":{wanted}")
            for line in Path("/proc/net/udp").read_text().splitlines()[1:]
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@contextmanager
def kamailio(folder: Path, port: int, *, granted: int = 3600, least: int = 60) -> Iterator[Kamailio]:
    """A running one."""
    made = Kamailio(folder, port, granted=granted, least=least)
    made.start()
    try:
        yield made
    finally:
        made.stop()
