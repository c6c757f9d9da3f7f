"""FH301 to FH305: stubs, constant answers, component bases and untracked work."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pytest_failhard.model import Option
from tests.rules.support import hits, subs

Files = Mapping[str, str | bytes]


class TestStubFunctions:
    @pytest.mark.parametrize(
        ("source", "sub"),
        [
            ("def save(item): pass\n", "pass"),
            ("def save(item): ...\n", "ellipsis"),
            ("def save(item): 'Save.'\n", "doc-only"),
            ("def save(item):\n    raise NotImplementedError('later')\n", "notimpl-function"),
            ("class A:\n    def save(self): raise NotImplementedError\n", "notimpl-never-overridden"),
            ("class A:\n    async def save(self): pass\n", "pass"),
            ("class A(object):\n    def save(self): pass\n", "pass"),
            ("def save(item): return None\n", "pass"),
            ("def save(item): return\n", "pass"),
            ("def save(item): assert True\n", "pass"),
            ("def save(item):\n    log.info('saved')\n", "pass"),
            ("import asyncio\nasync def save(item):\n    await asyncio.sleep(1)\n", "pass"),
            ("def save(item):\n    'Save.'\n    'And more.'\n", "pass"),
        ],
    )
    def test_each_form_is_found(self, source: str, sub: str) -> None:
        assert subs(source, "FH301") == [sub]

    @pytest.mark.parametrize(
        "source",
        [
            "class A:\n    def save(self): pass\nclass B(A): pass\n",
            "import click\n@click.group()\ndef app(): 'The app.'\n",
            "from abc import ABC\nclass A(ABC):\n    def save(self): pass\n",
            "from typing import Protocol\nclass A(Protocol[T]):\n    def save(self): ...\n",
            "class A(metaclass=ABCMeta):\n    def save(self): ...\n",
            "class A(StoreInterface):\n    def save(self): ...\n",
            "class A:\n    def save(self): ...\n    @abstractmethod\n    def load(self): ...\n",
            "class A(Base):\n    def save(self): pass\n",
            "class A:\n    def __init__(self): pass\n",
            "def noop(): pass\ndef null_handler(): pass\ndef on_start(): pass\ndef close(): pass\n",
            "def main(): pass\ndef callback(x): pass\n",
            "def save(item):\n    pass  # nothing to keep\n",
            "def save(item):\n    # deprecated\n    pass\n",
            "def save(item):\n    # The state is handled by the store.\n    pass\n",
            "try:\n    import fast\nexcept ImportError:\n    def fast(): pass\n",
            "class T:\n    def _run(self): raise NotImplementedError\n    async def _arun(self): return 1\n",
            "if TYPE_CHECKING:\n    def save(item): ...\n",
            "def save(item): 'No longer used.'\n",
            "def upgrade(): pass\n",
            "def report(self):\n    log.info(self.work())\n",
            "def log_event(x):\n    log.info(x)\n",
            "def save(item):\n    log.info('a')\n    log.info('b')\n",
            "def save(item): raise ValueError(item)\n",
            "def save(item): return item\n",
        ],
    )
    def test_what_may_be_empty_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH301") == []


class TestConstantAnswers:
    @pytest.mark.parametrize(
        ("source", "sub"),
        [
            ("def f(x): return True\n", "true"),
            ("def f(x): return [1, {'a': 2}]\n", "data"),
            ("def f(x): return 'done'\n", "const"),
            ("def f(x): return 'done'\ngraph.add(f)\n", "const"),
            ("def f(x): return {}\n", "empty"),
            ("def f(x): return False\n", "false"),
            ("def f(x): return None\n", "none"),
            ("class A:\n    def f(self, x): return True\n", "true"),
            ("class A:\n    @staticmethod\n    def f(x): return True\n", "true"),
            ("def f(x):\n    del x\n    return True\n", "true"),
            ("def f(x):\n    _ = x\n    return True\n", "true"),
            ("def f(x, y):\n    _ = (x, y)\n    return True\n", "true"),
            ("def f(x):\n    log.info(f'{x!r}')\n    return True\n", "true"),
            ("def f(_x): return True\n", "true"),
            ("import asyncio\nasync def f(x):\n    await asyncio.sleep(1)\n    return True\n", "true"),
            ("class A:\n    RATE = 0.5\n    def f(self, x): return self.RATE\n", "const"),
            ("RATES = {'a': 1}\ndef f(x): return dict(RATES)\n", "data"),
            ("import copy\nRATES = {'a': 1}\ndef f(x): return copy.deepcopy(RATES)\n", "data"),
            ("def f(x):\n    rates = {'a': 1}\n    return rates\n", "data"),
            ("class P(Base):\n    def f(self, x): return True\nclass Base:\n    def f(self, x): raise NotImplementedError\n", "true"),
        ],
    )  # fmt: skip
    def test_each_kind_of_answer_is_found(self, source: str, sub: str) -> None:
        assert subs(source, "FH302") == [sub]

    @pytest.mark.parametrize(
        "source",
        [
            "def f(): return True\n",
            "def f(x): return x\n",
            "def f(x): return [x]\n",
            "def f(x):\n    if x: return True\n    return True\n",
            "def f(x):\n    save(x)\n    return True\n",
            "def f(*args, **kwargs): return True\n",
            "class A:\n    def f(self): return True\n",
            "class A:\n    def f(self, x): return True\nclass B(A):\n    def f(self, x): return x\n",
            "from other import Base\nclass A(Base):\n    def f(self, x): return True\n",
            "class NullStore:\n    def f(self, x): return True\n",
            "class A:\n    def __exit__(self, a, b, c): return False\n",
            "class A(Protocol):\n    def f(self, x): return True\n",
            "def main(argv) -> int: return 0\n",
            "def template(name): return '''a\nb\n'''\n",
            "class A:\n    rate = 1\n    def f(self, x): return self.rate\n    def g(self, y): self.rate = y\n",
            "class A:\n    def f(self, x): return self.rate\n",
            "class A:\n    def f(self, x): return other.rate\n",
            "def f(x):\n    a = other\n    return 1\n",
            "def f(x): return True\nCHECKS = {'null': f}\n",
            "def f(x): return True\ndialect = Dialect(limits=f)\n",
        ],
    )
    def test_what_is_no_constant_answer_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH302") == []

    @pytest.mark.parametrize("name", ["code_generator", "template", "page_templates"])
    def test_a_module_of_templates_is_left_alone(self, name: str) -> None:
        assert hits({f"app/{name}.py": "def f(x): return 'a'\n"}, "FH302") == []

    @pytest.mark.xfail(strict=True, reason="a constant property declares a fact, and takes no argument")
    def test_a_constant_property_is_found(self) -> None:
        assert hits("class A:\n    @property\n    def score(self): return 0.87\n", "FH302")


CONFIGURED: Mapping[str, Option] = {"component_bases": ["app.service.Component"]}


class TestBases:
    @pytest.mark.parametrize(
        "body",
        [
            "def process(self, data): pass",
            "def process(self, data): return {}",
            "def process(self, data): return data",
            "def process(self, data):\n        log.info('x')",
            "async def process(self, data): return await self.process_default(data)",
            "def process(self, data): return self.default_process()",
            "def __getattr__(self, name): return lambda: None",
            "@property\n    def process(self): return 1",
        ],
    )
    def test_each_default_of_a_configured_base_is_found(self, body: str) -> None:
        assert subs(f"class Component:\n    {body}\n", "FH303", CONFIGURED) == ["configured"]

    @pytest.mark.parametrize("name", ["BaseTool", "AbstractTool", "ToolBase", "ToolInterface"])
    def test_without_configuration_a_base_is_guessed_by_its_name(self, name: str) -> None:
        assert subs(f"class {name}:\n    def run(self): return 1\n", "FH303") == ["guessed"]

    @pytest.mark.parametrize(
        "source",
        [
            "class Component:\n    def process(self): raise NotImplementedError\n",
            "class Component:\n    @abstractmethod\n    def process(self): ...\n",
            "class Component:\n    def process(self, x): return self.inner.work(x)\n",
            "class Component:\n    def process(self, x): return self.work(x)\n",
            "class Component:\n    def process(self, x): return x.work(x)\n",
            "class Component:\n    def _process(self): pass\n    def __init__(self): pass\n",
            "class Component:\n    def __getattr__(self, name): raise AttributeError(name)\n",
            "class BaseTool:\n    def process(self): pass\n",
        ],
    )
    def test_a_base_that_demands_is_left_alone(self, source: str) -> None:
        assert [hit for hit in hits(source, "FH303", CONFIGURED) if hit.line] == []

    @pytest.mark.parametrize(
        "source",
        [
            "class BaseMixin:\n    def run(self): pass\n",
            "class BaseTool:\n    @property\n    def name(self): return 'x'\n",
            "class BaseTool:\n    def __getattr__(self, name): return 1\n",
            "class Database:\n    def run(self): pass\n",
            "class BaseTool:\n    def log_success(self, text):\n        self.log(text)\n",
        ],
    )
    def test_what_only_looks_like_a_base_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH303") == []

    def test_a_base_or_a_hook_that_is_nowhere_is_found(self) -> None:
        options: Mapping[str, Option] = {"component_bases": ["Tool"], "optional_hooks": ["Component.b"]}
        found = hits("class Component:\n    def a(self): return self.x\n", "FH303", options)
        assert [(hit.path, hit.sub) for hit in found] == [("pyproject.toml", "configured")] * 2

    def test_hooks_and_what_is_not_required_are_let_through(self) -> None:
        source = "class Component:\n    def a(self): pass\n    def b(self): pass\n"
        assert [hit.line for hit in hits(source, "FH303", {**CONFIGURED, "required_methods": ["b"]})] == [3]
        assert [hit.line for hit in hits(source, "FH303", {**CONFIGURED, "optional_hooks": ["b"]})] == [2]


BASE = "class Component:\n    def generate(self): raise NotImplementedError\n"


class TestComponents:
    @pytest.mark.parametrize(
        "leaf",
        [
            "class Source(Component): pass\n",
            "class Source(Component):\n    def generate(self): pass\n",
            "class Source(Component):\n    def generate(self): return super().generate()\n",
            "class Source(Component):\n    def generate(self): return {'a': 1}\n",
            "class Source(Component):\n    generate = lambda self: None\n",
            "class Source(Component):\n    def __getattr__(self, name): return 1\n",
            "Source = type('Source', (Component,), {})\n",
            "class Source(Component):\n    def __init__(self): self.generate = super().generate\n",
            "class Mixin:\n    def generate(self): return []\nclass Source(Mixin, Component): pass\n",
            "class Middle(Component): pass\nclass Source(Middle): pass\n",
            "from typing import Generic\nclass Source(Component, Generic[T]): pass\n",
        ],
    )
    def test_each_component_that_lacks_a_method_is_found(self, leaf: str) -> None:
        assert subs(BASE + leaf, "FH304", CONFIGURED) == ["configured"]

    @pytest.mark.parametrize(
        "leaf",
        [
            "class Source(Component):\n    def generate(self): return self.rows\n",
            "class Source(Component):\n    generate = other.generate\n",
            "from x import Other\nclass Source(Component, Other): pass\n",
            "class Mixin:\n    def generate(self): return self.rows\nclass Source(Mixin, Component): pass\n",
            "class Source(Component):\n    @abstractmethod\n    def more(self): ...\n",
            "class Source: pass\n",
        ],
    )
    def test_a_whole_component_is_left_alone(self, leaf: str) -> None:
        assert hits(BASE + leaf, "FH304", CONFIGURED) == []

    @pytest.mark.parametrize(
        "base",
        [
            "class Component:\n    @property\n    def generate(self): raise NotImplementedError\n",
            "class Component:\n    def _generate(self): raise NotImplementedError\n",
            "class Component:\n    def generate(self): raise ValueError\n",
        ],
    )
    def test_a_base_that_demands_no_method_is_left_alone(self, base: str) -> None:
        assert hits(f"{base}class Source(Component): pass\n", "FH304", CONFIGURED) == []

    def test_without_configuration_a_base_is_guessed_by_its_name(self) -> None:
        source = (BASE + "class Source(Component): pass\n").replace("Component", "BaseComponent")
        assert subs(source, "FH304") == ["guessed"]
        assert hits(BASE + "class Source(Component): pass\n", "FH304") == []

    def test_a_required_method_is_missing_though_no_base_raises(self) -> None:
        source = "class Component: pass\nclass Source(Component):\n    def a(self): return self.x\n"
        for required in ("b", "Component.b", "app.service.Component.b"):
            found = hits(source, "FH304", {**CONFIGURED, "required_methods": [required, "a", "Other.c"]})
            assert [hit.message for hit in found] == ["Source lacks b, which Component demands"]

    def test_a_hook_may_be_missing(self) -> None:
        source = BASE + "class Source(Component): pass\n"
        assert hits(source, "FH304", {**CONFIGURED, "optional_hooks": ["Component.generate"]}) == []

    def test_the_class_may_lie_in_another_file_and_tests_do_not_count(self) -> None:
        files: Files = {
            "app/service.py": BASE,
            "app/b.py": "from app.service import Component\nclass B(Component):\n    def generate(self): pass\n",
            "tests/test_c.py": "from app.service import Component\nclass C(Component): pass\n",
        }
        found = hits(files, "FH304", CONFIGURED)
        assert [(hit.path, hit.line, hit.message) for hit in found] == [
            ("app/b.py", 3, "B.generate does nothing, and Component demands it")
        ]


class TestTodos:
    @pytest.mark.parametrize(
        "comment",
        [
            "# TODO: retry",
            "# TODO retry",
            "#TODO(ana): retry",
            "# todo: retry",
            "# @todo retry",
            "# TBD",
            "# FIXME: wrong",
            "# HACK",
            "# XXX: look",
            "# It retries. TODO: not for ever",
            "# look at this FIXME(ana)",
        ],
    )
    def test_each_marker_is_found(self, comment: str) -> None:
        assert len(hits(f"x = 1  {comment}\n", "FH305")) == 1

    @pytest.mark.parametrize(
        "source",
        [
            "# TODO(#123): retry\n",
            "# TODO: retry, see ABC-12\n",
            "# FIXME: https://example.org/1\n",
            "# TODO: retry\n# (see #12)\n",
            "x = '# TODO: retry'\n",
            "x = '''\n# TODO: retry\n'''  # done\n",
            "# lines that begin with 'TODO:' are work\n",
            "# the format is `TODO(name)`\n",
            "# finds the word TODO in a comment\n",
            "# numbers like XXX-XX-1234 and xxx\n",
            "# a hack of the list\n",
        ],
    )
    def test_what_is_tracked_or_only_mentioned_is_left_alone(self, source: str) -> None:
        assert hits(source, "FH305") == []

    def test_each_marker_of_a_comment_is_found(self) -> None:
        assert [hit.line for hit in hits("# TODO: a\n# and\n# TODO: b\n", "FH305")] == [1, 3]
