"""Dataclasses as plain values and back."""

import json
import unittest

from trackerdcs.domain.plain import plain, rebuilt
from trackerdcs.domain.run import Run
from trackerdcs.domain.run_results import Blob, Result
from trackerdcs.tests.contract.run_store_suite import result, whole_run


class TestPlain(unittest.TestCase):
    def test_a_record_survives_json(self) -> None:
        run = whole_run("r")
        self.assertEqual(rebuilt(Run, json.loads(json.dumps(plain(run)))), run)

    def test_bytes_stay_bytes(self) -> None:
        kept = plain(result("r"))
        self.assertIsInstance(kept["blobs"][0]["data"], bytes)
        self.assertEqual(rebuilt(Result, kept), result("r"))
        self.assertIsInstance(rebuilt(Result, kept).blobs[0], Blob)

    def test_what_a_newer_version_wrote_is_passed_over_and_what_an_older_did_not_has_its_default(self) -> None:
        kept = plain(whole_run("r")) | {"unheard_of": 1}
        kept["log"]["unheard_of"] = 2
        del kept["checks"]
        self.assertEqual(rebuilt(Run, kept).checks, ())
        self.assertEqual(rebuilt(Run, kept).log, whole_run("r").log)
