"""A cache whose loss is no outage."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def _forgiving(name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    """The backend's method, with an answer for when Redis is away: nothing found, nothing kept."""
    method = getattr(RedisCache, name)

    @wraps(method)
    def call(self: RedisCache, *args: Any, **options: Any) -> Any:
        try:
            return method(self, *args, **options)
        except RedisError as error:
            logger.warning("cache away: %s", error)
            return answer(*args, **options)

    return call


class ForgivingRedisCache(RedisCache):
    """Redis, or nothing at all while it is away: people still log in, only attempts are not counted then."""

    add = _forgiving("add", lambda *args, **options: True)
    get = _forgiving("get", lambda key, default=None, version=None: default)
    set = _forgiving("set", lambda *args, **options: None)
    touch = _forgiving("touch", lambda *args, **options: False)
    delete = _forgiving("delete", lambda *args, **options: False)
    get_many = _forgiving("get_many", lambda *args, **options: {})
    set_many = _forgiving("set_many", lambda *args, **options: [])
    delete_many = _forgiving("delete_many", lambda *args, **options: None)
    has_key = _forgiving("has_key", lambda *args, **options: False)
    incr = _forgiving("incr", lambda key, delta=1, version=None: delta)
