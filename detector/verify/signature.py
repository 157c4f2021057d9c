"""The signature of a digest: RSA, PKCS #1 v1.5, with SHA-256 and no other hash.

The text that is signed: time of the end, bucket and key, hash of the inflated bytes, signature of the digest before.

Source: "Custom implementations of CloudTrail log file integrity validation", AWS CloudTrail User Guide.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from detector.verify.digest import DigestContent, utc_text
from detector.verify.keys import PublicKey


def signed_text(digest: DigestContent) -> bytes:
    """Return what AWS signs of a digest."""
    previous = "null" if digest.previous is None else digest.previous.signature
    lines = (utc_text(digest.end), f"{digest.bucket}/{digest.key}", digest.sha256.hex(), previous)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def signature_holds(digest: DigestContent, signature: str, key: PublicKey) -> bool:
    """Tell whether a signature, in hex, is that of the key over the digest."""
    holds = _verifier(key.der)
    if holds is None:
        return False
    try:
        return holds(bytes.fromhex(signature), signed_text(digest))
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def _verifier(der: bytes) -> Callable[[bytes, bytes], bool] | None:
    """Return what holds a signature against a text, by an RSA key in its PKCS #1 or SubjectPublicKeyInfo form.

    None when the bytes are no such key.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, RSAPublicKey):
        return None
    padding, sha256 = PKCS1v15(), SHA256()

    def holds(signature: bytes, text: bytes) -> bool:
        try:
            key.verify(signature, text, padding, sha256)
        except (InvalidSignature, ValueError):
            return False
        return True

    return holds
