"""What is not well is said: devices, clocks, loaders, data folders."""

from dataclasses import replace
from typing import Any

from trackerdcs.domain.codec import encode
from trackerdcs.domain.health import LoaderHealth, Missing, PartHealth, PlaceHealth, worst
from trackerdcs.domain.instrument import Channel, Quantity
from trackerdcs.domain.messages import Frame, Meta, Readings, Status, Value
from trackerdcs.tests.desk_web_case import DeskCase, Heard

S = 1_000_000_000


class TestHealth(DeskCase):
    def hear(self, topic: str, message: Any, retained: bool = False) -> None:
        self.health.hear(Heard(f"dcs/v1/{topic}", encode(message), retained))

    def device(self, **more: Any) -> None:
        now = self.clock.now()
        channels = {"ch0": Channel({"v_mon": Quantity("V")})}
        self.hear("bench/hv1/meta", Meta("hv", "m", "s", "iseg_shr", "1", True, "b", 1.0, channels), True)
        self.hear("bench/hv1/status", Status("online", now, now, "b", "1", None))
        self.frame(0)

    def frame(self, seq: int, ahead: float = 0.0, **more: Any) -> None:
        ts = self.clock.now() + int(ahead * S)
        self.hear("bench/hv1/frame", Frame(ts, seq, "b", "1", "hv", {"ch0": {"v_mon": 1.0}}, **more))

    async def findings(self) -> list[str]:
        (part,) = [p for p in (await self.get("/api/health")).json()["parts"] if p["name"] == "hv1"]
        found: list[str] = part["findings"]
        return found

    async def test_what_is_not_well_is_said(self) -> None:
        said = (await self.get("/api/health")).json()
        self.assertFalse(said["well"])
        self.assertIn("bench/hv1: has never been heard", said["faults"])
        self.device()
        self.assertEqual(await self.findings(), [])
        self.frame(1, ahead=30.0)
        self.assertIn("its clock is 30.0 s ahead of the server's", await self.findings())
        self.frame(2, bad={"ch0": {"i_mon": "timeout"}})
        self.assertEqual(await self.findings(), ["cannot be read: ch0.i_mon: timeout"])
        self.frame(3)
        self.clock.later += 8
        self.assertEqual(await self.findings(), ["no new values for 8 s"])
        self.clock.later += 30
        self.assertTrue((await self.findings())[0].startswith("no word for 38 s"))
        now = self.clock.now()
        self.hear("bench/hv1/status", Status("offline", now, now, "b", "1", "connection lost"))
        self.assertEqual(await self.findings(), ["offline: connection lost"])
        self.broker.stop()
        self.assertIn("the broker of bench does not answer", (await self.get("/api/health")).json()["faults"])

    async def test_loaders_and_their_sources(self) -> None:
        now = self.clock.now()
        self.hear("site/loader-a/status", Status("online", now, now, "b", "1", None))
        figures: dict[str, Value] = {
            "received": 5.0,
            "stored": 4.0,
            "parked": 1.0,
            "waiting": 0.0,
            "spool_size": 0.0,
            "spool_age": 0.0,
        }
        ch: Readings = {"-": figures | {"lag": 99.0}, "bench-hv1": {"stored": 4.0, "stored_rate": 1.0, "lag": 99.0}}
        self.hear("site/loader-a/frame", Frame(now, 0, "b", "1", "loader", ch))
        said = (await self.get("/api/health")).json()
        (loader,) = said["loaders"]
        self.assertEqual((loader["level"], loader["stored"], loader["sources"][0]["lag"]), ("fault", 4.0, 99.0))
        self.assertNotIn("site/loader: has never been heard", said["faults"], "others do its work")
        self.assertIn("loader loader-a: the newest value in the database is 99 s old", said["faults"])
        self.assertIn("loader loader-a: 1 messages could not be stored since its start", said["watch"])

    async def test_a_folder_is_looked_at_once_for_many_who_ask(self) -> None:
        self.folder.seen = replace(
            self.folder.seen, free=1 << 29, letters={"loader": 2}, gaps=(Missing("hv1", 3, 1, 0, 0),)
        )
        for _ in range(3):
            said = (await self.get("/api/health")).json()
        self.assertEqual(self.folder.looks, 1)
        self.assertIn("data folder of bench: 0.5 GiB free of 100 GiB on the disk", said["faults"])
        for words in ("2 dead letters of loader", "hv1: 3 frames missing, 1 lost in 24 h"):
            self.assertIn(f"data folder of bench: {words}", said["watch"])
        self.clock.later += 6
        await self.get("/api/health")
        self.assertEqual(self.folder.looks, 2)

    def test_levels(self) -> None:
        well = PartHealth("s", "d", "r", "online")
        self.assertEqual(worst(well.findings), "well")
        self.assertEqual(worst(replace(well, error="look").findings), "watch")
        self.assertEqual(worst(replace(well, error="look", state="fault").findings), "fault")
        self.assertEqual(worst(LoaderHealth("l", fresh=False).findings), "fault")
        self.assertEqual(worst(LoaderHealth("l", fresh=None).findings), "watch")
        self.assertEqual(worst(PlaceHealth("s", why=("elsewhere",)).findings), "well")
