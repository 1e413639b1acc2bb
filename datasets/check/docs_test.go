package check

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// keysOf lists the keys of an object and of the objects in it.
func keysOf(v any, below string) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			out = append(append(out, below+key), keysOf(value, below+key+".")...)
		}
	case []any:
		for _, one := range v {
			out = append(out, keysOf(one, below)...)
		}
	}
	return out
}

// The JSON is for scripts: its keys are those that the page on data lists, and a key that is missing here would break somebody's script.
func TestJSONKeysAreDescribed(t *testing.T) {
	page, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	o := options()
	o.BatchSize, o.Epochs = 8, 2
	s := mixed(t)
	s.captions = map[int][]string{0: {"a"}, 7: {"a"}}
	data, err := json.Marshal(mustRun(t, s, o))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	keys := keysOf(v, "")
	for _, key := range keys {
		last := key[strings.LastIndex(key, ".")+1:]
		inList := slices.Contains([]string{"from", "to", "what", "name", "count", "share", "caption", "tokens"}, last)
		if !inList && !strings.HasPrefix(key, "settings.") && !strings.Contains(string(page), "`"+last+"`") {
			t.Errorf("docs/data.md doesn't describe %s", key)
		}
	}
	for _, key := range []string{"samples.present", "samples.unusable_share.high", "unusable.examples.key", "verdict.ends",
		"captions.cut_share",
		"pictures.16_bit", "duplicate_pictures.files.extra", "speed.pictures_per_second", "speed.steps", "findings.kind", "shown.tokens"} {
		if !slices.Contains(keys, key) {
			t.Errorf("there is no %s", key)
		}
	}
}
