//go:build !torchleak

package torch

func tracked(*Tensor)   {}
func untracked(*Tensor) {}

// Leaks reports where the live handles were made; it needs the build tag torchleak.
func Leaks() string { return "build with -tags torchleak to see where handles are made" }
