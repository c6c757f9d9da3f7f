"""What stood stricter at the merge base: lowered thresholds, flags switched off, shortened lists."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.settings import Setting, Settings
from pytest_failhard.rules.weak.weakness import Project, Weakness

ROLES, PRODUCT = "roles", "product"


def weaknesses(now: Settings, before: Settings, project: Project) -> Iterator[Weakness]:
    """Yield the settings that the base has stricter than the file has them now."""
    for (tool, section, key), kind in data.STRICTER.items():
        old, new = before.get(tool, section, key), now.get(tool, section, key)
        if old is not None and (lost := _lost(old, new, kind, project)):
            yield _weakness(now.path, old, new, lost)
    for new in now.of("failhard"):
        old = before.get("failhard", new.section, new.key)
        if new.section and (lost := _moved(old, new) or _turned(old, new, before)):
            yield _weakness(now.path, old or new, new, lost)


def _weakness(path: str, old: Setting, new: Setting | None, lost: str) -> Weakness:
    return Weakness(
        path=path,
        line=new.line if new else 0,
        key=old.where,
        value=lost,
        message=f"{old.where}: {lost}, added by this change",
        fix=f"restore {old.where} as the merge base has it",
    )


def _lost(old: Setting, new: Setting | None, kind: str, project: Project) -> str:
    """Say what the base demanded and the file does not, empty where nothing is lost."""
    if kind == "number":
        return _lower(old, new)
    if kind == "flag":
        return "switched off" if old.truth and not (new and new.truth) else ""
    kept = new.entries if new else ()
    if new is None and old.key in {"source", "tests"}:
        # Without a list the whole tree counts.
        return ""
    missing = [each for each in old.entries if each not in kept]
    if old.key in {"source", "tests"}:
        missing = [each for each in missing if (project.root / each).exists() and "." not in kept]
    return f"without {', '.join(missing)}" if missing else ""


def _lower(old: Setting, new: Setting | None) -> str:
    if old.number is None:
        return ""
    if new is None:
        return f"{old.value} removed" if old.number > 0 else ""
    if new.number is None or new.number >= old.number:
        return ""
    return f"lowered from {old.value} to {new.value}"


def _turned(old: Setting | None, new: Setting, before: Settings) -> str:
    """Say that a gate takes what the project brings, where it asked a service at the base.

    Nothing is turned where the base has no settings of ours: a first adoption chooses.
    """
    own = data.OWN_SOURCES.get((new.section, new.key))
    if own is None or new.value != own or not any(before.of("failhard")):
        return ""
    told = old.value if old is not None else "the policy's"
    return "" if told == own else f"turned from {told} to {own}"


def _moved(old: Setting | None, new: Setting) -> str:
    """Say how a setting of a gate is weaker than at the base, as far as its name tells the direction."""
    table = new.section.rpartition(".")[2]
    if table == ROLES:
        taken = new.value != PRODUCT and (old is None or old.value != new.value)
        return f"{new.key} is {new.value}" if taken else ""
    if data.EXCLUDED.search(new.key):
        added = [each for each in new.entries if old is None or each not in old.entries]
        return f"{', '.join(added)} excluded" if added else ""
    if old is None or old.number is None or new.number is None:
        return ""
    if data.FLOORS.search(new.key) and new.number < old.number:
        return f"lowered from {old.value} to {new.value}"
    if (data.CEILINGS.search(new.key) or data.CEILINGS.search(table)) and new.number > old.number:
        return f"raised from {old.value} to {new.value}"
    return ""
