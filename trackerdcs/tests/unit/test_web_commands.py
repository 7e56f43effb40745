"""Commands over the API: who may, what is refused before anything is sent, and what the device says; the demonstrator's
token and its simulated world."""

import json
from typing import Any

import httpx

from trackerdcs.adapters.bus_memory import MemoryBus
from trackerdcs.domain.access import Account
from trackerdcs.domain.instrument import ROLES
from trackerdcs.tests.fake_device import META, FakeDevice
from trackerdcs.tests.waiting import until
from trackerdcs.tests.web_case import SITE, WebCase
from trackerdcs.web.invitation import Invitation, no_password

ADDRESS = "/api/stands/bench/devices/hv1/commands"
SET = {"cmd": "set_voltage", "ch": "ch0", "args": {"v": -50}, "reason": "first light"}


class CommandCase(WebCase):
    async def device(self, *script: Any) -> FakeDevice:
        bus = await self.enterAsyncContext(MemoryBus(self.broker, "hv1"))
        device = FakeDevice(bus, script, "bench", "hv1", "web")
        await self.enterAsyncContext(device)
        await device.is_there()
        await until(lambda: self.hub.meta("bench", "hv1"))
        return device

    async def send(self, client: httpx.AsyncClient, body: Any = SET, path: str = ADDRESS) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(path, content=content, headers={"Origin": SITE})


class Commands(CommandCase):
    async def test_it_goes_with_the_person_and_the_first_answer_comes_back(self) -> None:
        device, client = await self.device("accepted", "done"), await self.logged_in("shifter")
        answer = await self.send(client, SET | {"id": "c1"})
        self.assertEqual((answer.status_code, answer.json()["state"], answer.json()["id"]), (202, "accepted", "c1"))
        ((topic, command, retained),) = device.commands
        self.assertEqual((topic, retained), ("dcs/v1/bench/hv1/cmd/web", False))
        self.assertEqual((command.id, command.by, command.reason), ("c1", "shifter", "first light"))
        self.assertEqual((command.cmd, command.ch, command.args), ("set_voltage", "ch0", {"v": -50.0}))
        last = await self.send(client, path=f"{ADDRESS}?wait=done")
        self.assertEqual((last.json()["state"], last.json()["readback"]["v_set"]), ("done", -50.0))

    async def test_refused_says_why_and_silence_is_unknown(self) -> None:
        device, client = await self.device("refused"), await self.logged_in("shifter")
        answer = (await self.send(client)).json()
        self.assertEqual((answer["state"], answer["why"]), ("refused", "out of range"))
        device.script = []
        answer = (await self.send(client)).json()
        self.assertEqual(answer["state"], "unknown")
        self.assertIn("not sent again", answer["why"])

    async def test_who_may_not_is_told_before_anything_is_looked_at(self) -> None:
        device = await self.device("done")
        for body in (SET, b"{", {"cmd": 1}):
            self.assertEqual((await self.send(self.client(), body)).status_code, 401)
            answer = await self.send(await self.logged_in("viewer"), body)
            self.assertEqual(answer.status_code, 403)
            self.assertIn("needs the role shifter at bench/hv1, viewer is viewer", answer.json()["error"])
        channel = META.channels["ch0"]
        await device.say("meta", META.__class__(**META.__dict__ | {"channels": {"ch0": _expert(channel)}}))
        await until(lambda: self.hub.meta("bench", "hv1").channels["ch0"].commands["off"].role == "expert")  # type: ignore[union-attr]
        off = {"cmd": "off", "ch": "ch0"}
        with self.assertLogs("trackerdcs.web.commands", "WARNING"):
            self.assertEqual((await self.send(await self.logged_in("shifter"), off)).status_code, 403)
        self.assertEqual(device.commands, [])
        self.assertEqual((await self.send(await self.logged_in("expert"), off)).status_code, 202)

    async def test_what_is_wrong_is_said_and_not_sent(self) -> None:
        device, client = await self.device("done"), await self.logged_in("admin")
        for body, status, why in (
            (b"", 422, "nothing was sent"),
            (b"[]", 422, "nothing was sent"),
            ({"cmd": "on", "more": 1}, 422, "more"),
            (SET | {"args": {"v": True}}, 422, "args"),
            (SET | {"args": [1]}, 422, "args"),
            (SET | {"id": "x" * 65}, 422, "id"),
            (SET | {"ch": "ch9"}, 422, "expected one of ch0"),
            (SET | {"cmd": "explode"}, 422, "knows set_voltage, off"),
            (b'{"cmd":"set_voltage","ch":"ch0","args":{"v":NaN}}', 422, "nothing was sent"),
        ):
            with self.subTest(body=body):
                answer = await self.send(client, body)
                self.assertEqual(answer.status_code, status, answer.text)
                self.assertIn(why, answer.json()["error"])
        for path in (ADDRESS.replace("hv1", "hv9"), ADDRESS.replace("bench", "other"), ADDRESS.replace("hv1", "..%2f")):
            self.assertEqual((await self.send(client, path=path)).status_code, 404)
        self.assertEqual((await self.send(client, path=f"{ADDRESS}?wait=for_ever")).status_code, 422)
        await device.is_there("offline")
        offline = await self.send(client)
        self.assertEqual((offline.status_code, "offline" in offline.text), (409, True))
        self.broker.stop()
        await until(lambda: not self.bus.connected)
        self.assertEqual((await self.send(client)).status_code, 503)
        self.assertEqual(device.commands, [])


