#!/bin/sh
# The C++ compiler that cgo sees. gotch's torch_api.cpp lives in libtch.so, built once per libtorch, so cgo gets an
# empty object for it; everything else goes to the real compiler.
real=${REAL_CXX:-c++}
case "$real" in */cxx.sh) real=c++ ;; esac # the environment of another clone
for a; do case "$a" in *torch_api.cpp) hit=1 ;; esac; done
if [ -n "$hit" ]; then
	out= prev=
	for a; do
		[ "$prev" = "-o" ] && out=$a
		prev=$a
	done
	exec $real -x c++ -c /dev/null -o "$out"
fi
exec $real "$@"
