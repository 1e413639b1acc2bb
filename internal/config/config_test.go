package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type tower struct {
	Width    int      `json:"width"`
	Ratio    float64  `json:"mlp_ratio"`
	LS       *float64 `json:"ls_init_value,omitempty"`
	NoLN     bool     `json:"no_ln_pre"`
	Pool     string   `json:"pool_type"`
	internal int      //nolint:unused // no key for it is what is tested
}

type common struct {
	Seed uint64 `json:"seed"`
}

type shade uint8

func (s *shade) UnmarshalJSON(data []byte) error {
	i := slices.Index([]string{`"dark"`, `"light"`}, string(data))
	if i < 0 {
		return errors.New("want dark or light")
	}
	*s = shade(i)
	return nil
}

func (s shade) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", [2]string{"dark", "light"}[s]), nil
}

// set and load put settings into a struct at once.
func set(options any, assignments ...string) error {
	l, err := Assign(options, Assignment, "", assignments...)
	l.Decode(options)
	return err
}

func load(options any, path string) error {
	l, err := Load(options, path)
	l.Decode(options)
	return err
}

type target struct {
	common
	LR     float64    `json:"lr"`
	Steps  int64      `json:"steps"`
	Level  int8       `json:"level"`
	Port   uint16     `json:"port"`
	Mean   [3]float64 `json:"mean"`
	Sizes  []int      `json:"sizes"`
	Names  []string   `json:"names"`
	Shade  shade      `json:"shade"`
	Vision tower      `json:"vision_cfg"`
	Text   *tower     `json:"text_cfg"`
	Tower  []tower    `json:"towers"`
	Share  float64    `json:"share" min:"0" max:"1"`
	Count  int        `json:"count" min:"1"`
	Table  map[string]int
	Hidden int `json:"-"`
}

