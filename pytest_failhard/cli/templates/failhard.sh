#!/bin/sh
# Written by `failhard init`. Exit status 0: passed. Any other: do not merge.
# Run it where the project and its dev dependencies are installed:
@INSTALL@
# FAILHARD_BASE names the branch that the change goes to; arguments go on to `failhard check`.
set -eu
cd "$(dirname "$0")/.."
exec @PREFIX@failhard check --level @LEVEL@ ${FAILHARD_BASE:+--base "$FAILHARD_BASE"} "$@"
