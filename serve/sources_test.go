package serve

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

func TestClipRetrievalsListOfIndexesIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "indices_paths.json")
	for content, want := range map[string][]Place{
		`{"zoo": "/data/zoo", "art": {"indice_folder": "art.index", "columns_to_return": ["url"], "use_arrow": true}}`: {
			{Index: "a.index"}, {Index: "zoo=/data/zoo"}, {Index: "art=art.index", Returned: []string{"url"}}, {Index: "b=none.json"}},
		`{}`: nil, `[]`: nil, `null`: nil, `{"a": 1}`: nil, `{"a": {"folder": "x"}}`: nil, `{"": "x"}`: nil, `{"a": "x"`: nil,
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Sources([]string{"a.index", file, "b=none.json"})
		if !reflect.DeepEqual(got, want) || (want == nil) != (fault.Of(err) == fault.Data && strings.Contains(err.Error(), file)) {
			t.Errorf("%s: %+v, %v", content, got, err)
		}
	}
}
