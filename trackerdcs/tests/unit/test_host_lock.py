"""The lock of an instrument on this computer, and the name under which an instrument is known."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from trackerdcs.adapters.host_lock import FOLDER, HostLock
from trackerdcs.domain.errors import InUse
from trackerdcs.domain.resource import Address, SerialAddress, TcpAddress, VisaAddress


class TestHostLock(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(patch.dict(os.environ, {FOLDER: str(self.folder)}))

    def refused(self, address: Address, why: str) -> None:
        with self.assertRaisesRegex(InUse, why), HostLock(address, "another"):
            self.fail("two owners")

    def test_rule_20_one_holder_by_whatever_name_the_instrument_is_called(self) -> None:
        port, link = self.folder / "ttyUSB0", self.folder / "by-id"
        port.touch()
        link.symlink_to(port)
        pairs: list[tuple[Address, Address]] = [
            (TcpAddress("127.0.0.1", 5025), TcpAddress("127.1", 5025)),
            (SerialAddress(str(port)), SerialAddress(str(link))),
            (VisaAddress("GPIB0::24::INSTR"), VisaAddress("gpib0::24::instr")),
        ]
        for first, second in pairs:
            with self.subTest(first):
                with HostLock(first, "bench/hv1"):
                    self.refused(second, rf"process {os.getpid()} \(bench/hv1\)")
                with HostLock(second, "x"):
                    pass

    def test_the_file_goes_with_its_holder_and_a_crashed_holders_is_taken_over(self) -> None:
        address = TcpAddress("127.0.0.1", 5025)
        with HostLock(address, "a"):
            (file,) = self.folder.iterdir()
        self.assertEqual(list(self.folder.iterdir()), [])
        file.write_text("process 1 (of yesterday)\n")
        with HostLock(address, "b"):
            self.assertIn("(b)", file.read_text())

    def test_another_instrument_is_free(self) -> None:
        with HostLock(TcpAddress("127.0.0.1", 5025), "a"), HostLock(TcpAddress("127.0.0.1", 5026), "b"):
            pass

    def test_a_lock_file_that_may_only_be_read_locks(self) -> None:
        address = TcpAddress("127.0.0.1", 5025)
        with HostLock(address, "a"):
            pass
        with patch("trackerdcs.adapters.host_lock.os.O_RDWR", os.O_RDONLY), HostLock(address, "b"):
            self.refused(address, "owned by")


if __name__ == "__main__":
    unittest.main()
