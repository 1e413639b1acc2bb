// Package need is the one rule for tests that need something of the machine: where it is missing the test is skipped, or fails if the
// environment variable CLIPGO_TEST_ with the name of the thing is set. A machine that has to run all tests sets it. For tests only.
package need

import (
	"os"
	"testing"
)

// Thing is what a test needs.
type Thing string

// What tests of this module need. Value is the environment variable that makes a missing one a failure.
const (
	Libtorch Thing = "CLIPGO_TEST_LIBTORCH"
	CUDA     Thing = "CLIPGO_TEST_CUDA"
	Postgres Thing = "CLIPGO_TEST_POSTGRES"
	Browser  Thing = "CLIPGO_TEST_BROWSER"
	// Launchers are torchrun, mpirun and others that start several processes.
	Launchers Thing = "CLIPGO_TEST_LAUNCHERS"
)

// Missing ends a test because a thing is missing, for the reason that is given: it is skipped, or fails where the variable is set.
func Missing(t testing.TB, thing Thing, format string, args ...any) {
	t.Helper()
	if os.Getenv(string(thing)) != "" {
		t.Fatalf("%s is set, but "+format, append([]any{string(thing)}, args...)...)
	}
	t.Skipf(format, args...)
}
