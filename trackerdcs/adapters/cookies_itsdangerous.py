"""Signs what a browser keeps for us, and knows again only what was signed with the same key and is not too old."""

import hashlib

from itsdangerous import BadSignature, TimestampSigner

LONGEST = 200
"""Characters of a signed session; what is longer was not made here."""


class SignedCookies:
    """A signature over the text and the second in which it was signed."""

    def __init__(self, key: str, age: int) -> None:
        """`age`: seconds after which a signature is worth nothing."""
        self._age = age
        self._signer = TimestampSigner(key, salt="trackerdcs session", digest_method=hashlib.sha256)

    def seal(self, text: str) -> str:
        return self._signer.sign(text).decode("ascii")

    def unseal(self, sealed: str) -> str | None:
        """The text, None if it was not sealed with this key or too long ago."""
        if len(sealed) > LONGEST or not sealed.isascii():
            return None
        try:
            return self._signer.unsign(sealed, max_age=self._age).decode("ascii")
        except (BadSignature, UnicodeDecodeError):
            return None
