// Package torch is the seam to libtorch: the only importer of gotch and the only cgo for libtorch.
//
// Three rules make it safe to use. All work happens inside Do, on one thread. A tensor belongs to a Scope and is freed
// with it; the result of an operation belongs to the innermost scope among its operands, so model code names no
// scopes. An operation that libtorch refuses panics with *Error, which Do turns into a returned error, so towers and
// losses have no error plumbing.
//
// Tensors must not cross goroutines. Data comes in as Go slices and leaves as Go slices.
package torch
