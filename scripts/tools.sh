#!/bin/sh
# Checks for what every build needs and says the one command that brings it.
missing=
command -v go >/dev/null 2>&1 || missing="$missing go(1.26 or later)"
command -v "${REAL_CXX:-c++}" >/dev/null 2>&1 || missing="$missing g++"
if [ -n "$missing" ]; then
	echo "clipgo needs:$missing" >&2
	exit 1
fi
# libjpeg-turbo is worth having (decodes twice as fast, to Pillow's very bytes) and not needed.
if [ -z "$(sh "$(dirname "$0")/jpeg.sh")" ] && command -v apt-get >/dev/null 2>&1; then
	if [ "$(id -u)" = 0 ]; then
		echo "jpeg: installing libjpeg-dev (libjpeg-turbo)" >&2
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libjpeg-dev; } >&2 ||
			echo "jpeg: not installed; the pure-Go decoder is used" >&2
	else
		echo "jpeg: the pure-Go decoder is used; faster and exact with: sudo apt-get install -y libjpeg-dev" >&2
	fi
fi
exit 0
