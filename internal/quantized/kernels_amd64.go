package quantized

import "golang.org/x/sys/cpu"

//go:noescape
func dotVNNI(dst *int32, q *int8, rows *uint8, n, stride int)

//go:noescape
func dotAVX2(dst *int32, q *int8, rows *uint8, n, stride int)

//go:noescape
func tileVNNI(dst *int32, q *int8, panel *uint8, stride int)

//go:noescape
func tileAVX2(dst *int32, q *int8, panel *uint8, stride int)

//go:noescape
func countVPOPCNT(dst *uint64, planes *uint64, rows *uint64, n, words, last int)

//go:noescape
func countAVX2(dst *uint64, planes *uint64, rows *uint64, n, words, last int)

// counters lists what this processor can run, fastest first; the last is always plain Go.
func counters() []counter {
	var out []counter
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512VPOPCNTDQ {
		out = append(out, counter{"vpopcnt", checkedCount(countVPOPCNT)})
	}
	if cpu.X86.HasAVX2 {
		out = append(out, counter{"avx2", checkedCount(countAVX2)})
	}
	return append(out, counter{"go", plainCount})
}

// checkedCount makes the one bounds check for all that the assembly reads. last has a bit for each word of a row's last 8.
func checkedCount(count func(dst, planes, rows *uint64, n, words, last int)) func(dst, planes, rows []uint64, words int) {
	return func(dst, planes, rows []uint64, words int) {
		if len(dst) == 0 || words == 0 {
			return
		}
		_, _ = rows[len(dst)*words-1], planes[planeWords(words)-1]
		count(&dst[0], &planes[0], &rows[0], len(dst), words, 1<<((words-1)%8+1)-1)
	}
}

// kernels lists what this processor can run, fastest first; the last is always plain Go.
func kernels() []kernel {
	var out []kernel
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VNNI {
		out = append(out, kernel{"vnni", checked(dotVNNI), checkedTile(tileVNNI)})
	}
	if cpu.X86.HasAVX2 {
		out = append(out, kernel{"avx2", checked(dotAVX2), checkedTile(tileAVX2)})
	}
	return append(out, plain())
}

// checked makes the one bounds check for all that the assembly reads.
func checked(dot func(dst *int32, q *int8, rows *uint8, n, stride int)) func(dst []int32, q []int8, rows []uint8) {
	return func(dst []int32, q []int8, rows []uint8) {
		n, stride := len(dst), len(q)
		if n == 0 || stride == 0 {
			return
		}
		if stride%64 != 0 {
			panic("quantized: rows are not padded")
		}
		_ = rows[n*stride-1]
		dot(&dst[0], &q[0], &rows[0], n, stride)
	}
}

// checkedTile makes the one bounds check for all that the assembly reads.
func checkedTile(
	tile func(dst *int32, q *int8, panel *uint8, stride int),
) func(dst *[tileQueries * panelRows]int32, q []int8, panel []uint8, stride int) {
	return func(dst *[tileQueries * panelRows]int32, q []int8, panel []uint8, stride int) {
		if stride == 0 {
			return
		}
		_, _ = q[tileQueries*stride-1], panel[panelRows*stride-1]
		tile(&dst[0], &q[0], &panel[0], stride)
	}
}
