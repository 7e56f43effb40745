"""The checksum of an environment board's lines: a JSON object whose last key `crc` covers all the text before it."""

import binascii
import re

_LAST_KEY = re.compile(r'(.*),\s*"crc"\s*:\s*"([0-9a-fA-F]{4})"\s*\}', re.DOTALL)


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, nothing reflected; `123456789` gives 0x29B1."""
    return binascii.crc_hqx(data, 0xFFFF)


def with_crc(text: str) -> str:
    """Add the key `crc` (four lower-case hex digits) at the end of a non-empty JSON object."""
    return f'{text.rstrip()[:-1]},"crc":"{crc16(text.rstrip().encode()):04x}"}}'


def without_crc(line: str) -> str | None:
    """The JSON text that the line's `crc` covers, or None if the key is not there, not the last one, or wrong.

    The text is compared as it was sent, never as a parser would print it again: 40.20 and 40.2 are not the same bytes.
    """
    if not (m := _LAST_KEY.fullmatch(line.strip())):
        return None
    text = m[1] + "}"
    return text if crc16(text.encode()) == int(m[2], 16) else None
