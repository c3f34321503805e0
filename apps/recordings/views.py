"""Listening to a recording and taking it away; the same addresses for staff and customers, each for what is theirs to hear."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.recordings import services, sound, store
from apps.recordings.engine.keys import NoKey
from apps.recordings.engine.sealed import SealedReader, Tampered
from apps.recordings.models import Recording, Way
from apps.recordings.queries import audible_recordings, may_listen

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PART = 64 << 10


@require_GET
@login_required
def listen(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The sound itself (FLAC), any part of it, as a browser's player asks for it."""
    recording = _found(request, pk)
    asked = _range(request)
    opened = _open(recording, prove=asked is None or asked[0] == 0)
    if isinstance(opened, HttpResponse):
        return opened
    services.listened(recording=recording, by=request.user, way=Way.LISTEN, address=_address(request))
    return _part(opened, asked)


@require_GET
@login_required
def download(request: HttpRequest, pk: int, way: str) -> HttpResponseBase:
    """As a file: WAV or MP3."""
    return sent(request, _found(request, pk), way)


def sent(request: HttpRequest, recording: Recording, way: str) -> HttpResponseBase:
    """The file, and the note that somebody took it. `way`: a key of `sound.FORMATS`."""
    kind, made = sound.FORMATS[way]
    opened = _open(recording, prove=True)
    if isinstance(opened, HttpResponse):
        return opened
    services.listened(recording=recording, by=request.user, way=Way(way), address=_address(request))
    parts = _closing(opened, made(opened, rate=recording.rate, frames=recording.frames))
    response = StreamingHttpResponse(parts, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{recording.call_id}-{recording.number}.{way}"'
    return response


def _found(request: HttpRequest, pk: int) -> Recording:
    if request.user.is_staff and not may_listen(request.user):
        raise PermissionDenied
    return get_object_or_404(audible_recordings(request.user), pk=pk)


def _open(recording: Recording, *, prove: bool) -> SealedReader | HttpResponse:
    """The sound; or an answer that says in a sentence why there is none."""
    try:
        return store.open_sound(recording, prove=prove)
    except store.Gone:
        return _problem(_("The recording's file is not there any more."), 410)
    except Tampered:
        return _problem(_("The recording's file was changed since it was stored; it is not played."), 409)
    except NoKey as error:
        return _problem(str(error), 503)


def _problem(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


def _range(request: HttpRequest) -> tuple[int, int | None] | None:
    """First and last byte (RFC 9110 §14.1.2); None, the whole, when several parts or something unreadable is asked for."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or len(match[1]) > 15 or len(match[2]) > 15:
        return None
    return int(match[1]), int(match[2]) if match[2] else None


def _part(flac: SealedReader, asked: tuple[int, int | None] | None) -> HttpResponseBase:
    size = flac.size
    start, end = asked or (0, None)
    last = size - 1 if end is None else min(end, size - 1)
    if start > last:
        flac.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    parts = _closing(flac, _bytes(flac, start, last - start + 1))
    response = StreamingHttpResponse(parts, content_type="audio/flac", status=206 if asked else 200)
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(last - start + 1)
    response["Cache-Control"] = "private, no-store"
    if asked:
        response["Content-Range"] = f"bytes {start}-{last}/{size}"
    return response


def _bytes(flac: SealedReader, start: int, count: int) -> Iterator[bytes]:
    flac.seek(start)
    while count > 0 and (part := flac.read(min(count, _PART))):
        count -= len(part)
        yield part


def _closing(flac: SealedReader, parts: Iterator[bytes]) -> Iterator[bytes]:
    with flac:
        yield from parts


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
