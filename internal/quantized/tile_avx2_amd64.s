#include "textflag.h"

// QUERY multiplies four entries of the query at address with those of 8 rows: four entries of rows 0 to 3 are in Y8, of rows 4 to 7 in Y9,
// in 16 bits each. lower and upper have two sums for each row.
#define QUERY(address, lower, upper) \
	VPBROADCASTD address, X10   \
	VPMOVSXBW X10, Y10          \
	VPMADDWD  Y8, Y10, Y11      \
	VPMADDWD  Y9, Y10, Y12      \
	VPADDD    Y11, lower, lower \
	VPADDD    Y12, upper, upper

// ROWS8 adds the two sums of each row and writes those of 8 rows, in their order.
#define ROWS8(lower, upper, address) \
	VPHADDD upper, lower, lower \
	VPERMQ  $0xd8, lower, lower \
	VMOVDQU lower, address

// func tileAVX2(dst *int32, q *int8, panel *uint8, stride int)
//
// Eight registers hold the sums of 4 queries and 8 rows at a time. DI dst, SI first query of the four, BX first row of the eight, R8 the
// entries of a query, R9 three times that, R10 fours of queries left, R11 eights of rows left, CX groups of four entries left, AX and R12 the
// group reached.
TEXT ·tileAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), SI
	MOVQ panel+16(FP), DX
	MOVQ stride+24(FP), R8
	LEAQ (R8)(R8*2), R9
	MOVQ $2, R10
queries:
	MOVQ DX, BX
	MOVQ $4, R11
eight:
	MOVQ SI, AX
	MOVQ BX, R12
	MOVQ R8, CX
	SHRQ $2, CX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
group:
	VPMOVZXBW (R12), Y8
	VPMOVZXBW 16(R12), Y9
	QUERY((AX), Y0, Y1)
	QUERY((AX)(R8*1), Y2, Y3)
	QUERY((AX)(R8*2), Y4, Y5)
	QUERY((AX)(R9*1), Y6, Y7)
	ADDQ $4, AX
	ADDQ $128, R12
	DECQ CX
	JNZ  group
	ROWS8(Y0, Y1, (DI))
	ROWS8(Y2, Y3, 128(DI))
	ROWS8(Y4, Y5, 256(DI))
	ROWS8(Y6, Y7, 384(DI))
	ADDQ $32, DI
	ADDQ $32, BX
	DECQ R11
	JNZ  eight
	ADDQ $384, DI
	LEAQ (SI)(R8*4), SI
	DECQ R10
	JNZ  queries
	VZEROUPPER
	RET
