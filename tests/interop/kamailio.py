"""Kamailio from Debian, as the proxy that operators put in front of several switches."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from mizu_site.run.child import tied
from tests.support import KINDS, _is_free, free_port, wait_for

#: A dispatcher that stays in the way of the dialog (Record-Route), and tries the next switch when one does not answer.
DISPATCHER = """\
#!KAMAILIO
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
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


class Kamailio:
    """One instance with such a configuration. Use it as a context manager; it dies with us."""

    def __init__(self, folder: Path, config: str, *, switches: list[int] = [], **values: object) -> None:  # noqa: B006
        self.folder = folder / "kamailio"
        self.folder.mkdir()
        self.port = free_port()
        lines = [f"1 sip:127.0.0.1:{port} 0 {-place}\n" for place, port in enumerate(switches)]
        (self.folder / "switches").write_text("".join(lines))
        text = config.format(port=self.port, folder=self.folder, **values)
        (self.folder / "kamailio.cfg").write_text(text)

    def __enter__(self) -> Self:
        words = ["kamailio", "-f", str(self.folder / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "8",
                 "-w", str(self.folder), "-Y", str(self.folder)]  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                tied(words, signal="KILL"), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        wait_for(self._listens, 10, f"Kamailio to listen\n{self.log()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        assert self._process.poll() is None, self.log()
        return not _is_free(self.port, KINDS[1], "127.0.0.1")

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""
