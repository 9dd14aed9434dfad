#!/bin/sh
# Starts a private Stentor in the background and prints its pid.
# Usage: start-stentor.sh WORKDIR BASE_PORT [archive=on|off] [storage=sqlite]
# Listens on 127.0.0.1: BASE_PORT (STARTTLS) and BASE_PORT+1 (direct TLS).
# STENTOR names the binary (default: the release build of this tree, which is brought up to date);
# STENTOR_EXTRA adds lines of configuration at the end.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
port=$2
archive=${3:-off}
storage=${4:-sqlite}
[ "$storage" = sqlite ] || { echo "stentor stores in SQLite, not in $storage" >&2; exit 2; }

if [ -z "${STENTOR:-}" ]; then
    (cd "$here/../.." && cargo build --quiet --release --package server --bin stentor)
    STENTOR=${CARGO_TARGET_DIR:-$here/../../target}/release/stentor
fi

cat >"$work/stentor.toml" <<TOML
domains = ["bench.local"]
[listen]
c2s = ["127.0.0.1:$port"]
c2s_tls = ["127.0.0.1:$((port + 1))"]
[tls]
required = false
[limits]
c2s_rate = "unlimited"
connections_per_address = 100000
[log]
level = "warn"
[xep.register]
open = true
per_address_per_hour = "unlimited"
TOML
# Not every build has an archive; one that has none needs no switching off.
if "$STENTOR" xeps | grep -q '\[xep\.mam\]'; then
    case $archive in on) default=always ;; *) default=never ;; esac
    printf '[xep.mam]\ndefault = "%s"\n' "$default" >>"$work/stentor.toml"
elif [ "$archive" = on ]; then
    echo "this build of stentor has no archive" >&2
    exit 2
fi
printf '%s\n' "${STENTOR_EXTRA:-}" >>"$work/stentor.toml"

ulimit -n 65536 2>/dev/null || true
# The environment would win over the file.
unset STENTOR_EXTRA
setsid "$STENTOR" run --config "$work/stentor.toml" >"$work/console.log" 2>&1 </dev/null &
pid=$!
# It says so when its ports are bound; a broken start ends the process.
for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || { cat "$work/console.log" >&2; exit 1; }
    if grep -q ' serves ' "$work/console.log"; then
        echo "$pid" | tee "$work/server.pid"
        exit 0
    fi
    sleep 0.1
done
echo "stentor does not serve:" >&2
cat "$work/console.log" >&2
kill "$pid"
exit 1
