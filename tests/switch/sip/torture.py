"""What is right for each message of RFC 4475, and why: one row per message, for the parser and for a whole worker.

`parse` is what reading it gives (with target and contacts, which every user agent looks at): GOOD, DROP, or the status that
the refusal names. `answer` is the final status that a worker sends to whoever is no customer of it: SILENCE, or a number.
A customer is asked for a proof (401, 407) only when nothing else is wrong, so these two stand for "accepted so far".
"""

from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "rfc4475"
GOOD, DROP, SILENCE = "good", "drop", 0


class Case(NamedTuple):
    """One message."""

    parse: str | int
    answer: int
    section: str
    why: str


MESSAGES = {
    # valid
    "wsinv": Case(GOOD, 481, "3.1.1.1", "legal blanks and folds; its To tag names a dialog that never was (RFC 3261 §12.2.2)"),
    "intmeth": Case(GOOD, 405, "3.1.1.2", "a method is any token, and this one is unknown (RFC 3261 §8.2.1)"),
    "esc01": Case(GOOD, 407, "3.1.1.3", "a user part may look like a URI once unescaped"),
    "escnull": Case(GOOD, 401, "3.1.1.4", "%00 in a user part is legal"),
    "esc02": Case(GOOD, 405, "3.1.1.5", "% in a method is no escape: RE%47IST%45R is not REGISTER"),
    "lwsdisp": Case(GOOD, 200, "3.1.1.6", "no blank is needed between a display name and <"),
    "longreq": Case(GOOD, 407, "3.1.1.7", "long values of many headers are no reason to refuse"),
    "dblreq": Case(GOOD, 401, "3.1.1.8", "what follows the length of the first in a datagram is ignored (RFC 3261 §18.3)"),
    "semiuri": Case(GOOD, 200, "3.1.1.9", "a semicolon before @ belongs to the user part"),
    "transports": Case(GOOD, 200, "3.1.1.10", "any token is a transport in Via"),
    "mpart01": Case(GOOD, 407, "3.1.1.11", "a body of bytes in parts is carried as it is; a MESSAGE of a stranger is challenged"),
    "unreason": Case(GOOD, SILENCE, "3.1.1.12", "any text is a reason phrase; a response to nothing is dropped (§18.1.2)"),
    "noreason": Case(GOOD, SILENCE, "3.1.1.13", "the reason phrase may be empty; a response to nothing is dropped"),
    # invalid
    "badinv01": Case(400, 400, "3.1.2.1", "parameters of Via may not be empty"),
    "clerr": Case(400, 400, "3.1.2.2", "the datagram ends before Content-Length says (RFC 3261 §18.3)"),
    "ncl": Case(400, 400, "3.1.2.3", "a length is not negative"),
    "scalar02": Case(400, 400, "3.1.2.4", "CSeq is below 2^31 (RFC 3261 §8.1.1.5)"),
    "scalarlg": Case(DROP, SILENCE, "3.1.2.5", "the same in a response, which nobody answers"),
    "quotbal": Case(400, 400, "3.1.2.6", "a quote is opened and never closed"),
    "ltgtruri": Case(400, 400, "3.1.2.7", "no brackets around a Request-URI"),
    "lwsruri": Case(400, 400, "3.1.2.8", "no blank within a Request-URI"),
    "lwsstart": Case(400, 400, "3.1.2.9", "one blank between the parts of a request line, not more"),
    "trws": Case(400, 400, "3.1.2.10", "nothing follows the version"),
    "escruri": Case(400, 400, "3.1.2.11", "no headers in a Request-URI (RFC 3261 §19.1.1)"),
    "baddate": Case(GOOD, 407, "3.1.2.12", "who does not need the Date does not refuse for its zone"),
    "regbadct": Case(400, 400, "3.1.2.13", "a URI with ? needs brackets in Contact (RFC 3261 §20)"),
    "badaspec": Case(400, 400, "3.1.2.14", "no blank within < >"),
    "baddn": Case(400, 400, "3.1.2.15", "a display name of more than tokens needs quotes"),
    "badvers": Case(505, 505, "3.1.2.16", "SIP/7.0 is not spoken here"),
    "mismatch01": Case(400, 400, "3.1.2.17", "CSeq names another method (RFC 3261 §8.1.1.5)"),
    "mismatch02": Case(400, 400, "3.1.2.18", "the same with an unknown method"),
    "bigcode": Case(DROP, SILENCE, "3.1.2.19", "no such status; nobody answers a response"),
    # transactions
    "badbranch": Case(GOOD, 200, "3.2.1", "the cookie alone is no branch: the transaction is told by its other parts (§17.2.3)"),
    # the application
    "insuf": Case(400, 400, "3.3.1", "no Call-ID, From and To"),
    "unkscm": Case(416, 416, "3.3.2", "an unknown scheme in the Request-URI (RFC 3261 §8.2.2.1)"),
    "novelsc": Case(416, 416, "3.3.3", "a known scheme, not one that leads anywhere by SIP"),
    "unksm2": Case(GOOD, 401, "3.3.4", "other schemes in From, To and Contact are legal; a registrar decides after the proof (§10.3)"),
    "bext01": Case(GOOD, 420, "3.3.5", "extensions that nobody knows are required (RFC 3261 §8.2.2.3)"),
    "invut": Case(GOOD, 415, "3.3.6", "the type of the body is unknown (RFC 3261 §8.2.3)"),
    "regaut01": Case(GOOD, 401, "3.3.7", "a proof by an unknown scheme proves nothing: asked anew"),
    "multi01": Case(400, 400, "3.3.8", "two different Call-ID, CSeq, From, To, Max-Forwards"),
    "mcl01": Case(400, 400, "3.3.9", "two different lengths"),
    "bcast": Case(GOOD, SILENCE, "3.3.10", "a response of no request of ours goes nowhere, least of all to its Via's 255.255.255.255"),
    "zeromf": Case(GOOD, 200, "3.3.11", "no hops left concerns who would pass it on; OPTIONS ends here (RFC 3261 §11)"),
    "cparam01": Case(GOOD, 401, "3.3.12", "without brackets a parameter belongs to the header"),
    "cparam02": Case(GOOD, 401, "3.3.13", "within them to the URI"),
    "regescrt": Case(GOOD, 401, "3.3.14", "headers within the URI of a Contact are legal"),
    "sdp01": Case(GOOD, 406, "3.3.15", "only an unknown type is accepted as an answer, and a session description is no such"),
    # RFC 2543
    "inv2543": Case(GOOD, 407, "3.4.1", "old peers have no branch, tag, Max-Forwards or Contact, and call all the same"),
}  # fmt: skip

UNSALVAGEABLE = "test"
"""A file beside those of the RFC: no version, no Via, a header without a colon."""
