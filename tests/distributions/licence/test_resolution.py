"""Tests of which licence a distribution is under: what decides, what contradicts, what stays open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.distributions.licence.resolution import resolve
from pytest_failhard.distributions.spdx import allows
from tests.distributions.licence import samples
from tests.distributions.licence.samples import (
    ALLOWLIST,
    Headers,
    clarification,
    classifiers,
    distribution,
    expression,
    licence,
    resolved,
)

Files = dict[str, str]
GPL_3 = "GNU General Public License v3 (GPLv3)"
LGPL = "GNU Library or Lesser General Public License (LGPL)"
GPL = "GNU General Public License (GPL)"
APACHE = "Apache Software License"
WITH_EXCEPTION = "GPL-2.0-only WITH GCC-exception-2.0"
PROPRIETARY: Headers = (("Classifier", "License :: Other/Proprietary License"),)


@pytest.mark.parametrize(
    ("headers", "files", "expected", "source"),
    [
        (expression("mit"), {}, "MIT", "License-Expression"),
        (expression("MIT AND GPL-3.0-only"), {}, "MIT AND GPL-3.0-only", "License-Expression"),
        (expression("MIT") + licence("BSD") + classifiers(GPL_3), {}, "MIT", "License-Expression"),
        (licence("MIT"), {}, "MIT", "License"),
        (licence("MIT OR Apache-2.0"), {}, "MIT OR Apache-2.0", "License"),
        (licence("Apache 2.0"), {}, "Apache-2.0", "License"),
        (licence("Apache License, Version 2.0"), {}, "Apache-2.0", "License"),
        (licence("The MIT License (MIT)"), {}, "MIT", "License"),
        (licence("BSD 3-Clause"), {}, "BSD-3-Clause", "License"),
        (licence("PSFL"), {}, "PSF-2.0", "License"),
        (licence("MIT License") + classifiers("MIT License"), {}, "MIT", "License"),
        (licence("Apache-2.0") + classifiers(APACHE), {}, "Apache-2.0", "License"),
        (licence("BSD-3-Clause") + classifiers("BSD License"), {}, "BSD-3-Clause", "License"),
        (
            licence("MIT OR Apache-2.0") + classifiers("MIT License", APACHE),
            {},
            "MIT OR Apache-2.0",
            "License",
        ),
        (licence("GPL-3.0-or-later") + classifiers(GPL_3), {}, "GPL-3.0-or-later", "License"),
        (licence(WITH_EXCEPTION), {"COPYING": samples.GPL_2}, WITH_EXCEPTION, "License"),
        (licence("BSD"), {"LICENSE": samples.BSD_3}, "BSD-3-Clause", "License"),
        (licence("GPL") + classifiers(GPL_3), {}, "GPL-3.0-only", "License"),
        (licence(samples.MIT), {}, "MIT", "License"),
        (licence(samples.MIT) + classifiers("MIT License"), {}, "MIT", "License"),
        (licence("Apache Software License"), {"LICENSE": samples.APACHE_NOTICE}, "Apache-2.0", "License"),
        (licence("UNKNOWN") + classifiers("MIT License"), {}, "MIT", "classifier"),
        (licence("see LICENSE") + classifiers("ISC License (ISCL)"), {}, "ISC", "classifier"),
        (classifiers("MIT License"), {}, "MIT", "classifier"),
        ((*classifiers("MIT License"), ("Classifier", "License :: OSI Approved")), {}, "MIT", "classifier"),
        (classifiers("MIT License") * 2, {}, "MIT", "classifier"),
        (classifiers("MIT License", "ISC License (ISCL)"), {}, "ISC AND MIT", "classifier"),
        (classifiers(GPL_3), {}, "GPL-3.0-only", "classifier"),
        (classifiers("Eclipse Public License 2.0 (EPL-2.0)"), {}, "EPL-2.0", "classifier"),
        (
            classifiers("Mulan Permissive Software License v2 (MulanPSL-2.0)"),
            {},
            "MulanPSL-2.0",
            "classifier",
        ),
        (classifiers("Python Software Foundation License"), {}, "PSF-2.0", "classifier"),
        (classifiers("BSD License"), {"licenses/LICENSE": samples.BSD_3}, "BSD-3-Clause", "classifier"),
        (classifiers("BSD License"), {"LICENSE": samples.BSD_2}, "BSD-2-Clause", "classifier"),
        (classifiers("BSD License"), {"LICENSE": samples.BSD_4}, "BSD-4-Clause", "classifier"),
        (
            classifiers("BSD License"),
            {"LICENSE": samples.BSD_3, "licenses/vendor/LICENSE": samples.BSD_2},
            "BSD-2-Clause AND BSD-3-Clause",
            "classifier",
        ),
        (classifiers(APACHE), {"LICENSE": samples.APACHE}, "Apache-2.0", "classifier"),
        (
            licence("Dual License") + classifiers("BSD License", APACHE),
            {"LICENSE": samples.APACHE_NOTICE + samples.BSD_3},
            "Apache-2.0 AND BSD-3-Clause",
            "classifier",
        ),
        ((), {"LICENSE": samples.MIT}, "MIT", "text"),
        ((), {"LICENSE-MIT": samples.MIT, "LICENSE-APACHE": samples.APACHE}, "Apache-2.0 AND MIT", "text"),
    ],
)
def test_what_decides(tmp_path: Path, headers: Headers, files: Files, expected: str, source: str) -> None:
    found = resolved(tmp_path, headers, files)
    assert (found.expression, found.source, found.reason) == (expected, source, "")


@pytest.mark.parametrize(
    ("headers", "files", "why"),
    [
        ((), {}, "no field, no classifier and no text names a licence"),
        ((("Classifier", "License :: OSI Approved"),), {}, "no field, no classifier and no text"),
        (licence("UNKNOWN"), {}, "no field, no classifier and no text"),
        (expression("Apache 2.0"), {}, "License-Expression is not valid"),
        (expression(""), {"LICENSE": samples.MIT}, "License-Expression is not valid"),
        (expression("MIT") + expression("ISC"), {}, "License-Expression stands there more than once"),
        (licence("MIT") + licence("ISC"), {}, "the field License stands there 2 times"),
        (licence("MIT/X11"), {}, "is no SPDX expression and no known name"),
        (licence("Proprietary License"), {}, "is no SPDX expression and no known name"),
        (licence("GNU GPLv2 (with FOSS License Exception)"), {}, "is no SPDX expression and no known name"),
        (licence(samples.PROPRIETARY * 2), {}, "the field License holds a text that is not known"),
        (licence("Custom"), {"LICENSE": samples.MIT}, "is no SPDX expression and no known name"),
        (licence("MIT; GPL-3.0") + classifiers("MIT License"), {}, "is no SPDX expression and no known name"),
        (licence("MIT") + PROPRIETARY, {}, "'License :: Other/Proprietary License' names no licence"),
        (licence("MIT") + classifiers(GPL_3), {}, "a classifier (GPL-3.0-only) contradict each other"),
        (licence("MIT") + classifiers("MIT License", LGPL), {}, "contradict each other"),
        (licence("BSD") + classifiers("MIT License"), {"LICENSE": samples.BSD_3}, "contradict each other"),
        (licence(samples.MIT) + classifiers(GPL_3), {}, "contradict each other"),
        (licence("MIT"), {"LICENSE": samples.GPL_3}, "the licence text is that of GPL-3.0-only or"),
        (
            classifiers("MIT License"),
            {"COPYING": samples.LGPL_NOTICE},
            "the licence text is that of LGPL-2.0-only",
        ),
        (licence("MIT"), {"LICENSE": samples.COMMONS}, "a text takes rights away again: Commons Clause"),
        (licence(samples.JSON), {}, "a text takes rights away again: no use for evil"),
        ((), {"LICENSE": samples.COMMONS}, "a text takes rights away again: Commons Clause"),
        (
            classifiers("MIT License", GPL_3),
            {},
            "GPL-3.0-only, MIT are named, and nothing says whether all or one",
        ),
        (classifiers("BSD License"), {}, "and no licence text tells which"),
        (classifiers("BSD License"), {"LICENSE": samples.PROPRIETARY}, "and no licence text tells which"),
        (classifiers("BSD License"), {"LICENSE": samples.MIT}, "and no licence text tells which"),
        (classifiers(APACHE), {}, "and no licence text tells which"),
        (
            classifiers("Zope Public License"),
            {},
            "it says ZPL-1.1 or ZPL-2.0 or ZPL-2.1, and no licence text",
        ),
        (classifiers(GPL), {"COPYING": samples.GPL_3}, "and no licence text tells which"),
        (licence("GPL"), {}, "and no licence text tells which"),
        (classifiers("Public Domain"), {}, "names no licence that SPDX knows"),
        ((), {"COPYING": samples.GPL_3}, "the text is that of GPL-3.0-only or GPL-3.0-or-later"),
        ((), {"LICENSE": samples.MIT, "NOTICE": "Thanks."}, "and NOTICE is no known text"),
        ((), {"LICENSE": samples.APACHE_NOTICE}, "and LICENSE is no known text"),
        ((), {"LICENSE": samples.MIT, "COPYING": samples.BSD_4}, "BSD-4-Clause, MIT are named"),
    ],
)
def test_what_stays_open(tmp_path: Path, headers: Headers, files: Files, why: str) -> None:
    found = resolved(tmp_path, headers, files)
    assert (found.expression, found.source) == ("", "")
    assert why in found.reason


def test_another_text_beside_the_right_one_is_no_contradiction(tmp_path: Path) -> None:
    files = {"LICENSE.txt": samples.BSD_3, "licenses/vendor/LICENSE": samples.MIT}
    assert resolved(tmp_path, licence("BSD-3-Clause"), files).expression == "BSD-3-Clause"


@pytest.mark.parametrize(
    ("headers", "families"),
    [
        (classifiers(LGPL), ("LGPL",)),
        (licence("GPL"), ("GPL",)),
        (classifiers("MIT License", GPL_3), ("GPL",)),
        (licence("LGPL with exceptions") + classifiers(LGPL), ("LGPL",)),
        (licence("Custom") + PROPRIETARY, ()),
        (licence("MIT"), ()),
        (licence("MPL-2.0 OR LGPL-3.0-only"), ("LGPL", "MPL")),
        (classifiers("BSD License"), ()),
    ],
)
def test_copyleft_is_named_where_the_licence_is_open_too(
    tmp_path: Path, headers: Headers, families: tuple[str, ...]
) -> None:
    assert resolved(tmp_path, headers).families == families


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        (expression("MIT AND GPL-3.0-only"), False),
        (licence("Proprietary; redistribution not permitted"), None),
        (licence("Copyright ACME Limited"), None),
        (licence("MIT; GPL-3.0"), None),
        (classifiers("MIT License", GPL_3), None),
        (licence("GPL-3.0-only") + classifiers("MIT License"), None),
        ((), None),
        (licence("LGPL-3.0-only"), False),
        (expression("MIT OR GPL-2.0-only"), True),
        (licence("Apache-2.0") + classifiers(APACHE), True),
    ],
)
def test_what_passes_elsewhere(tmp_path: Path, headers: Headers, is_allowed: bool | None) -> None:
    found = resolved(tmp_path, headers).expression
    assert (allows(found, ALLOWLIST) if found else None) is is_allowed


DOCUTILS = (
    *licence("public domain, Python, 2-Clause BSD, GPL 3 (see COPYING.txt)"),
    *classifiers("Python Software Foundation License", "BSD License", GPL),
    ("Classifier", "License :: Public Domain"),
)


@pytest.mark.parametrize(
    ("headers", "files", "expected"),
    [
        (licence("Proprietary License"), {}, ""),
        (licence("LGPL") + classifiers(LGPL), {}, ""),
        (licence("LGPL with exceptions") + classifiers(LGPL), {}, ""),
        (licence("GNU GPLv2 (with FOSS License Exception)") + classifiers(GPL), {}, ""),
        (DOCUTILS, {}, ""),
        (
            licence("MPL-2.0") + classifiers("Mozilla Public License 2.0 (MPL 2.0)"),
            {"LICENSE": "Mozilla Public License, v. 2.0"},
            "MPL-2.0",
        ),
    ],
    ids=["pinecone-client", "chardet", "psycopg2", "mysql", "docutils", "certifi"],
)
def test_metadata_as_it_is_published(tmp_path: Path, headers: Headers, files: Files, expected: str) -> None:
    assert resolved(tmp_path, headers, files).expression == expected


def test_a_clarification_that_fits_settles_what_is_open(tmp_path: Path) -> None:
    meant = clarification("mit or GPL-3.0")
    found = resolved(tmp_path, licence("Custom"), {"LICENSE": samples.PROPRIETARY}, (meant,))
    assert (found.expression, found.source) == ("MIT OR GPL-3.0-only", "clarification")
    assert (found.reason, found.families, found.clarification, found.lapsed) == ("", ("GPL",), meant, ())


def test_a_clarification_may_be_bound_to_the_metadata(tmp_path: Path) -> None:
    metadata = (distribution(tmp_path, licence("Custom")).folder / "METADATA").read_text()
    assert resolved(tmp_path, licence("Custom"), {}, (clarification(METADATA=metadata),)).expression == "MIT"


@pytest.mark.parametrize(
    ("version", "headers", "files", "why"),
    [
        (
            "1.1",
            licence("Custom"),
            {"LICENSE": samples.PROPRIETARY},
            "it is of version 1.1, installed is 1.0",
        ),
        ("1.0", licence("Custom"), {"LICENSE": samples.GPL_3}, "LICENSE is another text than the one"),
        ("1.0", licence("Custom"), {}, "there is no file LICENSE in its .dist-info"),
        (
            "1.0",
            licence("GPL-3.0-only"),
            {"LICENSE": samples.PROPRIETARY},
            "it is GPL-3.0-only: only a waiver",
        ),
    ],
)
def test_a_clarification_that_does_not_fit_has_no_effect(
    tmp_path: Path, version: str, headers: Headers, files: Files, why: str
) -> None:
    meant = clarification(version=version)
    found = resolved(tmp_path, headers, files, (meant,))
    [(lapsed, reason)] = found.lapsed
    assert (lapsed, found.clarification) == (meant, None)
    assert why in reason
    assert found.source != "clarification"


def test_of_several_clarifications_the_one_that_fits_counts(tmp_path: Path) -> None:
    fits, old, other = (
        clarification(),
        clarification(version="0.9"),
        replace(clarification(), package="other"),
    )
    given = distribution(tmp_path, licence("Custom"), {"LICENSE": samples.PROPRIETARY})
    found = resolve(given, ALLOWLIST, (old, fits, other))
    assert (found.clarification, [each for each, _ in found.lapsed]) == (fits, [old])
