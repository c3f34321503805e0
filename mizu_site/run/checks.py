"""What must be so before anything is started. Each check raises `Fault` with one clear sentence."""

from __future__ import annotations

import fcntl
import os
import socket
import time

import psycopg2
import redis

from mizu_site.run.place import Fault, Place

SECONDS = 5
WORKER_PORTS = "MIZU_SIP_WORKER_PORTS"


def directory(place: Place) -> None:
    """The state directory is there and ours to write; others may pass through it, not look into it."""
    try:
        if not place.var.exists():
            place.var.mkdir(parents=True)
            place.var.chmod(0o711)
        for folder in (place.run, place.log):
            folder.mkdir(mode=0o700, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise Fault(
            f"{place.var} cannot be written ({error.strerror}): give it to this user, or set MIZU_VAR."
        ) from error


def lock(place: Place) -> int:
    """Take the instance for this process; the lock goes with it, however it ends. Returns the file descriptor."""
    handle = os.open(place.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(handle, 20).decode().strip() or "unknown"
        os.close(handle)
        raise Fault(
            f"Mizu already runs on {place.var} (process {owner}): see ./mizu status, or stop it with ./mizu down."
        ) from None
    os.truncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return handle


def ports(place: Place, seconds: float = 3.0) -> None:
    """The ports of web, SIP and its workers are free; those that an instance killed just now still holds may take a moment.

    That of TLS is needed only once there is a certificate: the switch says itself when it is taken.
    """
    both, asked = (socket.SOCK_STREAM, socket.SOCK_DGRAM), place.asked
    wanted: list[tuple[str, str, int, tuple[socket.SocketKind, ...]]] = [
        ("MIZU_HTTP_PORT", "127.0.0.1", asked.http_port, (socket.SOCK_STREAM,)),
    ]
    stream = (socket.SOCK_STREAM,)
    for bind in asked.sip_binds:
        wanted.append(("MIZU_SIP_PORT", bind, asked.sip_port, both))
        wanted += [(WORKER_PORTS, bind, port, both) for port in _ports_of_workers(place)]
        for name, port in (
            ("MIZU_SIP_WS_PORT", asked.sip_ws_port),
            ("MIZU_SIP_WSS_PORT", asked.sip_wss_port),
        ):
            wanted += [(name, bind, port, stream)] if port else []
    for name, host, port, kinds in wanted:
        for kind in kinds:
            _free(name, host, port, kind, time.monotonic() + seconds)


def _ports_of_workers(place: Place) -> list[int]:
    """Each worker also listens on a port of its own, where the rest of its dialogs comes to."""
    from switch.net.config import ConfigError, NetConfig

    environ = os.environ | place.environment()
    try:
        return [
            NetConfig.from_env(environ, number).own_port
            for number in range(1, place.asked.switch_workers + 1)
        ]
    except ConfigError as error:
        raise Fault(str(error)) from error


def _free(name: str, host: str, port: int, kind: socket.SocketKind, deadline: float) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:  # connections that have ended do not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise Fault(_sentence(name, host, port, kind, error)) from error
        time.sleep(0.1)


def _sentence(name: str, host: str, port: int, kind: socket.SocketKind, error: OSError) -> str:
    protocol = "TCP" if kind == socket.SOCK_STREAM else "UDP"
    if error.errno == 98:
        free = (
            "the first of as many free ports as there are workers" if name == WORKER_PORTS else "a free port"
        )
        return (
            f"{protocol} port {port} on {host} is taken by another program: stop it, or set {name} to {free}."
        )
    return (
        f"{protocol} port {port} on {host} cannot be used ({error.strerror}): change {name} or MIZU_SIP_BIND."
    )


def database(url: str) -> None:
    """A PostgreSQL of somebody else's is reached, and lets us in."""
    try:
        psycopg2.connect(dsn(url), connect_timeout=SECONDS).close()
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise Fault(f"The database that DATABASE_URL names cannot be used: {reason}") from error


def dsn(url: str) -> str:
    """The URL in libpq's spelling. Its own scheme only; what Django's reader takes beside it is not ours to guess."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "psql", "pgsql"}:
        raise Fault("DATABASE_URL must begin with postgres://, because PostgreSQL is the only engine.")
    return f"postgresql://{rest}"


def redis_server(url: str) -> None:
    """A Redis of somebody else's is reached, and lets us in."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise Fault(f"The Redis that REDIS_URL names cannot be used: {error}") from error
