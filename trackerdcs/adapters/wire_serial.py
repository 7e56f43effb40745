"""A serial port, opened exclusively: 8 data bits, no parity, one stop bit, no flow control.

Linux raises DTR when the port is opened and lowers it when it is closed. Many boards are started anew by that: their
driver declares the time in `Wire.settle`. A cable has no connection that a reset could end, so a late reply outlives
the link; `resets` is False, and the link listens for one timeout before its first question.
"""

import termios
from contextlib import suppress

import serial

from trackerdcs.adapters.wire_fd import FdWire
from trackerdcs.domain.errors import NotConnected


class SerialWire(FdWire):
    """RawWire over a tty; an unplugged one is LinkLost."""

    resets = False

    def __init__(self, path: str, baud: int) -> None:
        super().__init__(path)
        self._baud = baud
        self._serial: serial.Serial | None = None

    def open(self, timeout: float) -> None:
        """Take the port; NotConnected if it is absent, no serial port or in use. Opening does not wait for anybody."""
        try:
            self._serial = serial.Serial(self.name, self._baud, timeout=0, exclusive=True)
        except (OSError, ValueError) as e:
            raise NotConnected(f"{self.name}: {e}") from e
        self._attach(self._serial.fileno())

    def close_hard(self) -> None:
        """Close the port; what the kernel has not sent yet is thrown away."""
        if self._serial is not None:
            with suppress(OSError, termios.error):  # an unplugged port has nothing left to throw away
                self._serial.reset_output_buffer()
            with suppress(OSError, termios.error):
                self._serial.close()
            self._serial = None
