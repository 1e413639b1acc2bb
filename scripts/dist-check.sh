#!/bin/sh
# Checks what dist.sh made: a second build, from a copy of the sources in another directory, gives the same bytes; the tarball runs from
# where it is unpacked and has a manual page for each command; and what the Debian package and deploy/Containerfile name exists. A container
# runtime is not needed. Usage: dist-check.sh BUILD_DIR VERSION, after dist.sh with the same arguments.
set -eu
build=$(cd "$1" && pwd)
version=$2
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
wrong() {
	echo "dist-check: $*" >&2
	failed=1
}

mkdir -p "$work/elsewhere/build"
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$work/elsewhere"
cp "$build/libtorch.env" "$work/elsewhere/build/"
# Nothing that was compiled before is taken: another cache of libtch.so, and another of Go with DIST_CHECK_ALL=1, which takes some minutes.
GOCACHE=$(go env GOCACHE)
[ -z "${DIST_CHECK_ALL:-}" ] || GOCACHE=$work/go-build
export GOCACHE
(cd "$work/elsewhere" && XDG_CACHE_HOME="$work/cache" sh scripts/dist.sh build "$version" >/dev/null)
if cmp -s "$build/dist/SHA256SUMS" "$work/elsewhere/build/dist/SHA256SUMS"; then
	echo "dist-check: two builds in two directories are the same bytes"
else
	wrong "a second build has other bytes:"
	diff "$build/dist/SHA256SUMS" "$work/elsewhere/build/dist/SHA256SUMS" >&2 || true
fi

# The tarball, unpacked under a name with a blank. info of a fresh model needs libtorch; nothing but the tarball's own libtch.so is used.
mkdir "$work/a place"
tar -xzf "$build"/dist/clipgo-*.tar.gz -C "$work/a place"
tree=$(echo "$work/a place"/clipgo-*)
run() { env -u CLIPGO_LIBTCH "$tree/bin/clipgo" "$@"; }
run --version | grep -qF -- "$version" || wrong "the tarball's --version is $(run --version), not $version"
run doctor >"$work/doctor" 2>&1 || wrong "the tarball's doctor finds: $(cat "$work/doctor")"
run man "$work/man" >/dev/null
for page in "$work"/man/*.1; do
	cmp -s "$page" "$tree/share/man/man1/$(basename "$page")" || wrong "the tarball lacks $(basename "$page"), or has another one"
done
for file in LICENSE NOTICE README.md share/bash-completion/completions/clipgo share/zsh/site-functions/_clipgo \
	share/fish/vendor_completions.d/clipgo.fish; do
	[ -s "$tree/$file" ] || wrong "the tarball has no $file"
done
if grep -rlF -e "$root" -e "$HOME/" "$tree" >"$work/paths"; then
	wrong "paths of this machine are in $(tr '\n' ' ' <"$work/paths")"
fi

# known tells whether this system's package lists have a package.
known() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'; }
packages() {
	for package in "$@"; do
		known "$package" || wrong "there is no package $package"
	done
}
if command -v apt-cache >/dev/null 2>&1 && known coreutils; then
	for deb in "$build"/dist/*.deb; do
		[ -e "$deb" ] || continue
		# shellcheck disable=SC2046
		packages $(dpkg-deb -f "$deb" Depends Recommends | sed 's/^[A-Za-z]*: //; s/([^)]*)//g; s/[,|]/ /g')
	done
	# shellcheck disable=SC2046
	packages $(sed -e ':a' -e '/\\$/N; s/\\\n//; ta' deploy/Containerfile | sed -n 's/.*apt-get install \([^&]*\).*/\1/p' | tr ' ' '\n' | grep -v '^-\|/')
	release=$(sed -n 's/^FROM debian:\([0-9]*\).*/\1/p' deploy/Containerfile)
	here=$(. /etc/os-release && echo "$ID $VERSION_ID")
	[ "$here" = "debian $release" ] || echo "dist-check: the package was made on $here, and the container is Debian $release: its libraries may differ"
else
	echo "dist-check: no package lists here, so the names of packages are not checked"
fi
sed -n 's,^COPY \(--from=build /src/\)\{0\,1\}\(.*\) [^ ]*$,\2,p' deploy/Containerfile | while read -r source; do
	# shellcheck disable=SC2086
	ls -d $source >/dev/null 2>&1 || echo "$source"
done >"$work/missing"
[ ! -s "$work/missing" ] || wrong "deploy/Containerfile copies what isn't there: $(cat "$work/missing")"
[ "$failed" = 0 ] && echo "dist-check: the tarball, the package and the container recipe agree with what is here"
exit "$failed"
