#!/bin/sh
# `ostree`, but whoever runs it for the n-th time dies by SIGKILL before it does anything.
#
#     dying-ostree.sh COUNTER N COMMAND...
#
# COUNTER is a file that holds how often it was run; with 0 nobody dies.
set -eu
count=$(($(cat "$1" 2>/dev/null || echo 0) + 1))
echo "$count" >"$1"
if [ "$count" = "$2" ]; then
    kill -KILL "$PPID"
    exit 1
fi
shift 2
exec "$@"
