"""The ROOT file of a program that was killed: a header and nothing that can be found in it."""

import base64
import zlib
from pathlib import Path

_BYTES = base64.b85decode(
    "c-kw<&o5zM_<VqYfgy!~fvpLMy?|^BAZ7$&8x|mu3dDC97+4$_7;}Fen(*3I@Z*vUraw?6M1cwhkU?H`KR(`N&;x5r0SU8)xMk*~"
    "@&u(8m*$id>lJ|<gUVxI1?d6nV_?(+xd^5gC?x}O(5W!o4gxwEXfF!`Sib{U_6|rtYlu%~aS2awNl|KIZfcQdURu78OMYomPNhOl"
    "W?pt`3Xm!;abRE&WMGAu$;2=UM!_f;SpZn#uz(5`M7aelbHL>XX1O&AfVBpwl;=W(7Pv0K9$FyTrgGCM3;;B!S5p"
)


def leave_unclosed(path: Path) -> None:
    """Write it: it opens without an error and lists nothing."""
    path.write_bytes(zlib.decompress(_BYTES))
