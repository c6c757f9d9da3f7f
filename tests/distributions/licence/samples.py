"""Licence texts and made-up distributions for the tests of licences."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.licence.resolution import Resolved, resolve
from pytest_failhard.distributions.spdx import Allowlist
from pytest_failhard.model import Clarification
from tests.support import write

Headers = tuple[tuple[str, str], ...]

MIT = """Copyright (c) 2026 A. Nobody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without
limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED.
"""
MIT_0 = MIT.replace(
    "The above copyright notice and this permission notice shall be included in all copies or substantial "
    "portions\nof the Software.",
    "",
)
_BSD = """Copyright (c) 2026 A. Nobody

Redistribution and use in source and binary forms, with or without modification, are permitted provided that
the following conditions are met:
* Redistributions of source code must retain the above copyright notice.
* Redistributions in binary form must reproduce the above copyright notice.
"""
BSD_2 = _BSD + "THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS AS IS\n"
BSD_3 = _BSD + "* No name may be used to endorse or promote products derived from this software.\n"
BSD_4 = BSD_3 + "* All advertising materials mentioning features or use of this software must say so.\n"
BSD_CLEAR = """Redistribution and use in source and binary forms, with or without modification, are permitted
(subject to the limitations in the disclaimer below) provided that the following conditions are met.
No name may be used to endorse or promote products derived from this software.
NO EXPRESS OR IMPLIED LICENSES TO ANY PARTY'S PATENT RIGHTS ARE GRANTED BY THIS LICENSE.
"""
BSD_DOCUMENTATION = BSD_3.replace("binary forms,", "binary forms of the software as well as documentation,")
APACHE = "        Apache License\n   Version 2.0, January 2004\n   http://www.apache.org/licenses/\n"
APACHE_NOTICE = 'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file\n'
MPL = (
    "Mozilla Public License Version 2.0\n1.12. Secondary License means either the GNU General Public License, "
    "Version 2.0, the GNU Lesser General Public License, Version 2.1, the GNU Affero General Public License, "
    "Version 3.0, or any later versions of those licenses.\n"
)
PSF = "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n"
GPL_2 = "GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991\n"
GPL_3 = "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n"
LGPL_2_1 = "GNU LESSER GENERAL PUBLIC LICENSE\n  Version 2.1, February 1999\n"
LGPL_3 = (
    "GNU LESSER GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007\n"
    "This version incorporates the terms of version 3 of the GNU General Public License.\n" + GPL_3
)
AGPL_3 = "GNU AFFERO GENERAL PUBLIC LICENSE\n   Version 3, 19 November 2007\n"
_NOTICE = (
    "it under the terms of the GNU {}General Public License as published by the Free Software Foundation"
)
GPL_NOTICE = "You can redistribute it and/or modify " + _NOTICE.format("")
LGPL_NOTICE = "You can redistribute it and/or modify " + _NOTICE.format("Lesser ")
AGPL_NOTICE = "You can redistribute it and/or modify " + _NOTICE.format("Affero ")
_ISC = (
    "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is "
    "hereby granted"
)
_ISC_END = '\nTHE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES\n'
ISC = f"{_ISC}, provided that the above copyright notice appears.{_ISC_END}"
ZERO_BSD = f"{_ISC}.{_ISC_END}"
UNLICENSE = "This is free and unencumbered software released into the public domain.\n"
PROPRIETARY = "Copyright ACME Limited. Use is permitted inside ACME only. All rights reserved.\n"
JSON = MIT + "The Software shall be used for Good, not Evil.\n"
COMMONS = MIT + '"Commons Clause" License Condition v1.0\n'

ALLOWED = (
    *("MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD"),
    *("PSF-2.0", "Python-2.0", "Zlib", "Unlicense", "CC0-1.0", "MPL-2.0"),
)
ALLOWLIST = Allowlist.of(ALLOWED, ["LLVM-exception"])


def classifiers(*names: str) -> Headers:
    """Return classifiers of OSI's."""
    return tuple(("Classifier", f"License :: OSI Approved :: {name}") for name in names)


def licence(text: str) -> Headers:
    """Return the field `License`."""
    return (("License", text),)


def expression(text: str) -> Headers:
    """Return the field `License-Expression`."""
    return (("License-Expression", text),)


def distribution(
    folder: Path, headers: Headers = (), files: Mapping[str, str] | None = None, name: str = "lib"
) -> Distribution:
    """Write a `.dist-info` and return its distribution, version 1.0."""
    info = folder / f"{name}-1.0.dist-info"
    full = (("Metadata-Version", "2.4"), ("Name", name), ("Version", "1.0"), *headers)
    folded = "".join(f"{key}: {value.replace(chr(10), chr(10) + ' ' * 8)}\n" for key, value in full)
    write(info, {"METADATA": folded, **(files or {})})
    return Distribution(name=name, raw_name=name, version="1.0", folder=info, headers=full)


def resolved(
    folder: Path,
    headers: Headers = (),
    files: Mapping[str, str] | None = None,
    clarifications: tuple[Clarification, ...] = (),
) -> Resolved:
    """Return the licence of a made-up distribution."""
    return resolve(distribution(folder, headers, files), ALLOWLIST, clarifications)


def clarification(expression: str = "MIT", version: str = "1.0", **files: str) -> Clarification:
    """Return a clarification of `lib`, bound to the texts of files (`LICENSE` unless named)."""
    bound = files or {"LICENSE": PROPRIETARY}
    return Clarification(
        package="lib",
        version=version,
        expression=expression,
        files=tuple(
            (name, hashlib.sha256(text.encode()).hexdigest()) for name, text in sorted(bound.items())
        ),
        reason="the author answered by mail",
        owner="Ada",
    )
