package datasets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// judgedTable writes a table and opens it.
func judgedTable(t *testing.T, name, text string) (Preferences, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return OpenPreferences(t.Context(), path, Options{})
}

// pairsOf lists a table's pairs: what is shared, both sides, and the first one's share; or why they can't be used.
func pairsOf(p Preferences) (out []string) {
	for i, r := range p.(*preferenceTable).rows {
		if r.bad != "" {
			out = append(out, "bad: "+r.bad)
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s %s %g", r.shared, r.sides[0], r.sides[1], p.Preferred(i)))
	}
	return out
}

func TestPreferencesInTheWordsOfEachSet(t *testing.T) {
	for _, c := range []struct{ name, table, form, want string }{
		{"own.csv", "image,better_caption,worse_caption\na.png,two cats,cats\n", "two captions", "a.png: two cats cats 1"},
		{"own.csv", "caption,better_image,worse_image\nx,a,b\n", "two pictures", "x: a b 1"},
		{"ties.csv", "caption,better_image,worse_image,preference\nx,a,b,0.5\ny,c,d,0\nz,e,f,2\n", "two pictures",
			"x: a b 0.5|y: c d 0|bad: preference is 2, more than 1"},
		{"pickapic.csv", "caption,image_0,image_1,label_0,label_1\n" +
			"x,a,b,1,0\nx,a,b,0.5,0.5\nx,a,b,0,1\nx,a,b,,\nx,a,b,nan,1\nx,a,b,0,0\n", "two pictures",
			"x: a b 1|x: a b 0.5|x: a b 0|bad: no judgement: label_0 is empty|bad: label_0 is nan, not a number from 0 on|" +
				"bad: neither side is preferred: label_0 and label_1 are 0"},
		{"pickapic.jsonl", `{"caption":"x","jpg_0":"a","jpg_1":"b","label_0":0.0,"label_1":1.0}`, "two pictures", "x: a b 0"},
		{"hpd.jsonl", `{"prompt":"x","image_path":["a","b"],"human_preference":[0,1]}`, "two pictures", "x: a b 0"},
		{"hpd.jsonl", `{"prompt":"x","image_path":["a","b","c"],"rank":[2,1,2]}`, "two pictures", "x: a b 0|x: a c 0.5|x: b c 1"},
		{"hpd.jsonl", `{"prompt":"x","image_path":["a","b","c"],"human_preference":[0,1,0]}`, "two pictures", "x: a b 0|x: b c 1"},
		{"hpd.json", `[{"prompt":"x",
			"image_path":["a","b"],"human_preference":[0,1]}, {"prompt":"y","image_path":["c","d"],"human_preference":[1,1]}]`,
			"two pictures", "x: a b 0|y: c d 0.5"},
		{"hpd.csv", "prompt,image_path,human_preference\nx,\"[\"\"a\"\",\"\"b\"\"]\",\"[1,0]\"\n", "two pictures", "x: a b 1"},
		{"bad.csv", "image,better_caption,worse_caption\na,x,y\na,x,\na,x,x\na,,\n,x,y\na,x\n", "two captions",
			"a: x y 1|bad: no partner: the row has only one of the two captions|bad: equal items: the two captions are the same|" +
				"bad: the row has neither side of a pair|bad: image is empty|bad: the row has 2 cells, the header 3"},
		{"bad.jsonl", `{"prompt":"x","image_path":["a","b"],"rank":[1,2]}` + "\n" + `{"prompt":"x","image_path":["a"],"rank":[1]}` + "\n" +
			`{"prompt":"x","image_path":["a","b"],"rank":[1]}` + "\n" + `{"prompt":"x","image_path":"a"}` + "\nno", "two pictures",
			"x: a b 1|bad: no partner: the list has one item|bad: rank is not a list of as many numbers as image_path has items|" +
				"bad: image_path is not a list of texts|bad: the line is not a JSON object"},
	} {
		p, err := judgedTable(t, c.name, c.table)
		if err != nil {
			t.Errorf("%s: %v", c.table, err)
			continue
		}
		if got := strings.Join(pairsOf(p), "|"); got != c.want || p.Form().String() != c.form {
			t.Errorf("%s: %s of\n%s\nwant\n%s", c.name, p.Form(), got, c.want)
		}
	}
}

func TestTablesWithoutPreferencesAreRefused(t *testing.T) {
	for table, reason := range map[string]string{
		"image,caption\na,x\n":                                "no columns hold two sides to choose from",
		"better_caption,worse_caption\nx,y\n":                 "no column holds the picture of both captions",
		"caption,image_0,image_1\nx,a,b\n":                    "no columns judge image_0 and image_1",
		"prompt,image_path\nx,a\n":                            "no column judges the lists of image_path",
		"image,better_caption,worse_caption\na,x,x\na,y,y\n":  "none of its 2 samples can be used",
		"caption,image_0,image_1,label_0,label_1\nx,a,b,,1\n": "none of its 1 samples can be used",
		"image,better_caption,worse_caption\n":                "it holds no samples",
	} {
		_, err := judgedTable(t, "t.csv", table)
		if refused, ok := errors.AsType[*DataError](err); !ok || !strings.Contains(refused.Reason, reason) {
			t.Errorf("%q: %v, want %s", table, err, reason)
		}
	}
	var usage *UsageError
	if _, err := OpenPreferences(t.Context(), "builtin:shapes", Options{}); !errors.As(err, &usage) {
		t.Errorf("builtin:shapes: %v", err)
	}
	if _, err := judgedTable(t, "pairs.parquet", ""); !errors.As(err, &usage) {
		t.Errorf("parquet: %v", err)
	}
}

// numbered turns a picture's one byte, and a caption's, into what a batch holds.
func numbered(p Preferences) *Loader {
	return &Loader{
		Source: p, Pairs: p, BatchSize: 3, Size: 1, ContextLength: 2, MaxSkip: 1,
		Pixels: func(dst []uint8, p Picture, _ uint64) error { copy(dst, strings.Repeat(string(p.File), 3)); return nil },
		Tokens: func(dst []int32, c string) (int, bool) { dst[0], dst[1] = int32(c[0]), 0; return 1, false },
	}
}

func TestBothSidesOfAPairFollowEachOther(t *testing.T) {
	for _, c := range []struct{ table, pixels, ids string }{
		{"image,better_caption,worse_caption\nA,x,y\nmissing,x,y\nB,v,w\n", "AAABBB", "xyvw"},
		{"caption,better_image,worse_image\nx,A,B\ny,A,missing\nz,C,A\n", "AAABBBCCCAAA", "xz"},
	} {
		dir := t.TempDir()
		for _, name := range []string{"A", "B", "C"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "pairs.csv")
		if err := os.WriteFile(path, []byte(c.table), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := OpenPreferences(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for b, err := range numbered(p).Batches(context.Background(), 0, 3) {
			if err != nil {
				t.Fatal(err)
			}
			var ids strings.Builder
			for i := 0; i < len(b.IDs); i += 2 {
				ids.WriteRune(b.IDs[i])
			}
			if string(b.Pixels) != c.pixels || ids.String() != c.ids || b.N != 2 || len(b.Skipped) != 1 || b.Index[1] != 2 {
				t.Errorf("%s: pixels %s, ids %s, %d pairs %v, skipped %v", c.table, b.Pixels, ids.String(), b.N, b.Index, b.Skipped)
			}
		}
	}
}
