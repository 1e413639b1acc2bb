package main

import (
	"clipgo/run"
	"clipgo/training"
)

// version is set by the linker.
var version = "unknown"

// app is what every command is given: the console, which exists once the flags are known.
type app struct {
	streams streams
	output  output
	console *console

	processes *run.Processes // that help with an evaluation; nil: none

	afterStep training.Hook // of a test that watches a training; nil otherwise
}
