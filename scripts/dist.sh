#!/bin/sh
# Makes what is given to others, in build/dist: a tarball, a Debian package, and their SHA-256. The same commit on the same system gives the
# same bytes. Usage: dist.sh BUILD_DIR VERSION.
# DIST_LIBTORCH="system /path/to/torch" names the libtorchs that libtch.so is built for (default: the one that make found); the first one is
# the default of the tarball. SOURCE_DATE_EPOCH is the date of all files (default: that of the commit).
set -eu
build=$1
version=${2:-unknown}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
arch=$(go env GOARCH)
name=clipgo-$version-linux-$arch
dist=$build/dist
work=$dist/work
tree=$work/$name
rm -rf "$dist"
mkdir -p "$tree/bin" "$tree/lib"

echo "dist: building $name"
go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$version" -o "$tree/bin/clipgo" ./cmd/clipgo

# A libtch.so is for one version of libtorch. Where it finds that one is a matter of the machine that runs it, so no path is kept in it.
first=
for torch in ${DIST_LIBTORCH:-$(. "$build/libtorch.env" && if [ "$TORCH_SOURCE" = system ]; then echo system; else echo "$TORCH_WHERE"; fi)}; do
	LIBTORCH=$torch sh scripts/libtorch.sh "$work/torch.env"
	sed -i 's/-Wl,-rpath,[^ '\'']*//g' "$work/torch.env"
	sh scripts/libtch.sh "$work/torch.env" "$work/libtch"
	sh scripts/libtchdist.sh "$work/torch.env" "$work/libtch"
	sh scripts/libtchnccl.sh "$work/torch.env" "$work/libtch"
	number=$(. "$work/torch.env" && echo "$TORCH_VERSION")
	cp "$work/libtch/libtch.so" "$tree/lib/libtch-$number.so"
	for part in libtchdist libtchnccl; do
		[ ! -f "$work/libtch/$part.so" ] || cp "$work/libtch/$part.so" "$tree/lib/$part-$number.so"
	done
	first=${first:-$number}
done
strip --strip-unneeded "$tree"/lib/*.so
ln -s "../lib/libtch-$first.so" "$tree/bin/libtch.so"
for part in libtchdist libtchnccl; do
	[ ! -f "$tree/lib/$part-$first.so" ] || ln -s "../lib/$part-$first.so" "$tree/bin/$part.so"
done

# The program itself writes its manual pages and completions; neither needs libtorch.
"$tree/bin/clipgo" man "$tree/share/man/man1" >/dev/null
completion() {
	mkdir -p "$(dirname "$tree/share/$2")"
	"$tree/bin/clipgo" completion "$1" >"$tree/share/$2"
}
completion bash bash-completion/completions/clipgo
completion zsh zsh/site-functions/_clipgo
completion fish fish/vendor_completions.d/clipgo.fish
mkdir -p "$tree/share/doc/clipgo"
cp -r LICENSE NOTICE README.md CHANGELOG.md docs "$tree/share/doc/clipgo/"
cp LICENSE NOTICE README.md "$tree/"

same() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} + && chmod -R u=rwX,go=rX "$1"; }
same "$tree"
tar -C "$work" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -n -9 >"$dist/$name.tar.gz"

# deb_version begins with a digit, as Debian asks for.
deb_version=$(printf %s "${version#v}" | tr -c 'A-Za-z0-9.+~' '+')
case $deb_version in [0-9]*.*) ;; *) deb_version=0~git$deb_version ;; esac

# packages lists the Debian packages of the libraries that a file names as needed.
packages() {
	ldd "$1" >"$work/libraries"
	readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | while read -r lib; do
		path=$(awk -v lib="$lib" '$1 == lib && $3 ~ /^\// {print $3}' "$work/libraries")
		[ -z "$path" ] || dpkg-query -S "$path" "$(readlink -f "$path")" 2>/dev/null | cut -d: -f1 | head -n 1
	done
}

if ! command -v dpkg-deb >/dev/null 2>&1; then
	echo "dist: no Debian package, because there is no dpkg-deb here"
else
	deb=$work/deb
	mkdir -p "$deb/DEBIAN" "$deb/usr/bin" "$deb/usr/lib/clipgo"
	cp "$tree/bin/clipgo" "$deb/usr/lib/clipgo/"
	cp "$tree"/lib/*.so "$deb/usr/lib/clipgo/"
	ln -s "libtch-$first.so" "$deb/usr/lib/clipgo/libtch.so"
	for part in libtchdist libtchnccl; do
		[ ! -f "$deb/usr/lib/clipgo/$part-$first.so" ] || ln -s "$part-$first.so" "$deb/usr/lib/clipgo/$part.so"
	done
	ln -s ../lib/clipgo/clipgo "$deb/usr/bin/clipgo"
	cp -r "$tree/share" "$deb/usr/share"
	gzip -n -9 "$deb"/usr/share/man/man1/*.1
	mv "$deb/usr/share/zsh/site-functions" "$deb/usr/share/zsh/vendor-completions"
	mv "$deb/usr/share/doc/clipgo/LICENSE" "$deb/usr/share/doc/clipgo/copyright"
	needs=$(for f in "$deb/usr/lib/clipgo/clipgo" "$deb/usr/lib/clipgo/libtch.so"; do packages "$f"; done | sort -u | paste -sd, | sed 's/,/, /g')
	cat >"$deb/DEBIAN/control" <<CONTROL
Package: clipgo
Version: $deb_version
Architecture: $arch
Maintainer: clipgo developers <clipgo@localhost>
Section: science
Priority: optional
Installed-Size: $(du -sk --apparent-size "$deb/usr" | cut -f1)
Depends: $needs
Recommends: libopenblas0-openmp, ca-certificates
Description: train and use CLIP models
 clipgo trains CLIP models, classifies images into categories the model was
 never trained on, and searches pictures by text or by example.
CONTROL
	same "$deb"
	dpkg-deb --root-owner-group -Zgzip --build "$deb" "$dist/clipgo_${deb_version}_$arch.deb" >/dev/null
fi

rm -rf "$work"
(cd "$dist" && sha256sum -- *.tar.gz $(ls | grep '\.deb$' || true) >SHA256SUMS)
ls -l "$dist" | awk 'NF > 8 {print "dist: build/dist/" $9 ", " $5 " bytes"}'
