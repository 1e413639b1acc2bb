package main

import (
	"testing"

	"clipgo/internal/fault"
)

// A setting that has a flag is named by it; one that has none, by its key.
func TestSettingsAreNamedAsTheUserKnowsThem(t *testing.T) {
	for key, want := range map[string]string{
		"dist_timeout": "--dist-timeout: process 1 has 5", "optim.lr": "optim.lr: process 1 has 5",
	} {
		if got := oneLine(fault.Setting(key, "process %d has %d", 1, 5)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
