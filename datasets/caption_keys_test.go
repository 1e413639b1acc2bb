package datasets

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const namedCaptions = `{"text":"short","caption":["long","longer"],"other":1}`

func TestNamesOfCaptionsInEachForm(t *testing.T) {
	const only = `{"text":"only"}`
	folder := tree(t, map[string]string{"a.jpg": "p", "a.json": namedCaptions, "a.txt": "beside", "b.jpg": "p", "b.json": only})
	members := "a.jpg=p a.json=" + namedCaptions + " a.txt=beside b.jpg=p b.json=" + only
	shard := shardTree(t, map[string]string{"0.tar": members}) + "/0.tar"
	lines := tableTree(t, "t.jsonl", `{"path":"a.jpg",`+namedCaptions[1:]+"\n"+`{"path":"b.jpg","text":"only"}`+"\n")
	for _, c := range []struct{ keys, weights, want, lines string }{
		{"", "", "beside|only", "long,longer|"},
		{"text;caption", "", "short|only", ""},
		{"caption;text", "", "long,longer|only", ""},
		{"nothing;txt;text", "", "beside|only", "short|only"},
		{"text;caption", "1;4", "short,long,longer [1 2 2]|only [1]", ""},
		{"caption", "", "long,longer|", ""},
	} {
		for _, src := range []string{folder, shard, lines} {
			s, err := Open(t.Context(), src, Options{CaptionKey: c.keys, CaptionKeyWeights: c.weights})
			if err != nil {
				t.Errorf("%s: %v", src, err)
				continue
			}
			want := c.want
			if src == lines && c.lines != "" {
				want = c.lines
			}
			var got []string
			for i := range s.Len() {
				e := entryOf(t, s, i)
				text := strings.Join(e.Captions, ",")
				if e.Weights != nil {
					text += fmt.Sprintf(" %v", e.Weights)
				}
				got = append(got, text)
			}
			if strings.Join(got, "|") != want {
				t.Errorf("%s of %s: %q, want %q", c.keys, src, strings.Join(got, "|"), want)
			}
		}
	}
}

func TestNamesOfCaptionsThatCannotBeMeant(t *testing.T) {
	table := tableTree(t, "t.csv", "filepath,title\na.jpg,one\n")
	for _, o := range []Options{
		{CaptionKey: "a;"}, {CaptionKey: "a;a"}, {CaptionKey: "a", CSVCaptionKey: "b"}, {CaptionKeyWeights: "1"},
		{CaptionKey: "a;b", CaptionKeyWeights: "1"}, {CaptionKey: "a", CaptionKeyWeights: "0"}, {CaptionKey: "a", CaptionKeyWeights: "NaN"},
	} {
		var usage *UsageError
		if _, err := Open(t.Context(), table, o); !errors.As(err, &usage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	var refused *DataError
	if _, err := Open(t.Context(), table, Options{CaptionKey: "text;caption"}); !errors.As(err, &refused) ||
		!strings.Contains(refused.Reason, `no column "text"; its columns are filepath, title`) {
		t.Errorf("no such column: %v", err)
	}
	s, err := Open(t.Context(), table, Options{CSVImageKey: "filepath", CaptionKey: "text;title"})
	if err != nil || fmt.Sprint(s.Info().Notes) != `[it has no column "text"]` {
		t.Errorf("one of two columns: %v", err)
	}
}

// A caption is drawn in proportion to its weight, and the same one whoever makes the batch.
func TestCaptionsAreDrawnByWeight(t *testing.T) {
	count := [3]int{}
	l := &Loader{Order: Shuffled, Seed: 7}
	for i := range 10_000 {
		e := Entry{Captions: []string{"0", "1", "2"}, Weights: []float32{1, 0.5, 8.5}}
		s := &sample{place: place{index: i}}
		drawn := l.caption(s, e)
		if again := l.caption(&sample{place: place{index: i}}, e); again != drawn {
			t.Fatalf("sample %d: %s, then %s", i, drawn, again)
		}
		count[drawn[0]-'0']++
	}
	for i, want := range []int{1000, 500, 8500} {
		if d := count[i] - want; d < -120 || d > 120 {
			t.Errorf("caption %d of 10,000: %d times, want about %d", i, count[i], want)
		}
	}
	l.Order = Sequential
	if got := l.caption(&sample{}, Entry{Captions: []string{"0", "1"}, Weights: []float32{1, 9}}); got != "0" {
		t.Errorf("in order: %s", got)
	}
}
