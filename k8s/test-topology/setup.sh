#!/usr/bin/env bash
# The test topology onto a Kind cluster of its own. From any folder; arguments are those of `limpet cluster up`.
set -euo pipefail
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
if [ ! -f "$root/dist/cli/main.js" ]; then
  echo "limpet is not built: (cd '$root' && npm ci)" >&2
  exit 3
fi
exec node "$root/bin/limpet.js" cluster up "$@"
