#!/usr/bin/env bash
# Takes off what setup.sh put there: the whole Kind cluster, or less with --level. Arguments are those of `limpet cluster down`.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
if [ ! -f "$root/dist/cli/main.js" ]; then
  echo "limpet is not built: (cd '$root' && npm ci)" >&2
  exit 3
fi
exec node "$root/bin/limpet.js" cluster down "$@"
