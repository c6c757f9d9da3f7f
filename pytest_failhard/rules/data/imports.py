"""What guards an import, and modules that a build writes."""

from __future__ import annotations

import re

DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
CAUGHT = frozenset(
    {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException", "OSError"}
)
SUPPRESSED = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "raises"})
GUARD = re.compile(
    r"(?i)platform|version|implementation|maxsize|find_spec|hasattr|getattr|TYPE_CHECKING|\Aname\Z|\Asystem\Z"
    r"|has_|have_|_available|available_|\Awin|windows|linux|darwin|mac_?os|posix|pypy|cpython|\Apy\d"
)
GENERATED = re.compile(
    r"(?:\A|[._])(?:_?version|_build|_generated|generated|_pb2|_pb2_grpc|pb2|local_settings)\Z"
)
"""Modules that a build or a developer writes: a checkout may be without them."""
SHOWN = 3
SIMILAR = 0.75
