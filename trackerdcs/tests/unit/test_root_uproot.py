"""Reading ROOT files: names of all versions, chips called `Chip`, canvases, numbers that are none."""

import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import uproot

from trackerdcs.adapters.root_uproot import file_state, in_canvas, plain_list, read_monitor, read_results
from trackerdcs.tests import ph2acf_files as made

CHIP = "Detector/Board_0/OpticalGroup_1/Hybrid_3"


class TestRoot(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = Path(temporary.name) / "Results.root"

    def read(self, **objects):
        with uproot.recreate(self.path) as file:
            for name, each in objects.items():
                file[f"{CHIP}/{name}"] = each
        return read_results(self.path)

    def test_old_names_and_chips_called_chip(self) -> None:
        numbers = np.arange(254) / 4
        old = {
            f"Chip_7/D_B(0)_O(1)_H(3)_{name}_Chip(7)": made.th1(numbers, -0.5, 253.5)
            for name in ("ChannelNoiseDistribution", "ChannelPedestalDistribution", "ChannelOffsetValues")
        }
        found = {each.kind: each for each in self.read(**old).found}
        self.assertEqual(found.keys(), {"pedenoise", "equalization"})
        noise = found["pedenoise"]
        self.assertEqual((noise.chip_type, noise.place.hybrid, noise.place.chip), ("CBC", 3, 7))
        self.assertEqual(noise.values["noise"], tuple(numbers.tolist()))
        self.assertEqual(noise.values.keys(), {"noise", "pedestal"})

    def test_maps_of_the_inner_tracker_tell_the_chip_and_its_noise(self) -> None:
        noise = np.full((432, 336), 15.0)
        noise[0, 0], noise[1, 0] = -1.0, -2.0
        content = self.read(**{"Chip_12/D_B(0)_O(1)_H(3)_Noise2D_Chip(12)": made.th2(noise)})
        (found,) = content.found
        self.assertEqual((found.kind, found.chip_type, found.blobs[0].shape), ("map", "CROC", (432, 336)))
        self.assertEqual((found.numbers["Noise2D_mean"], found.numbers["Noise2D_n"]), (15.0, 432 * 336 - 2))

    def test_a_canvas_gives_its_histograms_or_is_counted_as_unread(self) -> None:
        histogram, text = SimpleNamespace(classname="TH2F"), SimpleNamespace(classname="TPaveText")
        canvas = SimpleNamespace(member={"fPrimitives": [text, histogram]}.__getitem__)
        self.assertEqual(in_canvas(canvas), [histogram])
        with self.assertRaises(KeyError):
            in_canvas(SimpleNamespace(member={}.__getitem__))

    def test_what_is_no_histogram_is_counted(self) -> None:
        graph = uproot.as_TGraph({"x": np.arange(3.0), "y": np.arange(3.0)})
        self.assertEqual(self.read(**{"D_B(0)_O(1)_X_Hybrid(3)": graph}).unread, {"TGraph": 1})

    def test_numbers_keep_seven_digits_and_none_is_none(self) -> None:
        numbers = np.array([0.1, 1234567.0, 666.0, np.nan, np.inf, 0.0, -2.5e-7, 123456789.0], np.float32)
        self.assertEqual(plain_list(numbers), (0.1, 1234567.0, None, None, None, 0.0, -2.5e-7, 123456800.0))
        self.assertEqual(plain_list(np.array([666.0]), marked=False), (666.0,))

    def test_the_state_of_a_file(self) -> None:
        made.write_root(self.path)
        self.assertEqual(file_state(self.path), ("whole", ""))
        self.assertEqual(read_monitor(self.path).graphs, [])
        made.write_unclosed(self.path)
        self.assertEqual(read_results(self.path).state, "unclosed")
        self.path.write_bytes(b"root")
        self.assertEqual(file_state(self.path)[0], "cut")
