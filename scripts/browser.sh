#!/bin/sh
# Finds a browser for the tests of pages, or installs Debian's chromium. Only the tests need it.
set -eu
say() { echo "browser: $*" >&2; }

for program in chromium chromium-browser google-chrome chrome; do
	if command -v "$program" >/dev/null 2>&1; then
		exit 0
	fi
done
packages=chromium
command -v apt-get >/dev/null 2>&1 || { say "none found, and no apt here; install chromium"; exit 1; }
[ "$(id -u)" = 0 ] || { say "none found. Run this once:  sudo apt-get install -y --no-install-recommends $packages"; exit 1; }
say "none found; installing $packages"
for try in 1 2 3; do
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; } >&2 && exit 0
	sleep 5
done
say "$packages can't be installed"
exit 1
