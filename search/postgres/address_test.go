package postgres

import (
	"errors"
	"strings"
	"testing"

	"clipgo/internal/fault"
	"clipgo/search"
)

// TestAddressesThatCantBeReadShowNoPassword: whatever is wrong with an address, the message has none of the password.
func TestAddressesThatCantBeReadShowNoPassword(t *testing.T) {
	for _, address := range []string{
		"postgres://u:se/cret@h/x", "postgres://u:se%zzcret@h/x",
		"postgres://u:se:cret@h:1:2/x", "postgres://u:se@cret@h:port/x",
		"postgres://u@h:port/x?password=secret", "postgres://u@h/x?password=secret&sslmode=secret", "host=h password=secret port=x",
		"host=h password='se cret' port=x", "host=h password = secret port=x", "mysql://u:secret@h/x", "u:secret@h:x/y",
	} {
		_, err := connect(t.Context(), address)
		if err == nil || fault.Of(err) != fault.Usage || strings.Contains(err.Error(), "cret") || strings.Contains(err.Error(), ":se") {
			t.Errorf("%s: %v", address, err)
		}
	}
	_, err := connect(t.Context(), "postgres://u:secret@127.0.0.1:1/x")
	if want := "database x on 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused"; err == nil || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	if _, err := connect(t.Context(), "postgres://u:secret@h/x?sslmode=maybe"); err == nil || !strings.Contains(err.Error(), "sslmode") {
		t.Errorf("%v doesn't say what is wrong", err)
	}
}

// TestDamageOfTheFolderIsNoFailureOfTheDatabase: the error has the file.
func TestDamageOfTheFolderIsNoFailureOfTheDatabase(t *testing.T) {
	damage := &search.CorruptError{File: "i/x.npy", Reason: "short"}
	err := failed(damage)
	if errors.Is(err, search.ErrUnavailable) || fault.Of(err) != fault.Model || err.Error() != damage.Error() {
		t.Errorf("%v", err)
	}
	c := &copier{next: func() (search.Record, error, bool) { return search.Record{}, damage, true }}
	if _, err := c.Read(make([]byte, 9)); !errors.Is(err, damage) || c.failed != error(damage) {
		t.Errorf("%v, kept %v", err, c.failed)
	}
}
