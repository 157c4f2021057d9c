"""The signature of a digest: RSA, PKCS #1 v1.5, with SHA-256 and no other hash.

The text that is signed: time of the end, bucket and key, hash of the inflated bytes, signature of the digest before.

Source: "Custom implementations of CloudTrail log file integrity validation", AWS CloudTrail User Guide.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from detector.verify.digest import DigestContent, utc_text
from detector.verify.keys import PublicKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def signed_text(digest: DigestContent) -> bytes:
    """Return what AWS signs of a digest."""
    previous = "null" if digest.previous is None else digest.previous.signature
    lines = (utc_text(digest.end), f"{digest.bucket}/{digest.key}", digest.sha256.hex(), previous)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def signature_holds(digest: DigestContent, signature: str, key: PublicKey) -> bool:
    """Tell whether a signature, in hex, is that of the key over the digest."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    public = _load(key.der)
    if public is None:
        return False
    try:
        public.verify(bytes.fromhex(signature), signed_text(digest), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=1024)
def _load(der: bytes) -> RSAPublicKey | None:
    """Return an RSA key from its PKCS #1 or SubjectPublicKeyInfo form; None when it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None
