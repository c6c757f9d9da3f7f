"""FH107: defaults in place of results."""

from __future__ import annotations

import pytest

from tests.rules.support import hits


def handling(
    tried: str, *handled: str, before: str = "", behind: str = "return render(self, rows)", more: str = ""
) -> str:
    """Return a function that tries something and handles every failure of it with these lines."""
    body = "\n".join(f"        {line}" for line in handled)
    return (
        f"def report(self, config):\n    {before or 'start()'}\n    try:\n        {tried}\n"
        f"    except Exception as error:\n{body}\n{more}    {behind}\n"
    )


DEFAULTED = {
    "plain": handling("rows = load()", "log.error('no')", "rows = []"),
    "none": handling("rows = load()", "rows = None"),
    "data": handling("rows = load()", "rows = [{'price': 0.5}]"),
    "attribute": handling("self.rows = load()", "self.rows = []"),
    "item": handling("config['rows'] = load()", "config['rows'] = []"),
    "unpacked": handling("rows, total = load()", "rows, total = [], 0"),
    "annotated": handling("rows = load()", "rows: list[int] = []"),
    "walrus": handling("if (rows := load()): use(rows)", "(rows := [])"),
    "with": handling("with load() as rows: use(rows)", "rows = []"),
    "setattr": handling("self.rows = load()", "setattr(self, 'rows', [])"),
    "update": handling("config['rows'] = load()", "config.update({'rows': []})"),
    "update of a dict": handling(
        "config['rows'] = load()", "config.update(rows=[])", before="config = dict(a=1)"
    ),
    "before": handling("rows = load()", "log.error('no')", before="rows = []"),
    "before, silent": handling("rows = load()", "pass", before="rows = None", behind="use(rows)"),
    "finally": handling(
        "rows = load()",
        "log.error('no')",
        more="    finally:\n        rows = rows or []\n",
        behind="use(rows)",
    ),
    "nonlocal": (
        "def outer():\n    rows = load()\n    def inner():\n        nonlocal rows\n        try:\n"
        "            rows = load()\n        except Exception:\n            rows = []\n"
    ),
    "module": "try:\n    rows = load()\nexcept Exception:\n    rows = []\n",
    "tested without consequences": handling(
        "rows = load()", "rows = None", behind="if rows is None: rows = [1]\n    return rows"
    ),
    "False for a value": handling("found = load()", "found = False", behind="use(found)"),
    "unsubscribed text": handling("name = load()", "name = 'U. N. Known'", behind="greet(name)"),
}


@pytest.mark.parametrize("source", DEFAULTED.values(), ids=DEFAULTED)
def test_defaults_in_place_of_results_are_seen(source: str) -> None:
    assert len(hits(source, "FH107")) == 1


HONEST = {
    "another name": handling("rows = load()", "other = []"),
    "another attribute": handling("self.rows = load()", "config.rows = []"),
    "computed": handling("rows = load()", "rows = self.cached()"),
    "status": handling("status = check()", "status = 'x'"),
    "healthy": handling("self.healthy = check()", "self.healthy = False"),
    "is valid": handling("valid = check()", "valid = False"),
    "exit code": handling("exit_code = run()", "exit_code = 2"),
    "code": handling("code = run()", "code = 1"),
    "available": handling("self.available = ping()", "self.available = False"),
    "connected": handling("self._connected = True", "self._connected = False"),
    "flag": handling("done = True", "done = False"),
    "flag in a dict": handling("results['ai'] = True", "results['ai'] = False"),
    "outcome in a dict": handling("results['integrity_ok'] = check()", "results['integrity_ok'] = False"),
    "text that says so": handling("state = check()", "state = 'unknown'"),
    "degraded": handling("mode = check()", "mode = 'degraded'"),
    "error value": handling("answer = ask()", "answer = {'error': str(error)}"),
    "recorded": handling("rows = load()", "rows = []", "errors.append(error)"),
    "recorded as a problem": handling("rows = load()", "rows = []", "self.problems.add('rows')"),
    "refused": handling("rows = load()", "rows = None", behind="if rows is None: raise NoRows"),
    "refused with not": handling("rows = load()", "rows = []", behind="if not rows: sys.exit(1)"),
    "refused with an error": handling(
        "rows = load()", "rows = None", behind="if rows is None: return {'error': 'no rows'}"
    ),
    "refused attribute": handling(
        "self.rows = load()", "self.rows = None", behind="if self.rows is None: raise NoRows"
    ),
    "before, refused": handling(
        "rows = load()",
        "pass",
        before="rows = None",
        behind="if not rows: raise NoRows\n    return use(rows)",
    ),
    "before, returned: another rule's": handling(
        "rows = load()", "pass", before="rows = None", behind="return rows"
    ),
    "before, never used": handling("rows = load()", "pass", before="rows = None", behind="return 1"),
    "before, added to": handling("rows += load()", "pass", before="rows = 0", behind="use(rows)"),
    "before, outcome": handling("success = run()", "pass", before="success = False", behind="use(success)"),
    "answers itself: another rule's": handling("rows = load()", "rows = []", "return rows"),
    "progress bar": handling("bar.update(done=True)", "bar.update(done=False)", behind="return 1"),
    "target of no name": handling("f().x = load()", "f().x = []", "f().update(x=1)", behind="return 1"),
    "key of no text": handling("config[key()] = load()", "config[key()] = []", behind="return 1"),
    "update with other keys": handling("a = 1", "config.update({key(): [], **config})", behind="return 1"),
    "setattr of no text": handling("self.x = load()", "setattr(self, name, [])", behind="return 1"),
    "display": handling("rows = load()", "rows = '?'").replace("def report", "def format_rows"),
    "next item": (
        "for each in items:\n    rows = []\n    try:\n        rows = load(each)\n    except Exception:\n"
        "        continue\n    use(rows)\n"
    ),
}


@pytest.mark.parametrize("source", HONEST.values(), ids=HONEST)
def test_honest_states_are_left_alone(source: str) -> None:
    assert hits(source, "FH107") == []
