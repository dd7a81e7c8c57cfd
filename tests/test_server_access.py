"""Who may ask: keys, addresses, other web sites."""

from __future__ import annotations

import pytest

from instructcir.errors import InputError
from instructcir.server.access import Access, is_loopback
from instructcir.server.filters import checked_condition
from instructcir.server.refusals import Refusal, without_paths

KEY = "0123456789abcdef"
LOCAL = {"host": "127.0.0.1:8000"}


def refusal(access: Access, headers: dict[str, str], method: str = "GET", path: str = "/v1/index") -> str:
    with pytest.raises(Refusal) as found:
        access.check(method, path, headers)
    return found.value.code


def test_other_machines_need_a_key_or_words() -> None:
    with pytest.raises(InputError, match="--api-key"):
        Access(None, "0.0.0.0")
    with pytest.raises(InputError, match="16 printable"):
        Access("short", "0.0.0.0")
    Access(None, "0.0.0.0", anyone=True).check("GET", "/v1/index", {"host": "shop.example"})
    Access(KEY, "0.0.0.0")


def test_the_key_is_asked_for_everywhere_but_at_the_door() -> None:
    access = Access(KEY, "0.0.0.0")
    assert refusal(access, LOCAL) == "key_needed"
    assert refusal(access, {**LOCAL, "authorization": "Bearer " + KEY[:-1]}) == "key_needed"
    assert refusal(access, {**LOCAL, "authorization": "Basic " + KEY}) == "key_needed"
    assert refusal(access, {**LOCAL, "x-api-key": "ключ"}) == "key_needed"
    assert refusal(access, LOCAL, path="/metrics") == "key_needed"
    assert refusal(access, LOCAL, path="/v1/sign-in/") == "key_needed"
    for shown in ({"authorization": f"bearer {KEY}"}, {"x-api-key": KEY}):
        access.check("GET", "/v1/index", {**LOCAL, **shown})
    cookie = access.sign_in(KEY)
    access.check("GET", "/v1/index", {**LOCAL, "cookie": f"a=b; instructcir_page={cookie}"})
    assert refusal(access, {**LOCAL, "cookie": f"instructcir_page={KEY}"}) == "key_needed"
    for path in ("/", "/healthz", "/page/main.js", "/v1/sign-in"):
        access.check("GET", path, LOCAL)
    with pytest.raises(Refusal):
        access.sign_in(KEY + "0")


def test_a_private_server_answers_to_its_own_names_only() -> None:
    access = Access(None, "127.0.0.1")
    for host in ("localhost", "localhost:80", "127.0.0.1:8000", "[::1]:8000"):
        access.check("GET", "/", {"host": host})
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[::2]", "localhost.evil.example:80"):
        assert refusal(access, {"host": host}, path="/") == "wrong_host"
    assert [is_loopback(host) for host in ("::1", "127.3.2.1", "0.0.0.0", "example.org")] == [True, True, False, False]


def test_other_sites_may_link_to_the_page_and_no_more() -> None:
    access = Access(None, "127.0.0.1")
    foreign = {**LOCAL, "sec-fetch-site": "cross-site"}
    access.check("GET", "/", foreign)
    assert refusal(access, foreign) == "other_site"
    assert refusal(access, {**LOCAL, "origin": "http://evil.example"}, "POST") == "other_site"
    assert refusal(access, {**LOCAL, "origin": "null"}, "POST") == "other_site"
    access.check("POST", "/v1/search", {**LOCAL, "origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"})


def test_conditions_compare_and_do_nothing_else() -> None:
    columns = ["brand", "price"]
    for allowed in ("price < 50 and brand = 'x'", "brand in ('a', 'it''s') or not price >= 1.5e3", "width*height > 99"):
        assert checked_condition(allowed, columns) == allowed
    for refused in (
        "path like '%/home%'",
        "repeat('a', 1000000000) = brand",
        "brand = 'x'; drop table pictures",
        'brand = "x"',
        "brand = 'x' -- ' and",
        "price < 5 and vector is not null",
        "`path` = 'x'",
        "brand = 'x",
    ):
        with pytest.raises(Refusal):
            checked_condition(refused, columns)


def test_messages_lose_their_paths() -> None:
    assert without_paths("/srv/a/b.png: no file") == "…: no file"
    assert without_paths("read C:\\Users\\me\\a.png, then '~/x'") == "read …, then '…'"
    assert without_paths("a 1 / 2 choice") == "a 1 / 2 choice"
