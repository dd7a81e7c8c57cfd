"""Who may ask: the key, the addresses a server answers to, and what other web sites may not do."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from instructcir.errors import InputError
from instructcir.server.refusals import Refusal

COOKIE = "instructcir_page"
FEWEST_CHARACTERS = 16
_OPEN = ("/", "/healthz", "/v1/sign-in", "/favicon.ico")


class Access:
    """Decides over requests by their headers.

    Args:
        key: that must be shown, or None where everyone may ask.
        host: that the server is bound to; on a loopback address, requests for any other name are refused, so that no
            web site can reach a private server by letting its own name point there (DNS rebinding).
        anyone: has it been said in words that everyone may ask?

    Raises:
        InputError: the server is bound to more than this machine and there is neither a key nor those words, or the
            key is too short.
    """

    def __init__(self, key: str | None, host: str, *, anyone: bool = False) -> None:
        self._loopback = is_loopback(host)
        if key is None and not self._loopback and not anyone:
            raise InputError(
                f"--host {host} lets other machines ask, and there is no key: set --api-key (or INSTRUCTCIR_API_KEY), "
                "or say --anyone-may-ask"
            )
        if key is not None and (len(key) < FEWEST_CHARACTERS or not key.isascii() or not key.isprintable()):
            raise InputError(f"the API key needs {FEWEST_CHARACTERS} printable ASCII characters or more")
        self._digest = None if key is None else _digest(key)
        self._cookie = secrets.token_urlsafe(32)  # of this process; the page need not keep the key itself

    @property
    def needs_key(self) -> bool:
        """Whether a key must be shown."""
        return self._digest is not None

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Let a request pass, or not; header names are in lower case.

        Raises:
            Refusal: it must not.
        """
        if self._loopback and not is_loopback(_host_of(headers.get("host", ""))):
            raise Refusal(421, "wrong_host", "this server answers to localhost only")
        self._check_site(method, path, headers)
        if self.needs_key and path not in _OPEN and not path.startswith("/page/") and not self._is_known(headers):
            raise Refusal(
                401, "key_needed", "send the server's key: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
            )

    def sign_in(self, key: str) -> str:
        """The cookie's value for whoever shows the key.

        Raises:
            Refusal: it is another key.
        """
        if not self._is_key(key):
            raise Refusal(401, "wrong_key", "this is not the server's key")
        return self._cookie

    def _check_site(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            foreign = True
        opens_page = method == "GET" and path == "/"
        if foreign and not opens_page:
            raise Refusal(403, "other_site", "other web sites may not use this server")

    def _is_known(self, headers: Mapping[str, str]) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_key(given.strip()):
            return True
        if self._is_key(headers.get("x-api-key", "")):
            return True
        cookies = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return any(name == COOKIE and hmac.compare_digest(_digest(v), _digest(self._cookie)) for name, _, v in cookies)

    def _is_key(self, given: str) -> bool:
        return self._digest is not None and hmac.compare_digest(_digest(given), self._digest)


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own and no other's."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(header: str) -> str:
    """The name in a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if ":" in header else header


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
