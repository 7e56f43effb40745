"""Logging in and out: cookies, what ends a session, where a login leads, and how often it may be tried."""

import asyncio
import re
import statistics
import threading
import time
from unittest.mock import patch

from trackerdcs.adapters.cookies_itsdangerous import SignedCookies
from trackerdcs.tests.waiting import until
from trackerdcs.tests.web_case import HASH, SITE, WebCase
from trackerdcs.web.parts import AGE_S
from trackerdcs.web.passwords import _NOBODY, AT_ONCE, WAITING, Passwords, hash_password


class Cookies(WebCase):
    async def test_flags(self) -> None:
        for site, secure in ((SITE, False), ("http://127.0.0.1:8000", False), ("https://server.lab", True)):
            with self.subTest(site):
                cookie = (await self.log_in(self.client(site), "viewer")).headers.get_list("set-cookie")
                self.assertEqual(len(cookie), 1)
                for flag in ("HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={AGE_S}"):
                    self.assertIn(f"; {flag}", cookie[0])
                self.assertEqual("; Secure" in cookie[0], secure)
                self.assertNotIn("Domain", cookie[0])

    async def test_over_plain_http_no_password_is_taken_from_another_computer(self) -> None:
        answer = await self.log_in(self.client("http://server.lab:8000"), "viewer")
        self.assertEqual(answer.status_code, 400)
        self.assertIn("https", answer.text)
        self.assertNotIn("set-cookie", answer.headers)

    async def test_forged_ones_are_nothing(self) -> None:
        client = await self.logged_in("admin")
        good = client.cookies["trackerdcs"]
        id = self.seal.unseal(good) or ""
        with patch("time.time", return_value=time.time() - AGE_S - 2):
            expired = self.seal.seal(id)
        other = SignedCookies("x" * 40, AGE_S).seal(id)
        unknown = self.seal.seal("made-up")
        for cookie in (good[:-4] + "AAAA", id, expired, other, unknown, "", "admin", "x" * 5000):
            with self.subTest(cookie[:60]):
                answer = await self.client().get("/api/me", headers={"Cookie": f"trackerdcs={cookie}"})
                self.assertEqual(answer.status_code, 401)
        self.assertTrue(await self.alive(client))

    async def test_a_session_lasts_twelve_hours(self) -> None:
        client = await self.logged_in("viewer")
        self.clock.later = AGE_S - 60
        self.assertTrue(await self.alive(client))
        self.clock.later = AGE_S + 1
        self.assertFalse(await self.alive(client))

    async def test_what_ends_a_session_ends_it_at_once(self) -> None:
        for change in (
            lambda: self.users.set_password("shifter", HASH),
            lambda: self.users.set_role("shifter", "viewer"),
            lambda: self.users.remove("shifter"),
        ):
            client = await self.logged_in("shifter")
            other = await self.logged_in("viewer")
            self.assertTrue(await self.alive(client))
            change()
            self.assertFalse(await self.alive(client))
            self.assertTrue(await self.alive(other))

    async def test_logging_out_ends_this_session_and_forgets_the_cookie(self) -> None:
        client, other = await self.logged_in("viewer"), await self.logged_in("viewer")
        kept = client.cookies["trackerdcs"]
        answer = await self.post(client, "/logout")
        self.assertEqual((answer.status_code, answer.headers["location"]), (303, "/login"))
        self.assertNotIn("trackerdcs", client.cookies)
        client.cookies.set("trackerdcs", kept)
        self.assertFalse(await self.alive(client))
        self.assertTrue(await self.alive(other))

    async def test_a_login_gives_a_new_session_and_ends_the_one_before(self) -> None:
        client, old = await self.logged_in("viewer"), self.client()
        old.cookies.update(client.cookies)
        await self.log_in(client, "shifter")
        self.assertNotEqual(client.cookies["trackerdcs"], old.cookies["trackerdcs"])
        self.assertFalse(await self.alive(old))


