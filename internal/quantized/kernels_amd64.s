#include "textflag.h"

// Registers of both dot functions: DI dst, SI q, DX rows, CX rows left, R8 entries of a row, R11 the entry reached.

// func dotVNNI(dst *int32, q *int8, rows *uint8, n, stride int)
TEXT ·dotVNNI(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ stride+32(FP), R8
row:
	VPXORD Z0, Z0, Z0
	XORQ R11, R11
block:
	VMOVDQU8 (DX)(R11*1), Z4
	VPDPBUSD (SI)(R11*1), Z4, Z0
	ADDQ $64, R11
	CMPQ R11, R8
	JLT  block
	VEXTRACTI64X4 $1, Z0, Y1
	VPADDD Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	ADDQ R8, DX
	DECQ CX
	JNZ  row
	VZEROUPPER
	RET

// func dotAVX2(dst *int32, q *int8, rows *uint8, n, stride int)
TEXT ·dotAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ stride+32(FP), R8
row2:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	XORQ R11, R11
block2:
	VPMOVZXBW (DX)(R11*1), Y2
	VPMOVSXBW (SI)(R11*1), Y3
	VPMOVZXBW 16(DX)(R11*1), Y4
	VPMOVSXBW 16(SI)(R11*1), Y5
	VPMADDWD Y3, Y2, Y2
	VPMADDWD Y5, Y4, Y4
	VPADDD Y2, Y0, Y0
	VPADDD Y4, Y1, Y1
	ADDQ $32, R11
	CMPQ R11, R8
	JLT  block2
	VPADDD Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	ADDQ R8, DX
	DECQ CX
	JNZ  row2
	VZEROUPPER
	RET

// Sixteen sums of 16 rows: queries 0 to 7 by the first and the second half of the panel. AX is query 0, BX query 4, R8 the entries of a
// query, R9 three times that, DX the panel, CX groups of four entries left.
#define STEP(address, lower, upper) \
	VPDPBUSD.BCST address, Z16, lower \
	VPDPBUSD.BCST address, Z17, upper

// func tileVNNI(dst *int32, q *int8, panel *uint8, stride int)
TEXT ·tileVNNI(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), AX
	MOVQ panel+16(FP), DX
	MOVQ stride+24(FP), R8
	LEAQ (R8)(R8*2), R9
	LEAQ (AX)(R8*4), BX
	MOVQ R8, CX
	SHRQ $2, CX
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7
	VPXORD Z8, Z8, Z8
	VPXORD Z9, Z9, Z9
	VPXORD Z10, Z10, Z10
	VPXORD Z11, Z11, Z11
	VPXORD Z12, Z12, Z12
	VPXORD Z13, Z13, Z13
	VPXORD Z14, Z14, Z14
	VPXORD Z15, Z15, Z15
four:
	VMOVDQU8 (DX), Z16
	VMOVDQU8 64(DX), Z17
	STEP((AX), Z0, Z1)
	STEP((AX)(R8*1), Z2, Z3)
	STEP((AX)(R8*2), Z4, Z5)
	STEP((AX)(R9*1), Z6, Z7)
	STEP((BX), Z8, Z9)
	STEP((BX)(R8*1), Z10, Z11)
	STEP((BX)(R8*2), Z12, Z13)
	STEP((BX)(R9*1), Z14, Z15)
	ADDQ $4, AX
	ADDQ $4, BX
	ADDQ $128, DX
	DECQ CX
	JNZ  four
	VMOVDQU32 Z0, (DI)
	VMOVDQU32 Z1, 64(DI)
	VMOVDQU32 Z2, 128(DI)
	VMOVDQU32 Z3, 192(DI)
	VMOVDQU32 Z4, 256(DI)
	VMOVDQU32 Z5, 320(DI)
	VMOVDQU32 Z6, 384(DI)
	VMOVDQU32 Z7, 448(DI)
	VMOVDQU32 Z8, 512(DI)
	VMOVDQU32 Z9, 576(DI)
	VMOVDQU32 Z10, 640(DI)
	VMOVDQU32 Z11, 704(DI)
	VMOVDQU32 Z12, 768(DI)
	VMOVDQU32 Z13, 832(DI)
	VMOVDQU32 Z14, 896(DI)
	VMOVDQU32 Z15, 960(DI)
	VZEROUPPER
	RET

// count5 adds to Z0, for the 8 words in Z1: the ones in the upper halves, and in the lower halves those that the 4 planes at R10 have too,
// times 1, 2, 4 and 8.
#define COUNT5 \
	VPOPCNTQ Z1, Z2           \
	VPSLLQ   $32, Z2, Z2      \
	VPANDQ   (R10), Z1, Z3    \
	VPANDQ   64(R10), Z1, Z4  \
	VPANDQ   128(R10), Z1, Z5 \
	VPANDQ   192(R10), Z1, Z6 \
	VPOPCNTQ Z3, Z3           \
	VPOPCNTQ Z4, Z4           \
	VPOPCNTQ Z5, Z5           \
	VPOPCNTQ Z6, Z6           \
	VPSLLQ   $1, Z4, Z4       \
	VPSLLQ   $2, Z5, Z5       \
	VPSLLQ   $3, Z6, Z6       \
	VPADDQ   Z3, Z2, Z2       \
	VPADDQ   Z5, Z4, Z4       \
	VPADDQ   Z2, Z0, Z0       \
	VPADDQ   Z6, Z4, Z4       \
	VPADDQ   Z4, Z0, Z0

// func countVPOPCNT(dst *uint64, planes *uint64, rows *uint64, n, words, last int)
TEXT ·countVPOPCNT(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ planes+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ words+32(FP), R8
	MOVQ last+40(FP), R9
	KMOVW R9, K1
countRow:
	VPXORQ Z0, Z0, Z0
	MOVQ SI, R10
	MOVQ DX, R12
	MOVQ R8, R11
countBlock:
	CMPQ R11, $8
	JLE  countLast
	VMOVDQU64 (R12), Z1
	COUNT5
	ADDQ $64, R12
	ADDQ $256, R10
	SUBQ $8, R11
	JMP  countBlock
countLast:
	VMOVDQU64.Z (R12), K1, Z1
	COUNT5
	VEXTRACTI64X4 $1, Z0, Y1
	VPADDQ Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDQ X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDQ X1, X0, X0
	VMOVQ X0, (DI)
	ADDQ $8, DI
	LEAQ (DX)(R8*8), DX
	DECQ CX
	JNZ  countRow
	VZEROUPPER
	RET
