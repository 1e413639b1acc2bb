#include "textflag.h"

// The ones of each of the 16 values of 4 bits, for both halves of a register.
DATA ones4<>+0(SB)/8, $0x0302020102010100
DATA ones4<>+8(SB)/8, $0x0403030203020201
DATA ones4<>+16(SB)/8, $0x0302020102010100
DATA ones4<>+24(SB)/8, $0x0403030203020201
GLOBL ones4<>(SB), RODATA|NOPTR, $32

// The bit of each of 8 words in last.
DATA bit8<>+0(SB)/8, $1
DATA bit8<>+8(SB)/8, $2
DATA bit8<>+16(SB)/8, $4
DATA bit8<>+24(SB)/8, $8
DATA bit8<>+32(SB)/8, $16
DATA bit8<>+40(SB)/8, $32
DATA bit8<>+48(SB)/8, $64
DATA bit8<>+56(SB)/8, $128
GLOBL bit8<>(SB), RODATA|NOPTR, $64

// WEIGHED adds to the bytes of Y4 what they have in common with a plane, by a table of the ones times the plane's weight. The words are
// split in 4 bits: Y2 has the lower ones of each byte, Y3 the upper ones.
#define WEIGHED(plane, table) \
	VMOVDQU plane, Y6       \
	VPSRLW  $4, Y6, Y7      \
	VPAND   Y2, Y6, Y6      \
	VPAND   Y3, Y7, Y7      \
	VPSHUFB Y6, table, Y6   \
	VPSHUFB Y7, table, Y7   \
	VPADDB  Y6, Y4, Y4      \
	VPADDB  Y7, Y4, Y4

// COUNT4 adds, for the 4 words in Y2, the ones of each byte to Y5 and the weighed ones in common with 4 planes to Y4.
#define COUNT4(plane0, plane1, plane2, plane3) \
	VPSRLW  $4, Y2, Y3      \
	VPAND   Y15, Y2, Y2     \
	VPAND   Y15, Y3, Y3     \
	VPSHUFB Y2, Y11, Y6     \
	VPSHUFB Y3, Y11, Y7     \
	VPADDB  Y6, Y5, Y5      \
	VPADDB  Y7, Y5, Y5      \
	WEIGHED(plane0, Y11)    \
	WEIGHED(plane1, Y12)    \
	WEIGHED(plane2, Y13)    \
	WEIGHED(plane3, Y14)

#define LOWER COUNT4((R10), 64(R10), 128(R10), 192(R10))
#define UPPER COUNT4(32(R10), 96(R10), 160(R10), 224(R10))

// SUM adds the bytes of 8 words to the sums in Y0 and Y1. A byte of Y4 is at most 2 * 8 * (1+2+4+8) = 240.
#define SUM \
	VPSADBW Y10, Y4, Y4 \
	VPSADBW Y10, Y5, Y5 \
	VPADDQ  Y4, Y0, Y0  \
	VPADDQ  Y5, Y1, Y1

// Registers: DI dst, SI planes, DX rows, CX rows left, R8 words of a row, R9 last, R10 the planes reached, R11 words left, R12 the words
// reached. Y0 sums in common, Y1 sums of ones, Y8 and Y9 masks of the last 8 words, Y10 zero, Y11 to Y14 tables, Y15 lower 4 bits.

// func countAVX2(dst *uint64, planes *uint64, rows *uint64, n, words, last int)
TEXT ·countAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ planes+8(FP), SI
	MOVQ rows+16(FP), DX
	MOVQ n+24(FP), CX
	MOVQ words+32(FP), R8
	MOVQ last+40(FP), R9
	VMOVQ R9, X7
	VPBROADCASTQ X7, Y7
	VMOVDQU bit8<>+0(SB), Y8
	VMOVDQU bit8<>+32(SB), Y9
	VPAND Y8, Y7, Y6
	VPCMPEQQ Y8, Y6, Y8
	VPAND Y9, Y7, Y6
	VPCMPEQQ Y9, Y6, Y9
	VPXOR Y10, Y10, Y10
	VMOVDQU ones4<>+0(SB), Y11
	VPADDB Y11, Y11, Y12
	VPADDB Y12, Y12, Y13
	VPADDB Y13, Y13, Y14
	MOVQ $0x0f0f0f0f0f0f0f0f, AX
	VMOVQ AX, X15
	VPBROADCASTQ X15, Y15
row:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	MOVQ SI, R10
	MOVQ DX, R12
	MOVQ R8, R11
block:
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	CMPQ R11, $8
	JLE  last
	VMOVDQU (R12), Y2
	LOWER
	VMOVDQU 32(R12), Y2
	UPPER
	SUM
	ADDQ $64, R12
	ADDQ $256, R10
	SUBQ $8, R11
	JMP  block
last:
	VPMASKMOVQ (R12), Y8, Y2
	LOWER
	CMPQ R11, $4
	JLE  sum
	VPMASKMOVQ 32(R12), Y9, Y2
	UPPER
sum:
	SUM
	VPSLLQ $32, Y1, Y1
	VPADDQ Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDQ X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPADDQ X1, X0, X0
	VMOVQ X0, (DI)
	ADDQ $8, DI
	LEAQ (DX)(R8*8), DX
	DECQ CX
	JNZ  row
	VZEROUPPER
	RET
