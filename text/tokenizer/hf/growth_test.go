package hf

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// steps is a tokenizer.json with a normalizer of these steps.
func steps(all ...string) []byte {
	return []byte(`{"model":` + smallBPE + `,"normalizer":{"type":"Sequence","normalizers":[` + strings.Join(all, ",") + `]}}`)
}

func replace(from, to string) string {
	return fmt.Sprintf(`{"type":"Replace","pattern":{"String":%q},"content":%q}`, from, to)
}

func times(n int, step string) (all []string) {
	for range n {
		all = append(all, step)
	}
	return all
}

// allocated is what f allocates, in MB.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20
}

func TestNormalizersThatGrowWithoutEndAreRefused(t *testing.T) {
	for name, all := range map[string][]string{
		"doubled 40 times":  times(40, replace("a", "aa")),
		"of a rare word":    times(40, replace("zyx", "zyxzyx")),
		"one by the other":  times(20, replace("q", "rr")+","+replace("r", "qq")),
		"by an expression":  times(40, `{"type":"Replace","pattern":{"Regex":"[a-z]"},"content":"aa"}`),
		"prepended":         times(2, `{"type":"Prepend","prepend":"`+strings.Repeat("x", 1<<20)+`"}`),
		"a word for a word": {replace("a", strings.Repeat("b", 1<<20))},
		"too many steps":    times(65, `{"type":"NFC"}`),
	} {
		var err error
		file := steps(all...)
		if mb := allocated(func() { _, err = Read(file) }); err == nil || !strings.Contains(err.Error(), "normalizer: ") || mb > 300 {
			t.Errorf("%s: %d MB, %v", name, mb, err)
		}
	}
}

// What grows only on a text that nobody tries is stopped when it does.
func TestTextsStayBounded(t *testing.T) {
	file := steps(append([]string{`{"type":"Replace","pattern":{"Regex":"\u00df+"},"content":"z"}`}, times(40, replace("z", "zz"))...)...)
	file = []byte(strings.ReplaceAll(string(file), `"pattern":{"String":"z"},"content":"zz"`, `"pattern":{"Regex":"z"},"content":"zz"`))
	tok, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if mb := allocated(func() { tok.Append(nil, strings.Repeat("\u00df a ", 100)) }); mb > 200 {
		t.Errorf("%d MB", mb)
	}
}

// A caption of many added tokens has many parts, to each of which something is prepended.
func TestPartsShareTheBound(t *testing.T) {
	file := fmt.Sprintf(`{"model":%s,"normalizer":{"type":"Prepend","prepend":%q},"added_tokens":[{"id":4,"content":"<x>"}]}`,
		smallBPE, strings.Repeat("a", 60_000))
	tok, err := Read([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if mb := allocated(func() { tok.Append(nil, strings.Repeat("b<x>", 10_000)) }); mb > 1000 {
		t.Errorf("%d MB", mb)
	}
}

func TestHonestGrowthIsKept(t *testing.T) {
	tok, err := Read(steps(`{"type":"NFKC"}`, replace(" ", "\u2581"), replace("\u2581", "a ")))
	if err != nil {
		t.Fatal(err)
	}
	const n = 10_000
	if got := tok.Append(nil, strings.Repeat(" ", n)); len(got) != 2*n { // "a" and an unknown blank each
		t.Errorf("%d ids of %d blanks", len(got), n)
	}
}
