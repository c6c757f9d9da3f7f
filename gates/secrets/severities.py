"""Says how bad a value is where it stands, or that it is none of a secret."""

from __future__ import annotations

from pytest_failhard.gates.secrets.candidates import Candidate
from pytest_failhard.gates.secrets.formats import password_kind
from pytest_failhard.gates.secrets.places import Place
from pytest_failhard.gates.secrets.values import Kind, kind
from pytest_failhard.model import Finding, Severity

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW

# What a value is -> how bad it is by where it stands; where nothing is said, it is not reported.
_RANDOM: dict[Place, Severity] = {
    Place.DEPLOYED: HIGH,
    Place.PRODUCT: HIGH,
    Place.DEVELOPMENT: HIGH,
    Place.EXAMPLE: HIGH,
    Place.SHOWN: MEDIUM,
    Place.TEST: LOW,
}
_LITERAL: dict[Place, Severity] = {
    Place.DEPLOYED: HIGH,
    Place.PRODUCT: HIGH,
    Place.DEVELOPMENT: MEDIUM,
    Place.EXAMPLE: LOW,
    Place.SHOWN: LOW,
}
_BOUND: dict[Kind, dict[Place, Severity]] = {
    Kind.RANDOM: _RANDOM,
    Kind.LITERAL: _LITERAL,
    Kind.WEAK: {Place.DEPLOYED: HIGH, Place.PRODUCT: MEDIUM, Place.DEVELOPMENT: LOW},
    Kind.UNFILLED: {Place.DEPLOYED: LOW},
}
_URL: dict[Kind, dict[Place, Severity]] = {
    Kind.RANDOM: _RANDOM | {Place.LOCK: HIGH},
    Kind.LITERAL: _LITERAL | {Place.LOCK: HIGH},
    Kind.WEAK: {Place.DEPLOYED: HIGH, Place.PRODUCT: MEDIUM, Place.DEVELOPMENT: LOW},
    Kind.UNFILLED: {Place.DEPLOYED: HIGH},
}
_KEY: dict[Place, Severity] = dict.fromkeys(Place, HIGH)
_FORM: dict[str, dict[Place, Severity]] = {
    "provider-key": _KEY,
    "private-key": _KEY | {Place.TEST: LOW, Place.SHOWN: MEDIUM},
    "bearer-token": _KEY | {Place.TEST: LOW, Place.SHOWN: LOW},
    "random-text": {Place.DEPLOYED: LOW, Place.PRODUCT: LOW, Place.DEVELOPMENT: LOW},
}
_WHAT = {
    "provider-key": "a provider's key",
    "private-key": "a private key",
    "bearer-token": "a bearer token",
    "url-credentials": "a password in a URL",
    "secret-value": "a secret's value",
    "random-text": "text that looks drawn",
}
_FIX = "revoke it, then read {} from the environment or a secret store, without a default"


def assess(candidate: Candidate, place: Place) -> Finding | None:
    """Return the finding that a candidate is in its place, None where it is none."""
    weakness = ""
    if candidate.rule in _FORM:
        severity = _FORM[candidate.rule].get(place)
    else:
        what = _kind(candidate)
        place = Place.DEPLOYED if candidate.deployed and place is Place.PRODUCT else place
        severity = (_URL if candidate.rule == "url-credentials" else _BOUND).get(what, {}).get(place)
        weakness = {Kind.WEAK: "weak, ", Kind.UNFILLED: "not filled in, "}.get(what, "")
    if severity is None:
        return None
    length = f"{len(candidate.value)} characters" if candidate.value else "unknown length"
    named = f"{candidate.key} holds " if candidate.key else "here stands "
    return Finding(
        rule=candidate.rule,
        name=candidate.rule,
        path=candidate.path,
        line=candidate.line,
        severity=severity,
        message=f"{named}{_WHAT[candidate.rule]} ({weakness}{length})",
        fix=_FIX.format(candidate.key or "it"),
        anchor=candidate.anchor,
    )


def _kind(candidate: Candidate) -> Kind:
    if candidate.rule == "url-credentials":
        return password_kind(candidate)
    return (
        Kind.RANDOM if candidate.detected else kind(candidate.value, candidate.key, literal=candidate.literal)
    )
