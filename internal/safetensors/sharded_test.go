package safetensors

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func plainFile(path string) (Container, error) { return Open(path) }

// folder has two shards: one.safetensors with a and b, two.safetensors with c, and an index.
func folder(t testing.TB, index string) (path string) {
	t.Helper()
	dir := t.TempDir()
	for file, names := range map[string][]string{"one.safetensors": {"a", "b"}, "two.safetensors": {"c"}} {
		var tensors []Tensor
		for _, name := range names {
			tensors = append(tensors, Tensor{Name: name, DType: U8, Shape: []int64{2}, Data: []byte(name + name)})
		}
		var b bytes.Buffer
		if err := errors.Join(Write(&b, tensors, nil), os.WriteFile(filepath.Join(dir, file), b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(dir, "model.safetensors.index.json")
	if err := os.WriteFile(path, []byte(index), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShardsReadAsOneFile(t *testing.T) {
	for _, index := range []string{
		`{"metadata":{"total_size":6},"weight_map":{"a":"one.safetensors","b":"one.safetensors","c":"two.safetensors"}}`,
		`{"weight_map":{"c":"two.safetensors","a":"one.safetensors"}}`, // b isn't lost
	} {
		s, err := OpenSharded(folder(t, index), plainFile)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Names(); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("%q", got)
		}
		for _, name := range s.Names() {
			if v, ok := s.Tensor(name); !ok || string(v.Data) != name+name {
				t.Errorf("%s is %q, %v", name, v.Data, ok)
			}
		}
		if _, ok := s.Tensor("d"); ok {
			t.Error("d is there")
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil || len(s.Names()) > 0 {
			t.Error(err)
		}
	}
}

func TestIndexesThatLieAreRefused(t *testing.T) {
	const rest = `"a":"one.safetensors","b":"one.safetensors"`
	for name, c := range map[string]struct{ index, want string }{
		"not JSON":            {`{`, "index"},
		"a list":              {`[]`, "index"},
		"no map":              {`{"metadata":{}}`, "no weight_map"},
		"an empty map":        {`{"weight_map":{}}`, "no weight_map"},
		"a list for a map":    {`{"weight_map":[]}`, "not an object"},
		"null for a map":      {`{"weight_map":null}`, "not an object"},
		"a number for a file": {`{"weight_map":{"a":1}}`, "not a string"},
		"two maps":            {`{"weight_map":{` + rest + `},"weight_map":{"c":"two.safetensors"}}`, `"weight_map" occurs twice`},
		"a key twice":         {`{"weight_map":{` + rest + `,"\u0061":"two.safetensors"}}`, `"a" occurs twice`},
		"a missing shard":     {`{"weight_map":{` + rest + `,"c":"three.safetensors"}}`, "shard three.safetensors: open "},
		"a missing tensor":    {`{"weight_map":{` + rest + `,"d":"two.safetensors"}}`, `two.safetensors holds "d", which it doesn't`},
		"in the other shard":  {`{"weight_map":{"a":"two.safetensors","b":"one.safetensors"}}`, `two.safetensors holds "a"`},
		"the folder above":    {`{"weight_map":{"a":"../one.safetensors"}}`, "not a file beside it"},
		"a folder below":      {`{"weight_map":{"a":"x/one.safetensors"}}`, "not a file beside it"},
		"an absolute path":    {`{"weight_map":{"a":"/etc/passwd"}}`, "not a file beside it"},
		"the folder":          {`{"weight_map":{"a":"."}}`, "not a regular file"},
		"up":                  {`{"weight_map":{"a":".."}}`, "not a file beside it"},
		"no name":             {`{"weight_map":{"a":""}}`, "not a file beside it"},
		"itself":              {`{"weight_map":{"a":"model.safetensors.index.json"}}`, "not a valid safetensors file"},
	} {
		s, err := OpenSharded(folder(t, c.index), plainFile)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestATensorInTwoShardsNeedsTheIndex(t *testing.T) {
	path := folder(t, `{"weight_map":{"c":"two.safetensors","x":"three.safetensors"}}`)
	var b bytes.Buffer
	three := []Tensor{{"x", U8, []int64{1}, []byte{1}}, {"c", U8, []int64{1}, []byte{2}}}
	if err := errors.Join(Write(&b, three, nil), os.WriteFile(filepath.Join(filepath.Dir(path), "three.safetensors"), b.Bytes(),
		0o600)); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSharded(path, plainFile)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := s.Tensor("c"); string(v.Data) != "cc" {
		t.Errorf("c is %q, not that of the shard which the index names", v.Data)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	index := `{"weight_map":{"a":"one.safetensors","x":"three.safetensors","y":"two.safetensors"}}`
	if err := os.WriteFile(path, []byte(index), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSharded(path, plainFile); err == nil || !strings.Contains(err.Error(), `"c" is in two shards`) {
		t.Error(err)
	}
}
