package quantized

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"
)

func TestTheFileFormIsTheRows(t *testing.T) {
	const n, dim = 21, 100
	full := rows(n, dim, 4)
	made := New(full, dim)
	source := sha256.Sum256([]byte("a"))
	data := made.Encode(source)
	if err := Verify(data); err != nil {
		t.Fatal(err)
	}
	read, err := Decode(data, source, n, dim)
	if err != nil {
		t.Fatal(err)
	}
	q := NewQuery(full[:dim])
	want, got := make([]Score, n), make([]Score, n)
	made.Scores(want, q, 0)
	read.Scores(got, q, 0)
	for i := range want {
		if want[i] != got[i] {
			t.Errorf("row %d: %v, want %v", i, got[i], want[i])
		}
	}
	if !bytes.Equal(data, made.Encode(source)) {
		t.Error("the same rows give other bytes")
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	const n, dim = 5, 70
	source := sha256.Sum256([]byte("a"))
	data := New(rows(10, dim, 4)[:n*dim], dim).Encode(source)
	if _, err := Decode(data, sha256.Sum256([]byte("b")), n, dim); !errors.Is(err, ErrSource) {
		t.Errorf("another source: %v", err)
	}
	for name, try := range map[string]func() (*Rows, error){
		"rows":  func() (*Rows, error) { return Decode(data, source, n+1, dim) },
		"dim":   func() (*Rows, error) { return Decode(data, source, n, dim-1) },
		"cut":   func() (*Rows, error) { return Decode(data[:len(data)-1], source, n, dim) },
		"short": func() (*Rows, error) { return Decode(data[:20], source, n, dim) },
		"magic": func() (*Rows, error) { return Decode(append([]byte{0}, data[1:]...), source, n, dim) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for at := headerSize; at < len(data); at += 37 {
		bad := bytes.Clone(data)
		bad[at] ^= 4
		if Verify(bad) == nil {
			t.Errorf("a flipped bit at %d is not seen", at)
		}
	}
}
