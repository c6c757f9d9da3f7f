"""What no git that we run takes from the repository it runs in, nor from whoever runs us."""

from __future__ import annotations

import os
from collections.abc import Sequence

# What a checked project's .git/config must not decide: programs to run, the format of what we parse.
SETTINGS = (
    *("core.fsmonitor=false", "core.untrackedCache=false", f"core.hooksPath={os.devnull}"),
    *("core.quotePath=false", "core.sshCommand=false", f"core.attributesFile={os.devnull}"),
    *("advice.graftFileDeprecated=false", "protocol.allow=never", "log.showSignature=false"),
    *("color.ui=false", "diff.external=", "diff.noprefix=false", "diff.mnemonicPrefix=false"),
    *("diff.relative=false", f"diff.orderFile={os.devnull}", "diff.submodule=short"),
)
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_ALLOW_PROTOCOL": "none",
}
NAMES_ONLY = frozenset(
    {"cat-file", "config", "ls-files", "ls-tree", "merge-base", "rev-list", "rev-parse", "symbolic-ref"}
)
"""Commands that look at objects, references, the index and settings: no filter ever runs for them."""
COMPARING = frozenset({"-m", "--modified"})
"""Options that have one of them look into files."""
_PLAIN = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "--text")
FLAGS = {"diff": _PLAIN, "show": _PLAIN, "status": ("--ignore-submodules=dirty",)}


def may_filter(args: Sequence[str]) -> bool:
    """Tell whether a command could run the content filters that a repository's configuration names."""
    return args[0] not in NAMES_ONLY or not COMPARING.isdisjoint(args)
