package serve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

func TestClipRetrievalsListOfIndexesIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "indices_paths.json")
	for content, want := range map[string][]string{
		`{"zoo": "/data/zoo", "art": {"indice_folder": "art.index", "columns_to_return": ["url"], "use_arrow": true}}`: {
			"a.index", "zoo=/data/zoo", "art=art.index", "b=none.json"},
		`{}`: nil, `[]`: nil, `null`: nil, `{"a": 1}`: nil, `{"a": {"folder": "x"}}`: nil, `{"": "x"}`: nil, `{"a": "x"`: nil,
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Sources([]string{"a.index", file, "b=none.json"})
		if !slices.Equal(got, want) || (want == nil) != (fault.Of(err) == fault.Data && strings.Contains(err.Error(), file)) {
			t.Errorf("%s: %q, %v", content, got, err)
		}
	}
}
