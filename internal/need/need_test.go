package need

import (
	"fmt"
	"testing"
)

// fake is a test that says how it was ended. It goes on after Fatalf and Skipf, as no real one does.
type fake struct {
	testing.TB
	said string
}

func (f *fake) Helper() {}
func (f *fake) Fatalf(format string, args ...any) {
	f.said += "failed: " + fmt.Sprintf(format, args...) + "\n"
}
func (f *fake) Skipf(format string, args ...any) {
	f.said += "skipped: " + fmt.Sprintf(format, args...) + "\n"
}

func TestAMissingThingSkipsOrFails(t *testing.T) {
	for _, thing := range []Thing{Libtorch, CUDA, Postgres, Browser} {
		t.Setenv(string(thing), "")
		f := &fake{}
		if Missing(f, thing, "there is none: %d", 7); f.said != "skipped: there is none: 7\n" {
			t.Errorf("%s isn't set: %s", thing, f.said)
		}
		t.Setenv(string(thing), "1")
		f = &fake{}
		if Missing(f, thing, "there is none: %d", 7); f.said[:len("failed: ")] != "failed: " ||
			f.said[:len("failed: ")+len(thing)] != "failed: "+string(thing) {
			t.Errorf("%s is set: %s", thing, f.said)
		}
	}
}
