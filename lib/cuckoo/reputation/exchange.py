"""One GET request, with everything that may go wrong turned into words.

Rules for whoever edits this file:

- GET is the only verb, there is never a body, and no redirect is followed: a key must not travel to another host
- no exception of requests leaves `fetch`: they hold the request, and the request holds the key
- the caller gets its thread back in time, whatever the resolver, the proxy or the server does
"""

import email.utils
import errno
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lib.cuckoo import __version__
from lib.cuckoo.common.exceptions import CuckooDependencyError

if TYPE_CHECKING:
    import requests

LARGEST_BYTES = 16 << 20
_PIECE_BYTES = 1 << 14
_SECONDS = re.compile(r"[0-9]{1,9}")
_HOST = re.compile(r"[\w.:\[\]-]{1,100}", re.ASCII)
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # what is not packed cannot unpack to more than was counted
    "User-Agent": f"fledge/{__version__}",
}


@dataclass(frozen=True)
class Request:
    """What is asked; `secrets` are headers, whose values appear nowhere else, not even in what comes back."""

    url: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy: str = field(default="", repr=False)
    """Empty for what the environment says."""


@dataclass(frozen=True)
class Reply:
    """What came back: a status with its body, or with status 0 the problem in words."""

    status: int = 0
    body: bytes = b""
    retry_after: float = 0.0
    """Seconds that the server asks to wait."""
    problem: str = ""
    temporary: bool = False
    """It may be different in a moment."""


def fetch(request: Request, seconds: float) -> Reply:
    """Send one request and return its reply after at most `seconds`.

    The request runs in a thread that is left behind if it must be: nothing else bounds the time that the
    system's resolver takes, or a server that sends its headers byte by byte.

    Raises:
        CuckooDependencyError: requests is not installed.
    """
    require_requests()
    replies: list[Reply] = []
    thread = threading.Thread(
        target=lambda: replies.append(_exchange(request, seconds)), name="look-up", daemon=True
    )
    thread.start()
    thread.join(seconds)
    return (
        replies[0] if replies else Reply(problem=f"gave no whole answer in {seconds:.3g} s", temporary=True)
    )


def require_requests() -> None:
    """Import requests.

    Raises:
        CuckooDependencyError: it is not installed; the message says how to mend that.
    """
    try:
        import requests  # noqa: F401, PLC0415 - an extra, and 100 ms
    except ImportError as error:
        raise CuckooDependencyError("look-ups need requests: pip install 'fledge[reputation]'") from error


def _exchange(request: Request, seconds: float) -> Reply:
    import requests  # noqa: PLC0415 - an extra, and 100 ms
    import urllib3  # noqa: PLC0415 - comes with requests

    end = time.monotonic() + seconds
    try:
        with (
            _session() as session,
            session.get(
                request.url,
                headers=_HEADERS | dict(request.secrets),
                auth=_no_credentials,
                proxies={"http": request.proxy, "https": request.proxy} if request.proxy else None,
                timeout=seconds,
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            return _read(response, end, _scrubber(request))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return _failed(error)


def _session() -> "requests.Session":
    """Return a session that does not know what a redirect is.

    `allow_redirects=False` is not enough: requests then still reads a redirect's body to its end, and unpacks it.
    """
    import requests  # noqa: PLC0415 - an extra, and 100 ms

    session = requests.Session()
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]  # noqa: ARG005 - theirs to name
    return session


def _no_credentials(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Stand in for an authentication, so that requests takes none from the user's .netrc."""
    return request


def _scrubber(request: Request) -> Callable[[bytes], bytes]:
    """Return what blanks the secrets, for a server or proxy that echoes the request."""

    def scrub(data: bytes) -> bytes:
        for secret in request.secrets.values():
            data = data.replace(secret.encode(), b"***")
        return data

    return scrub


def _read(response: "requests.Response", end: float, scrub: Callable[[bytes], bytes]) -> Reply:
    status = response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Reply(problem=f"answers with a redirect{_place(response, scrub)}, which is not followed")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return Reply(problem="answers in an encoding that was not asked for")
    body = bytearray()
    for piece in _pieces(response):
        body += piece
        if len(body) > LARGEST_BYTES:
            return Reply(problem=f"answers with more than {LARGEST_BYTES >> 20} MiB")
        if time.monotonic() > end:
            return Reply(problem="takes too long to answer", temporary=True)
    return Reply(
        status,
        scrub(bytes(body)),
        retry_after_seconds(response.headers.get("Retry-After", ""), time.time()),
        temporary=status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def _pieces(response: "requests.Response") -> Iterator[bytes]:
    yield from response.raw.stream(_PIECE_BYTES, decode_content=False)


def _place(response: "requests.Response", scrub: Callable[[bytes], bytes]) -> str:
    """Name the host that a redirect leads to."""
    try:
        host = urlsplit(response.headers.get("Location", "")).netloc.rpartition("@")[2]
    except ValueError:
        return ""
    host = scrub(host.encode(errors="replace")).decode(errors="replace")
    return f" to {host}" if _HOST.fullmatch(host) else ""


def retry_after_seconds(text: str, now: float) -> float:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3), 0 for what cannot be read."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


def _failed(error: Exception) -> Reply:
    """Say what went wrong; the text of such errors is not ours to show, but the kernel's words for it are."""
    import requests  # noqa: PLC0415 - an extra, and 100 ms

    words = _words(error)
    if isinstance(error, requests.exceptions.SSLError):
        return Reply(problem=f"cannot be trusted: its certificate was refused{words}")
    if isinstance(error, requests.exceptions.ProxyError):
        return Reply(problem=f"is behind a proxy that cannot be reached{words}", temporary=True)
    if isinstance(error, requests.exceptions.Timeout):
        return Reply(problem="gave no answer in time", temporary=True)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Reply(problem="has an address, or a proxy, that cannot be used")
    if isinstance(error, requests.exceptions.ConnectionError | OSError) and words:
        return Reply(problem=f"cannot be reached{words}", temporary=True)
    return Reply(problem=f"broke off its answer ({type(error).__name__})", temporary=True)


def _words(error: BaseException | None) -> str:
    """Find the system's error below those that were raised because of it, and put it in parentheses."""
    for below in _chain(error):
        number = getattr(below, "errno", None)
        if type(below).__name__ == "NameResolutionError" or type(below).__name__ == "gaierror":
            return " (its name cannot be resolved)"
        if isinstance(below, OSError) and number in errno.errorcode and below.strerror:
            return f" ({below.strerror.lower()})"
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those below it: causes, contexts, and what urllib3 carries as `reason` or argument."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            waiting += [
                getattr(current, "reason", None),
                *current.args,
                current.__cause__,
                current.__context__,
            ]
