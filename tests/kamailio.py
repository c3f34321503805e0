"""Kamailio from Debian: a proxy that operators put in front of their switches, or a carrier's registrar."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from mizu_site.run.child import tied
from tests.support import free_port, listens, wait_for

_COMMON = """\
#!KAMAILIO
debug=1
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
"""
#: Stays in the way of the dialog (Record-Route), and tries the next switch when one does not answer.
DISPATCHER = (
    _COMMON
    + """\
loadmodule "dispatcher.so"
modparam("dispatcher", "list_file", "{folder}/switches")
modparam("dispatcher", "xavp_dst", "_dsdst_")
modparam("dispatcher", "xavp_ctx", "_dsctx_")
modparam("tm", "fr_timer", 2000)
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    t_check_trans();
    record_route();
    if (!ds_select_dst("1", "8")) {{ sl_send_reply("503", "No switch"); exit; }}
    t_on_failure("NEXT");
    t_relay();
}}
failure_route[NEXT] {{
    if (t_is_canceled()) exit;
    if (t_branch_timeout() || t_check_status("503")) {{
        if (ds_next_dst()) {{ t_on_failure("NEXT"); t_relay(); exit; }}
    }}
}}
"""
)
REALM, USER, PASSWORD = "carrier.example", "mizu-line", "between-us-only"
#: Asks for passwords, remembers contacts (as long as it runs) and passes calls to them.
REGISTRAR = (
    _COMMON
    + f"""\
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", {{granted}})
modparam("registrar", "min_expires", 60)
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("auth", "nonce_expire", 30)
request_route {{{{
    if (!mf_process_maxfwd_header("10")) {{{{ sl_send_reply("483", "Too Many Hops"); exit; }}}}
    if (is_method("OPTIONS")) {{{{ sl_send_reply("200", "Here"); exit; }}}}
    if (has_totag()) {{{{
        if (loose_route() || is_method("ACK")) {{{{ t_relay(); exit; }}}}
        sl_send_reply("404", "Not here"); exit;
    }}}}
    if (is_method("REGISTER")) {{{{
        if (!pv_www_authenticate("{REALM}", "{PASSWORD}", "0")) {{{{ auth_challenge("{REALM}", "1"); exit; }}}}
        save("location");
        exit;
    }}}}
    record_route();
    if (!lookup("location")) {{{{ sl_send_reply("404", "Nobody is registered"); exit; }}}}
    t_relay();
}}}}
"""
)


class Kamailio:
    """One of them at a free port; `stop` and `start` as often as a test likes. Use it as a context manager; it dies with us."""

    def __init__(
        self, folder: Path, config: str, *, switches: tuple[int, ...] = (), **values: object
    ) -> None:
        self.folder = folder / "kamailio"
        self.folder.mkdir()
        self.port = free_port()
        lines = [f"1 sip:127.0.0.1:{port} 0 {-place}\n" for place, port in enumerate(switches)]
        (self.folder / "switches").write_text("".join(lines))
        text = config.format(port=self.port, folder=self.folder, **values)
        (self.folder / "kamailio.cfg").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        words = ["kamailio", "-f", str(self.folder / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "8",
                 "-w", str(self.folder), "-Y", str(self.folder), "-P", str(self.folder / "pid")]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                tied(words, signal="KILL"), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        wait_for(self._listens, 10, f"Kamailio to listen\n{self.log()}")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        return listens(self.port, socket.SOCK_DGRAM)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""
