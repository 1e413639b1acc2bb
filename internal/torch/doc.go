// Package torch wraps libtorch. It is the only package that imports gotch or uses cgo for libtorch.
//
// It has three rules. All work happens inside Do, on one thread. A tensor belongs to a Scope and is freed with it; the result of an
// operation belongs to the innermost scope among its operands, so model code rarely names a scope. An operation that libtorch
// refuses panics with *Error, which Do returns as an error, so towers and losses don't handle errors.
//
// Tensors must not cross goroutines. Data goes in and comes out as Go slices.
package torch