def _expert(channel: Any) -> Any:
    from dataclasses import replace

    return replace(channel, commands={"off": replace(channel.commands["off"], role="expert")})


class Token(WebCase):
    async def asyncSetUp(self) -> None:
        hash = no_password()
        self.users.add(Account("demo", "expert"), hash)
        self.parts_of = {"invitation": Invitation("demo", hash, "secret-token"), "open_reads": True}
        await super().asyncSetUp()

    async def test_it_logs_in_once_and_leaves_the_address(self) -> None:
        client = self.client()
        answer = await client.get("/?token=secret-token")
        self.assertEqual((answer.status_code, answer.headers["location"]), (303, "/"))
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(
            (await client.get("/api/me")).json(), {"user": "demo", "role": "expert", "rights": {"": "expert"}}
        )
        again = await client.get("/?token=secret-token")
        self.assertEqual((again.status_code, again.headers["location"]), (303, "/"), "the browser that is in")
        with self.assertLogs("trackerdcs.web.console", "WARNING"):
            other = await self.client().get("/?token=secret-token")
        self.assertEqual(other.status_code, 401)
        self.assertIn("its token works once", other.text)
        self.assertNotIn("secret-token", other.text)
        self.assertNotIn("set-cookie", other.headers)

    async def test_a_wrong_one_and_one_under_another_name_use_nothing_up(self) -> None:
        with self.assertLogs("trackerdcs.web.console", "WARNING"):
            for token in ("", "x", "secret-toke", "secret-token%00", "ä"):
                self.assertEqual((await self.client().get(f"/?token={token}")).status_code, 401)
            elsewhere = await self.client("http://evil.example:8000").get("/?token=secret-token")
            self.assertEqual(elsewhere.status_code, 401)
        self.assertEqual((await self.client().get("/?token=secret-token")).status_code, 303)

    async def test_it_cannot_be_tried_often_and_no_password_is_the_guests(self) -> None:
        with self.assertLogs("trackerdcs.web.console", "WARNING"):
            for number in range(30):
                await self.client().get(f"/?token={number}")
            self.assertEqual((await self.client().get("/?token=secret-token")).status_code, 401)
        self.clock.later += 400
        self.assertEqual((await self.log_in(self.client(), "demo", "!")).status_code, 401)
        self.assertEqual((await self.client().get("/?token=secret-token")).status_code, 303)


class World(WebCase):
    async def asyncSetUp(self) -> None:
        self.set: dict[str, float] = {}

        async def ask(values: Any) -> dict[str, float]:
            self.set |= values
            if self.set.get("rh") == 13:
                raise OSError("nobody there")
            return {"rh": 40.0, "t_air": 21.0, "t_plate_target": 20.0, "hv1.ch0.i0": 1.0} | self.set

        self.parts_of = {"worlds": {"bench": ask}}
        await super().asyncSetUp()

    async def test_an_expert_changes_it_and_nothing_else(self) -> None:
        path = "/api/stands/bench/world"
        for role, status in ((None, 401), *((role, 200 if role in ROLES[2:] else 403) for role in ROLES)):
            client = self.client() if role is None else await self.logged_in(role)
            answer = await client.post(path, json={"rh": 70}, headers={"Origin": SITE})
            self.assertEqual(answer.status_code, status, role)
            self.assertEqual(bool(self.set), status == 200)
        self.assertEqual(answer.json(), {"rh": 70.0, "t_air": 21.0, "t_plate_target": 20.0})
        self.assertEqual((await client.get(path)).json()["rh"], 70.0)
        wrongs: tuple[Any, ...] = ({"rh": 101}, {"rh": "80"}, {"hv1.ch0.i0": 1}, {"rh": True}, [], {"t_air": -300})
        for wrong in wrongs:
            answer = await client.post(path, json=wrong, headers={"Origin": SITE})
            self.assertEqual((answer.status_code, self.set), (422, {"rh": 70.0}), wrong)
        self.assertEqual((await client.post(path, json={"rh": 13}, headers={"Origin": SITE})).status_code, 503)
        self.assertEqual((await client.get("/api/stands/other/world")).status_code, 404)
        self.assertIn('data-worlds="bench"', (await client.get("/")).text)