class Ways(WebCase):
    async def test_a_login_leads_on_to_pages_of_this_site_only(self) -> None:
        for next, goal in (
            ("/nodered/#flow", "/nodered/#flow"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\tx", "/"),
        ):
            answer = await self.log_in(self.client(), "viewer", next=next)
            self.assertEqual(answer.headers["location"], goal)
            page = (await self.client().get("/login", params={"next": next})).text
            self.assertEqual(re.findall(r'name="next" value="(.*?)"', page), [goal])
        client = await self.logged_in("viewer")
        answer = await client.get("/login", params={"next": "//evil.example"})
        self.assertEqual((answer.status_code, answer.headers["location"]), (303, "/"))

    async def test_what_was_typed_is_no_markup(self) -> None:
        page = (await self.client().get("/login", params={"next": '/"><script>x</script>'})).text
        self.assertNotIn("<script>", page)

    async def test_a_name_as_a_telephone_writes_it(self) -> None:
        self.assertEqual((await self.log_in(self.client(), " Viewer ")).status_code, 303)


class Hurdles(WebCase):
    async def test_an_unknown_user_and_a_wrong_password_look_the_same(self) -> None:
        self.assertNotIn("nobody", [account.name for account in self.users.accounts()])
        times: dict[str, list[float]] = {"viewer": [], "nobody": []}
        answers = set()
        for _ in range(5):
            for name in times:
                began = time.perf_counter()
                answer = await self.log_in(self.client(), name, "wrong password")
                times[name].append(time.perf_counter() - began)
                answers.add((answer.status_code, answer.text, str(sorted(answer.headers.items()))))
        self.assertEqual(len(answers), 1, answers)
        known, unknown = (statistics.median(found) for found in times.values())
        self.assertLess(max(known, unknown), 3 * min(known, unknown), times)
        self.assertIn("Name or password is wrong", answers.pop()[1])

    async def test_the_hasher_works_for_both(self) -> None:
        asked = []

        class Watched(Passwords):
            def _verify(self, hash: str, password: str) -> bool:
                asked.append(hash)
                return super()._verify(hash, password)

        object.__setattr__(self.parts, "passwords", Watched())
        await self.log_in(self.client(), "viewer", "wrong password")
        await self.log_in(self.client(), "nobody", "wrong password")
        self.assertEqual(asked, [HASH, _NOBODY])
        self.assertEqual(_NOBODY.split("$")[1:4], hash_password("x").split("$")[1:4], "the same cost")

    async def test_very_long_passwords_cost_nothing(self) -> None:
        with patch.object(Passwords, "_verify") as verify:
            answer = await self.log_in(self.client(), "viewer", "x" * 257)
            self.assertEqual(answer.status_code, 401)
            answer = await self.log_in(self.client(), "viewer", "x" * 20_000)
            self.assertEqual(answer.status_code, 413)
            verify.assert_not_called()

    async def test_a_name_is_tried_ten_times(self) -> None:
        for i in range(10):
            answer = await self.log_in(self.client(address=f"192.0.2.{i}"), "viewer", "wrong password")
            self.assertEqual(answer.status_code, 401)
        with patch.object(Passwords, "_verify") as verify:
            answer = await self.log_in(self.client(address="192.0.2.99"), "Viewer")
            verify.assert_not_called()
        self.assertEqual(answer.status_code, 429)
        self.assertTrue(200 < int(answer.headers["retry-after"]) <= 300)
        self.assertRegex(answer.text, r"try again in \d min")
        self.assertEqual((await self.log_in(self.client(), "shifter")).status_code, 303)
        self.clock.later = 301
        self.assertEqual((await self.log_in(self.client(), "viewer")).status_code, 303)

    async def test_a_name_that_does_not_exist_is_blocked_like_one_that_does(self) -> None:
        with patch.object(Passwords, "_verify", return_value=False):
            statuses = [(await self.log_in(self.client(), "nobody", "wrong password")).status_code for _ in range(11)]
        self.assertEqual(statuses, [401] * 10 + [429])

    async def test_an_address_tries_thirty_times_whatever_it_calls_itself(self) -> None:
        with patch.object(Passwords, "_verify", return_value=False):
            for i in range(30):
                await self.log_in(self.client(), f"name{i}", "wrong", **{"X-Forwarded-For": f"192.0.2.{i}"})
        self.assertEqual((await self.log_in(self.client(), "viewer")).status_code, 429)
        self.assertEqual((await self.log_in(self.client(address="192.0.2.8"), "viewer")).status_code, 303)

    async def test_a_right_password_is_forgiven(self) -> None:
        for _ in range(35):
            client = self.client()
            with patch.object(Passwords, "_verify", return_value=True):
                self.assertEqual((await self.log_in(client, "viewer")).status_code, 303)

    async def test_many_logins_at_once_hold_nobody_up_and_the_rest_is_turned_away(self) -> None:
        go_on, busy, most = threading.Event(), 0, 0

        def held(*_: str) -> bool:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            go_on.wait(10)
            go_on.set()  # where the loop is held up, the test ends all the same
            busy -= 1
            return False

        with patch.object(Passwords, "_verify", side_effect=held):
            tries = [
                asyncio.create_task(self.log_in(self.client(address=f"192.0.2.{i}"), f"name{i}", "wrong password"))
                for i in range(WAITING + 5)
            ]
            await until(lambda: busy == AT_ONCE and sum(one.done() for one in tries) == 5)
            self.assertEqual((await self.client().get("/healthz")).status_code, 200)
            go_on.set()
            statuses = [(await one).status_code for one in tries]
        self.assertEqual((statuses.count(401), statuses.count(503), most), (WAITING, 5, AT_ONCE))
        with patch.object(Passwords, "_verify", return_value=False):
            self.assertEqual((await self.log_in(self.client(), "nobody", "wrong password")).status_code, 401)


class BehindTheGateway(WebCase):
    behind_gateway = True

    async def test_it_believes_the_gateways_last_word(self) -> None:
        client = self.client("http://server.lab")
        headers = {"X-Forwarded-Proto": "https", "Origin": "https://server.lab"}
        answer = await self.log_in(client, "viewer", **headers)
        self.assertEqual(answer.status_code, 303)
        self.assertIn("; Secure", answer.headers["set-cookie"])
        self.assertEqual(
            (await self.log_in(client, "viewer", **headers | {"Origin": "http://server.lab"})).status_code, 403
        )

    async def test_addresses_are_told_apart(self) -> None:
        with patch.object(Passwords, "_verify", return_value=False):
            for i in range(30):
                await self.log_in(
                    self.client(), f"name{i}", "wrong", **{"X-Forwarded-For": f"198.51.100.{i}, 192.0.2.1"}
                )
        good = {"X-Forwarded-For": "192.0.2.2"}
        self.assertEqual((await self.log_in(self.client(), "viewer", **good)).status_code, 303)
        self.assertEqual(
            (await self.log_in(self.client(), "viewer", **{"X-Forwarded-For": "192.0.2.1"})).status_code, 429
        )