// A value arrives as the field's type has it; the oracle is a struct written out.
func TestAssignmentTakesTheFieldsType(t *testing.T) {
	half := 0.5
	for a, want := range map[string]target{
		"lr=1e-4":                       {LR: 1e-4},
		"lr=.5":                         {LR: 0.5},
		"steps=-12":                     {Steps: -12},
		"steps=1e5":                     {Steps: 100000},
		"steps=9223372036854775807":     {Steps: math.MaxInt64},
		"level=-128":                    {Level: -128},
		"port=65535":                    {Port: 65535},
		"seed=18446744073709551615":     {common: common{Seed: math.MaxUint64}},
		"mean=0.5, 0.4,1":               {Mean: [3]float64{0.5, 0.4, 1}},
		"mean=[1,2,3e0]":                {Mean: [3]float64{1, 2, 3}},
		"sizes=1,2":                     {Sizes: []int{1, 2}},
		"sizes=":                        {Sizes: []int{}},
		"sizes=null":                    {},
		"names=a=b,c":                   {Names: []string{"a=b", "c"}},
		`names=["x,y"]`:                 {Names: []string{"x,y"}},
		"shade=light":                   {Shade: 1},
		"vision_cfg.width=64":           {Vision: tower{Width: 64}},
		"vision_cfg.ls_init_value=0.5":  {Vision: tower{LS: &half}},
		"vision_cfg.ls_init_value=null": {},
		"vision_cfg.no_ln_pre=true":     {Vision: tower{NoLN: true}},
		"vision_cfg.pool_type= a=b":     {Vision: tower{Pool: " a=b"}},
		"text_cfg.width=3":              {Text: &tower{Width: 3}},
		`text_cfg={"width":3}`:          {Text: &tower{Width: 3}},
		`towers=[{"width":1},{}]`:       {Tower: []tower{{Width: 1}, {}}},
	} {
		var got target
		if err := set(&got, a); err != nil {
			t.Errorf("%s: %v", a, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", a, got)
		}
	}
}

func TestBadAssignmentNamesKeyValueAndType(t *testing.T) {
	for a, want := range map[string]string{
		"lr=fast":                "lr = fast: want a number",
		"lr=":                    "lr = : want a number",
		"lr=NaN":                 "lr = NaN: want a number",
		"lr=1e999":               "lr = 1e999: want a number",
		"lr=null":                "lr = null: want a number",
		"steps=1.5":              "steps = 1.5: want a whole number",
		"level=200":              "level = 200: want a whole number",
		"port=-1":                "port = -1: want a whole number that is not negative",
		"seed=-1":                "seed = -1: want a whole number that is not negative",
		"mean=1,2":               "mean = 1,2: want 3 numbers: has 2 values",
		"mean=1,x,2":             "mean[1] = x: want a number",
		"sizes=[1,":              "sizes = [1,: want a list of whole numbers: unexpected end of JSON input",
		`sizes=["1"]`:            `sizes[0] = "1": want a whole number`,
		"shade=grey":             "shade = grey: want dark or light",
		"vision_cfg.no_ln_pre=1": "vision_cfg.no_ln_pre = 1: want true or false",
		"vision_cfg=x": "vision_cfg = x: want an object with the keys width, mlp_ratio, ls_init_value, " +
			"no_ln_pre, pool_type",
		"Table=x":                             "Table = x: want a map[string]int",
		"share=1.5":                           "share = 1.5: want at most 1",
		"share=-0.1":                          "share = -0.1: want at least 0",
		"count=0":                             "count = 0: want at least 1",
		`towers=[{"width":"x"}]`:              "towers[0] = {...}: want an object",
		"lr":                                  `want key=value, not "lr"`,
		"=3":                                  `want key=value, not "=3"`,
		"stesp=3":                             `unknown key "stesp"; did you mean "steps"?`,
		"vision_cfg.widht=3":                  `unknown key "vision_cfg.widht"; did you mean "vision_cfg.width"?`,
		"vison_cfg.width=3":                   `unknown key "vison_cfg.width"; did you mean "vision_cfg.width"?`,
		"mlp_ration=3":                        `unknown key "mlp_ration"; did you mean "vision_cfg.mlp_ratio"?`,
		"mlp_ratio=3":                         `unknown key "mlp_ratio"; did you mean "vision_cfg.mlp_ratio"?`,
		"lr.x=3":                              `unknown key "lr.x"; did you mean "lr"?`,
		"something=3":                         `unknown key "something"`,
		"LR=3":                                `unknown key "LR"; did you mean "lr"?`,
		"Hidden=3":                            `unknown key "Hidden"`,
		"-=3":                                 `unknown key "-"`,
		"vision_cfg.internal=3":               `unknown key "vision_cfg.internal"`,
		`text_cfg={"width":"wide"}`:           `text_cfg.width = "wide": want a whole number`,
		`text_cfg={"with":3}`:                 `unknown key "text_cfg.with"; did you mean "text_cfg.width"?`,
		`lr=` + strings.Repeat("9", 80) + "x": "lr = " + strings.Repeat("9", 57) + "...: want a number",
	} {
		err := set(new(target), a)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", a, err)
		}
		if !IsUsage(err) {
			t.Errorf("%s: not the user's mistake", a)
		}
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	got := target{LR: 1}
	err := set(&got, "lr=x", "steps=4", "sees=1")
	if err == nil || strings.Count(err.Error(), "\n") != 1 || got.LR != 1 || got.Steps != 4 {
		t.Errorf("%v, %+v", err, got)
	}
	var unknown *UnknownKeyError
	if !errors.As(err, &unknown) || *unknown != (UnknownKeyError{Key: "sees", Nearest: "seed"}) {
		t.Errorf("%v", unknown)
	}
}

func TestBadListLeavesTheOldOne(t *testing.T) {
	got := target{Mean: [3]float64{1, 2, 3}, Sizes: []int{7}}
	err := set(&got, "mean=4,5,x", "sizes=1,x")
	if err == nil || got.Mean != [3]float64{1, 2, 3} || !slices.Equal(got.Sizes, []int{7}) {
		t.Errorf("%v, %+v", err, got)
	}
}

const yamlFile = `# a recipe
lr: 1e-4
steps: 1_000
level: 0x10
seed: 18446744073709551615
mean: [.5, 1, 2]
names:
  - plain
  - "8"
shade: light
vision_cfg:
  width: 64
  no_ln_pre: True
  ls_init_value: null
text_cfg: {mlp_ratio: 4}
`

const jsonFile = "\xef\xbb\xbf" + `{
	"lr": 1e-4, "steps": 1000, "level": 16, "seed": 18446744073709551615, "mean": [0.5, 1, 2],
	"names": ["plain", "8"], "shade": "light",
	"vision_cfg": {"width": 64, "no_ln_pre": true, "ls_init_value": null}, "text_cfg": {"mlp_ratio": 4}
}`

// Both formats say the same, what they are silent about stays.
func TestFileKeepsWhatItDoesNotName(t *testing.T) {
	old := 0.1
	want := target{
		common: common{math.MaxUint64}, LR: 1e-4, Steps: 1000, Level: 16, Mean: [3]float64{0.5, 1, 2}, Port: 80,
		Names: []string{"plain", "8"}, Shade: 1, Vision: tower{Width: 64, NoLN: true, Ratio: 3},
		Text: &tower{Width: 9, Ratio: 4},
	}
	for name, content := range map[string]string{"a.yaml": yamlFile, "a.yml": yamlFile, "a.json": jsonFile} {
		got := target{Port: 80, Vision: tower{Ratio: 3, LS: &old}, Text: &tower{Width: 9}, Names: []string{"other"}}
		if err := load(&got, file(t, name, content)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What encoding/json wrote is read back the same: a run's resolved config can start another.
func TestLoadReadsWhatJSONWrote(t *testing.T) {
	want := target{common: common{1}, LR: 0.1, Tower: []tower{{Width: 2}}, Text: &tower{Pool: "tok"}, Count: 1}
	data, err := json.Marshal(struct {
		*target
		Shade string `json:"shade"`
	}{&want, "dark"})
	if err != nil {
		t.Fatal(err)
	}
	var got target
	if err := load(&got, file(t, "run.json", string(data))); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestBadFileIsToldWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"a.yaml", "lr: 1\nsteps: x\n", `DIR/a.yaml:2: steps = "x": want a whole number`},
		{"a.yaml", "lr: '1'\n", `DIR/a.yaml:1: lr = "1": want a number`},
		{"a.yaml", "lr: .nan\n", `DIR/a.yaml:1: lr = .nan: want a number`},
		{"a.yaml", "names: [1]\n", `DIR/a.yaml:1: names[0] = 1: want a string`},
		{"a.yaml", "vision_cfg:\n  widht: 1\n", `DIR/a.yaml:2: unknown key "vision_cfg.widht"; did you mean "vision_cfg.width"?`},
		{"a.yaml", "lr: 1\nlr: 2\n", `DIR/a.yaml:2: mapping key "lr" already defined at line 1`},
		{"a.yaml", "lr: &x\n - *x\n", `DIR/a.yaml: yaml: anchor 'x' value contains itself`},
		{"a.yaml", "lr: 1\n---\nlr: 2\n", `DIR/a.yaml:2: a second document; a config has one`},
		{"a.yaml", "- lr\n", `DIR/a.yaml:1: a config file holds key: value pairs`},
		{"a.yaml", "vision_cfg: 3\n", "DIR/a.yaml:1: vision_cfg = 3: want an object " +
			"with the keys width, mlp_ratio, ls_init_value, no_ln_pre, pool_type"},
		{"a.yaml", "mean: 3\n", `DIR/a.yaml:1: mean = 3: want 3 numbers: not a list`},
		{"a.yaml", "? [a]\n: 1\n", `DIR/a.yaml: yaml: invalid map key: []interface {}{"a"}`},
		{"a.json", "{\"lr\": 1,\n\"steps\": true}", `DIR/a.json:2: steps = true: want a whole number`},
		{"a.json", "{\"lr\": 1,\n\"lr\": 2}", `DIR/a.json:2: mapping key "lr" already defined at line 1`},
		{"a.json", "{\n\"lr\": 1,\n}", `DIR/a.json:3: invalid character '}' looking for beginning of object key string`},
		{"a.json", "", `DIR/a.json:1: unexpected end of JSON input`},
		{"a.json", "{} {}", `DIR/a.json:1: invalid character '{' after top-level value`},
		{"a.json", "[]", `DIR/a.json:1: a config file holds key: value pairs`},
		{"a.json", strings.Repeat("[", 1<<20), `DIR/a.json:1: invalid character '[' exceeded max depth`},
		{"a.toml", "lr = 1", `DIR/a.toml: a config file ends in .json, .yaml or .yml`},
		{"a.json", strings.Repeat(" ", 4<<20+1), `DIR/a.json: it has 4194305 bytes; a config file has at most 4 MB`},
	} {
		path := file(t, c.name, c.content)
		err := load(new(target), path)
		if err == nil || strings.ReplaceAll(err.Error(), filepath.Dir(path), "DIR") != c.want {
			t.Errorf("%.40q: %v", c.content, err)
		}
		if !IsUsage(err) {
			t.Errorf("%.40q: not the user's mistake", c.content)
		}
	}
	if err := load(new(target), "nowhere.json"); !IsUsage(err) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	for _, empty := range []string{"", "# nothing\n"} {
		if err := load(new(target), file(t, "a.yaml", empty)); err != nil {
			t.Errorf("an empty file: %v", err)
		}
	}
}

func file(t testing.TB, name, content string) string {
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func keysOf(options any, take func(Field) bool) (out []string) {
	for _, f := range Fields(options) {
		if take(f) {
			out = append(out, f.Key)
		}
	}
	return out
}

func TestKeysAreThoseOfJSONInOrder(t *testing.T) {
	want := strings.Fields(`seed lr steps level port mean sizes names shade
		vision_cfg.width vision_cfg.mlp_ratio vision_cfg.ls_init_value vision_cfg.no_ln_pre vision_cfg.pool_type
		text_cfg.width text_cfg.mlp_ratio text_cfg.ls_init_value text_cfg.no_ln_pre text_cfg.pool_type towers share count Table`)
	if got := keysOf(&target{}, func(f Field) bool { return !f.Nested }); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

type Other struct {
	D int `json:"d,omitempty"`
}

type outer struct {
	common
	*Other
	A     string
	Named common `json:"named"`
}

// encoding/json is the oracle for which fields of embedded structs there are.
func TestEmbeddedFieldsFollowEncodingJSON(t *testing.T) {
	data, err := json.Marshal(outer{Other: &Other{D: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	got := keysOf(outer{}, func(f Field) bool { return !strings.Contains(f.Key, ".") })
	if len(got) != len(m) {
		t.Errorf("%q; encoding/json has %s", got, data)
	}
	for _, name := range got {
		if _, ok := m[name]; !ok {
			t.Errorf("%s is not in %s", name, data)
		}
	}
	var o outer
	if err := set(&o, "d=3", "A=x", "seed=5", "named.seed=6"); err != nil {
		t.Fatal(err)
	}
	if o.D != 3 || o.A != "x" || o.Seed != 5 || o.Named.Seed != 6 {
		t.Errorf("%+v", o)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"lr", "wd", "batch_size", "epochs", "label_smoothing"}
	for key, want := range map[string]string{
		"batchsize": "batch_size", "BATCH_SIZE": "batch_size", "batch-size": "batch_size", "epoch": "epochs", "peochs": "epochs",
		"rl": "lr", "l": "lr", "smoothing": "", "x": "", "zzzz": "", "": "", strings.Repeat("epochs", 100): "",
		"lable_smoothign": "label_smoothing",
	} {
		if got := Nearest(key, known); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
	if got := Nearest("a", nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

func TestEditDistanceIsTheDefinition(t *testing.T) {
	words := []string{"", "a", "ab", "ba", "abc", "acb", "cab", "abcd", "bacd", "xyz", "aab"}
	for _, a := range words {
		for _, b := range words {
			if got, want := edits(a, b), slow(a, b); got != want {
				t.Errorf("%q to %q: %d, want %d", a, b, got, want)
			}
		}
	}
}

// slow is the recursive definition.
func slow(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	cost := 1
	if a[len(a)-1] == b[len(b)-1] {
		cost = 0
	}
	x, y := a[:len(a)-1], b[:len(b)-1]
	n := min(slow(x, b)+1, slow(a, y)+1, slow(x, y)+cost)
	if x != "" && y != "" && a[len(a)-1] == y[len(y)-1] && x[len(x)-1] == b[len(b)-1] {
		n = min(n, slow(x[:len(x)-1], y[:len(y)-1])+1)
	}
	return n
}

// Nothing that is typed panics, every refusal is the user's mistake, and what is accepted survives JSON.
func FuzzSet(f *testing.F) {
	for _, a := range []string{"lr=1", "mean=1,2,3", "vision_cfg.width=3", `towers=[{"width":1}]`, "shade=light", "text_cfg=null", "x",
		"..=", "names=[\"\xff\"]"} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, a string) {
		var got target
		if err := set(&got, a); err != nil {
			if !IsUsage(err) || strings.TrimSpace(err.Error()) == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatalf("%+v: %v", got, err)
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add(true, yamlFile)
	f.Add(false, jsonFile)
	f.Add(true, "a: &a [*a, *a]\n<<: *a\n")
	f.Add(true, "lr: &a 1\nsizes: [*a]\nmean: *a\ntext_cfg: *a\n")
	f.Add(true, "!!int x: !!float y\nlr: !!binary zz\nsteps: !!int 'q'\n")
	f.Add(false, `{"names": ["\ud83d\ude00", "\\ud83d", "\ud83d"]}`)
	f.Fuzz(func(t *testing.T, isYAML bool, content string) {
		top, _, err := parse([]byte(content), !isYAML)
		if err != nil || top.Kind != yaml.MappingNode {
			return
		}
		r := newReader(target{}, File, "f")
		r.object("", top)
		for _, err := range r.errs {
			if !IsUsage(err) {
				t.Fatalf("%v", err)
			}
		}
		var got target
		r.layer.Decode(&got)
		if again := Of(File, got); len(r.errs) == 0 { // what is read is what is there
			for key, v := range r.layer {
				if is, ok := again[key]; ok && is.JSON != v.JSON {
					t.Fatalf("%s: %s, then %s", key, v.JSON, is.JSON)
				}
			}
		}
	})
}
