package search

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNpyIsNumpysToTheByte(t *testing.T) {
	got := encodeNpy([]float32{1, -2, 0.5, 65504, 0, 0x1p-24}, 3, Float16)
	want := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }" + strings.Repeat(" ", 58) + "\n" +
		"\x00\x3c\x00\xc0\x00\x38\xff\x7b\x00\x00\x01\x00"
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestDamagedTablesAreRefused(t *testing.T) {
	good := string(encodeNpy(make([]float32, 12), 3, Float32))
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	empty := func(shape string) string {
		return strings.TrimSuffix(change("(4, 3)", shape), strings.Repeat("\x00", 48))
	}
	long := "\x93NUMPY\x02\x00\x00\x00\x02\x00" + good[10:127] + strings.Repeat(" ", 128<<10-118) + "\n" + strings.Repeat("\x00", 48)
	for name, data := range map[string]string{
		"version 0": change("\x01\x00\x76", "\x00\x00\x76"), "rows of no entries": empty("(4, 0)"),
		"rows of a million entries": empty("(0, 1048577)"), "a header of 128 KB": long,
		"not aligned":    change("\x76\x00{", "\x77\x00{")[:127] + " \n" + strings.Repeat("\x00", 48),
		"rows by column": change("False, ", "True,  "),
		"cut":            good[:len(good)-1], "longer": good + "\x00", "no header": good[:9], "other magic": "PK" + good[2:],
		"version 9": change("\x01\x00\x76", "\x09\x00\x76"), "header beyond the end": change("\x76\x00{", "\xff\xff{"),
		"double": change("<f4", "<f8"), "big endian": change("<f4", ">f4"), "columns": change("False", "True "),
		"one side": change("(4, 3)", "(12,) "),
		"overflow": change("(4, 3), }      ", "(1099511627775, 1048576), }"), "negative": change("(4, 3)", "(-4,-3)"),
		"pickle": change("'<f4'", "'|O' "), "not a dict": change("{'descr'", "['descr'"),
	} {
		path := filepath.Join(t.TempDir(), "x.npy")
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := openTable(path)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.File != path {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseNpy(f *testing.F) {
	f.Add(encodeNpy(make([]float32, 12), 3, Float32))
	f.Add(encodeNpy(make([]float32, 12), 4, Float16))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseNpy(data)
		if err == nil && h.start+h.rows*h.dim*h.dtype.size() != len(data) {
			t.Errorf("accepted %+v of %d bytes", h, len(data))
		}
	})
}

// numpy 2 and 3 headers have a length of four bytes.
func TestLaterNpyVersionsAreRead(t *testing.T) {
	v1 := encodeNpy([]float32{1, 2, 3, 4}, 2, Float32)
	v2 := bytes.Join([][]byte{[]byte("\x93NUMPY\x02\x00\x78\x00\x00\x00"), v1[10:127], []byte("  \n"), v1[128:]}, nil)
	h, err := parseNpy(v2)
	if err != nil || h.rows != 2 || h.dim != 2 || h.start != 132 {
		t.Errorf("%+v %v", h, err)
	}
}
