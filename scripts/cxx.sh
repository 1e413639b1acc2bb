#!/bin/sh
# The C++ compiler that cgo sees. gotch's torch_api.cpp lives in libtch.so, built once per libtorch, so cgo gets an
# empty object for it; everything else goes to the real compiler.
for a; do case "$a" in *torch_api.cpp) hit=1 ;; esac; done
if [ -n "$hit" ]; then
	out= prev=
	for a; do
		[ "$prev" = "-o" ] && out=$a
		prev=$a
	done
	exec ${REAL_CXX:-c++} -x c++ -c /dev/null -o "$out"
fi
exec ${REAL_CXX:-c++} "$@"
