"""Raw files of runs and pictures of results through the API: whole, by their names alone, never as a page."""

import array
import base64
import unittest
from unittest import mock
from urllib.parse import quote

from trackerdcs.domain.errors import StoreDown
from trackerdcs.tests.join_case import RAW
from trackerdcs.tests.unit import test_web_runs as case

BLOB = f"/api/runs/r1/results/{case.KEY}/blob"


class TestFiles(case.RunsCase):
    async def test_a_file_comes_as_it_was_written_and_is_never_shown(self) -> None:
        listed = {f["name"]: f for f in (await self.json("/api/runs/r1/files"))["files"]}
        self.assertEqual(listed.keys(), RAW.keys())
        for name, content in RAW.items():
            answer = await self.get(f"/api/runs/r1/files/{quote(name)}")
            self.assertEqual((answer.status_code, answer.content), (200, content))
            self.assertEqual(answer.headers["content-length"], str(listed[name]["size"]))
            self.assertEqual(answer.headers["content-type"], "application/octet-stream")
            self.assertEqual(answer.headers["etag"], f'"{listed[name]["sha256"]}"')
            disposition = answer.headers["content-disposition"]
            self.assertRegex(disposition, r"""^attachment; filename="[\w.+-]+"; filename\*=UTF-8''[\w.%+-]+$""")
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
            self.assertNotIn("x", answer.headers, "a name adds no header")

    async def test_what_is_not_in_the_list_is_not_there(self) -> None:
        for name in (
            "../r2/Results.root",
            "/etc/passwd",
            "..%2f..%2fetc%2fpasswd",
            "%2e%2e/x",
            "a.log",
            "sub",
            "%00",
            "C:%5Cx",
        ):
            for run in ("r1", "%2e%2e"):
                with self.subTest(name, run=run):
                    answer = await self.get(f"/api/runs/{run}/files/{name}")
                    self.assertEqual(answer.status_code, 404, answer.text)
        self.assertIn("no file", (await self.get("/api/runs/r1/files/%2e%2e%2fx")).json()["error"])
        self.assertEqual((await self.get("/api/runs/nothing/files")).status_code, 404)

    async def test_a_store_that_is_away_is_said_before_a_byte_is_sent(self) -> None:
        def pieces(run, name):
            if name:
                raise StoreDown("no answer")
            yield b""

        with mock.patch.object(self.stores.run_store, "raw", pieces):
            self.assertEqual((await self.get("/api/runs/r1/files/Results.root")).status_code, 503)


class TestPictures(case.RunsCase):
    async def test_a_picture_by_rows_and_as_bytes(self) -> None:
        (listed,) = (await self.json("/api/runs/r1/results"))["results"]
        self.assertEqual(listed["key"], case.KEY)
        self.assertEqual([(b["name"], b["shape"]) for b in listed["blobs"]], [("SCurve", [2, 3]), ("Hits", [3])])
        self.assertNotIn("data", listed["blobs"][0])
        curve = await self.json(BLOB)
        self.assertEqual(curve["rows"], [[0.1, 1.0, 2.0], [None, 4.0, 5.0]])
        self.assertEqual((curve["names"], curve["axes"][1]["title"]), (["SCurve", "Hits"], "Vcth"))
        self.assertEqual((await self.json(f"{BLOB}?name=Hits"))["rows"], [[1, 2, 65535]])
        packed = await self.json(f"{BLOB}?name=Hits&form=base64")
        self.assertEqual(array.array("H", base64.b64decode(packed["base64"])).tolist(), [1, 2, 65535])
        table = (await self.get(f"{BLOB}?format=csv")).text.splitlines()
        self.assertEqual((len(table), table[1].split(",")[3:]), (7, ["0", "0", "0.1"]))

    async def test_what_cannot_be_shown(self) -> None:
        for address in (f"{BLOB}?name=nothing", BLOB.replace("MPA", "SSA"), "/api/runs/r2/results/x/blob"):
            self.assertIn("has no", (await self.json(address, 404))["error"])
        with mock.patch("trackerdcs.domain.run_results.MOST_BYTES", 20):
            self.assertIn("24 bytes", (await self.json(BLOB, 422))["error"])


if __name__ == "__main__":
    unittest.main()
