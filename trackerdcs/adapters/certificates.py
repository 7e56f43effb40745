"""Makes and reads certificates, with `cryptography`: the lab's own CA, and what it vouches for."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trackerdcs.domain.errors import ConfigError

CA_DAYS, SERVER_DAYS = 3653, 820
"""Browsers of one maker take no server's certificate of more than 825 days."""
EARLY = timedelta(hours=1)
"""Valid since then, for clients whose clock is behind."""
HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
PEM = serialization.Encoding.PEM
CaKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Certificate:
    """A certificate (the first of its file) and, if it is at hand, its key; both as they are in their files."""

    pem: bytes
    key_pem: bytes | None
    parsed: x509.Certificate
    fits: bool
    """The key is this certificate's."""

    @classmethod
    def read(cls, path: Path, pem: bytes, key_path: Path, key_pem: bytes | None) -> Self:
        """ConfigError names the file that is no certificate or no key."""
        try:
            parsed = x509.load_pem_x509_certificates(pem)[0]
        except ValueError as e:
            raise ConfigError(f"{path}: no certificate in PEM: {e}") from e
        if key_pem is None:
            return cls(pem, None, parsed, fits=False)
        key = private_key(key_path, key_pem)
        return cls(pem, key_pem, parsed, fits=key.public_key() == parsed.public_key())

    @property
    def ends(self) -> datetime:
        return self.parsed.not_valid_after_utc

    @property
    def begins(self) -> datetime:
        return self.parsed.not_valid_before_utc

    @property
    def names(self) -> set[str]:
        """Whom it is for."""
        try:
            found = self.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return set()
        return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}

    def is_by(self, ca: Self) -> bool:
        """True if this CA has signed it."""
        try:
            self.parsed.verify_directly_issued_by(ca.parsed)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def private_key(path: Path, pem: bytes) -> PrivateKeyTypes:
    """ConfigError names the file that is no key."""
    try:
        return serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as e:  # TypeError: it has a password
        raise ConfigError(f"{path}: no key in PEM without a password: {e}") from e


def make_ca(now: datetime, key: PrivateKeyTypes | None = None) -> Certificate:
    """A new CA with a new key, or with a key that is there."""
    key = _signing(key or ec.generate_private_key(ec.SECP256R1()))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"trackerdcs CA {now:%Y-%m-%d}")])
    usage = {**_NO_USAGE, "key_cert_sign": True, "crl_sign": True}
    builder = (
        _begun(name, name, key.public_key(), now, now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _certificate(builder.sign(key, hashes.SHA256()), key)


def issue(ca: Certificate, names: Iterable[str], now: datetime) -> Certificate:
    """A new server's certificate with a new key. ConfigError for a name that no server can have.

    The CA's key must be at hand.
    """
    assert ca.key_pem is not None
    ca_key = _signing(serialization.load_pem_private_key(ca.key_pem, None))
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trackerdcs")])
    ends = min(now + timedelta(days=SERVER_DAYS), ca.ends)
    builder = (
        _begun(subject, ca.parsed.subject, key.public_key(), now, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USAGE, "digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in sorted(names)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    return _certificate(builder.sign(ca_key, hashes.SHA256()), key)


_NO_USAGE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def _signing(key: PrivateKeyTypes) -> CaKey:
    if not isinstance(key, CaKey):
        raise ConfigError("the CA's key: expected one for elliptic curves or RSA")
    return key


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    now: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now.astimezone(UTC) - EARLY).not_valid_after(ends)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if not HOST.fullmatch(text):
            raise ConfigError(f"host {text!r}: expected a name such as dcs.example.org, or an address") from None
        return x509.DNSName(text)


def _certificate(parsed: x509.Certificate, key: CaKey) -> Certificate:
    key_pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(parsed.public_bytes(PEM), key_pem, parsed, fits=True)
