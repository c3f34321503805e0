"""Where phones are: REGISTER, the bindings that it makes, and who may be called by them (RFC 3261 §10.3).

- `binding`: one phone of an account, small enough for a hundred thousand of them.
- `table`: all that a worker knows; what others tell (through Redis, see `switch.live`) is taken over.
- `request`: a REGISTER, read and judged without changing anything.
- `register`: answers REGISTER: proves who it is, checks the whole request, then changes all of it or nothing.
- `elsewhere`: asks for phones that another worker has just registered.
- `upper`: passes registrations on to another server.
- `alive`: keeps the holes in NATs open.
"""

from switch.registrar.binding import Binding
from switch.registrar.register import TLS_WANTED, Registrar

__all__ = ["TLS_WANTED", "Binding", "Registrar"]
