package pack

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/fault"
)

// Names and captions that somebody else wrote, and what is read back from the shards.
func TestHostileNamesAndCaptions(t *testing.T) {
	picture := jpegOf(t, drawn(1, 20, 20))
	captions := [][]string{
		{"a\x00b\x01\x1b[31m"}, {"line\nbreaks\r\nof all\u2028kinds\u0085here", "second"}, {"\"quotes\" <html> & \\back"},
		{"../../etc/passwd"},
		{strings.Repeat("long ", 5000) + "end"}, {"\u202egnp.jpg \U0001f600"}, {"one", "two\nlines", "three"}, nil,
	}
	f := &fake{info: datasets.Info{Name: "photos", Kind: "folder", Fingerprint: "x"}}
	for i, c := range captions {
		key := []string{"photos/../../../x.jpg", "/abs/a.b.c.tar.jpg", "photos/new\nline.jpg", "photos/\xff\xfe.jpg", "photos/.hidden", "",
			"photos/a b.jpg", "photos/__meta__.jpg"}[i]
		f.samples = append(f.samples, fakeSample{key: key, file: picture, captions: c, label: -1})
	}
	for _, o := range []Options{{}, {Captions: JSON}, {Captions: Lines}} {
		dir := t.TempDir()
		packed(t, f, dir, o)
		names, members := unpacked(t, content(t, dir)["00000.tar"])
		for _, name := range names {
			if len(name) < 10 || strings.Count(name, ".") != 1 || strings.ContainsAny(name, "/\\\n") {
				t.Errorf("a member is named %q", name)
			}
		}
		if !json.Valid([]byte(members["000000003.json"])) {
			t.Errorf("%q", members["000000003.json"])
		}
		s, err := datasets.Open(t.Context(), dir, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range captions {
			e, err := s.Entry(t.Context(), i)
			if o.Captions == Lines && len(want) > 0 {
				want = strings.Split(lines(want), "\n")
			}
			if err != nil || e.Bad != "" || !slices.Equal(e.Captions, want) {
				t.Errorf("%s %d: %.80q %v, want %.80q", o.Captions, i, e.Captions, err, want)
			}
		}
		s.Close()
	}
}

// Classes, templates and captions come back as they were, from a folder and from CLIP_benchmark's layout.
func TestShardsGiveBackTheSource(t *testing.T) {
	for name, o := range map[string]Options{"builtin:emoji?split=val": {}, "builtin:shapes?n=20": {Split: "test", ShardCount: 7}} {
		src, err := datasets.Open(t.Context(), name, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		dir := t.TempDir()
		packed(t, src, dir, o)
		back, err := datasets.Open(t.Context(), dir, datasets.Options{Need: datasets.NeedLabels})
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		for _, note := range back.Info().Lines() {
			if !strings.HasPrefix(note, "reading the shards of") {
				t.Errorf("%s: note %q", name, note)
			}
		}
		if !slices.Equal(back.Info().Classes, src.Info().Classes) || len(back.Info().Templates) != len(src.Info().Templates) {
			t.Errorf("%s: other classes or templates: %q", name, back.Info().Templates)
		}
		for i := range src.Len() {
			want, _ := src.Entry(t.Context(), i)
			got, err := back.Entry(t.Context(), i)
			if err != nil || got.Label != want.Label || !slices.Equal(got.Captions, want.Captions) {
				t.Fatalf("%s %d: %+v, want %+v", name, i, got, want)
			}
		}
	}
}

func TestCLIPBenchmarksLayout(t *testing.T) {
	f := newFake(t, 5)
	f.samples[4].captions = []string{"two\nlines", "b"}
	dir := t.TempDir()
	packed(t, f, dir, Options{Split: "test", ShardCount: 3})
	packed(t, f, dir, Options{Split: "train"})
	files := content(t, dir)
	for name, want := range map[string]string{"dataset_type.txt": "retrieval\n", "test/nshards.txt": "2", "train/nshards.txt": "1"} {
		if files[name] != want {
			t.Errorf("%s is %q", name, files[name])
		}
	}
	_, members := unpacked(t, files["test/1.tar"])
	if got := members["000000004.txt"]; got != "two lines\nb" {
		t.Errorf("captions %q", got)
	}
	f.info.Classes = []string{"a", "b"}
	f.info.Fingerprint = "classes"
	packed(t, f, dir, Options{Split: "more"})
	f.info.Classes = []string{"a", "c"}
	if _, err := Pack(t.Context(), f, dir, Options{Split: "other"}, Watch{}); fault.Of(err) != fault.Usage ||
		!strings.Contains(err.Error(), filepath.Join(dir, "classnames.txt")) {
		t.Errorf("other classes in the same folder: %v", err)
	}
}

func TestSettingsThatCannotBeMeant(t *testing.T) {
	for want, o := range map[string]Options{
		`shard_size: "lots" is not a number of bytes`: {ShardSize: "lots"},
		"shard_size: 10KB is less than 64KB":          {ShardSize: "10KB"},
		`shard_size: "-5MB" is not`:                   {ShardSize: "-5MB"},
		`shard_size: "1e9" is not`:                    {ShardSize: "1e9"},
		`shard_size: "99999999999TB" is not`:          {ShardSize: "99999999999TB"},
		"shard_count: -1 is negative":                 {ShardCount: -1},
		"side: -1 is negative":                        {Side: -1},
		"quality: 101 is not between":                 {Quality: 101},
		`format: "zip" is none of tar, parquet`:       {Format: "zip"},
		`captions: "csv" is none of`:                  {Captions: "csv"},
		`image_format: "gif" is none of`:              {ImageFormat: "gif"},
		`split: "a/b" is not the name`:                {Split: "a/b"},
		`split: ".." is not the name`:                 {Split: ".."},
		"split: CLIP_benchmark reads tar":             {Split: "test", Format: Parquet},
		"captions: CLIP_benchmark reads captions":     {Split: "test", Captions: JSON},
		"captions: json is for tar":                   {Format: Parquet, Captions: JSON},
		`background: "green" is neither`:              {Background: "green"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		_, err := Pack(t.Context(), newFake(t, 2), dir, o, Watch{})
		if fault.Of(err) != fault.Usage || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if got := content(t, t.TempDir()); len(got) > 0 {
			t.Errorf("%s: wrote %v", want, got)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1000000": 1_000_000, "500MB": 500_000_000, "64KiB": 65536, "1.5 GB": 1_500_000_000,
		"2g": 2_000_000_000, "1TiB": 1 << 40, "70000B": 70000} {
		if got, ok := parseSize(text); !ok || got != want {
			t.Errorf("%s is %d", text, got)
		}
	}
}

// A shard ends before the sample that would make it larger than its size. A sample that is larger by itself has a shard of its own.
func TestShardsKeepToTheirSize(t *testing.T) {
	f := newFake(t, 60)
	for i := range f.samples {
		f.samples[i].file = pngOf(t, noise(i, 80, 60)) // about 14 kB
	}
	f.samples[9].file = pngOf(t, noise(9, 300, 200))
	for _, format := range []string{Tar, Parquet} {
		dir := t.TempDir()
		r := packed(t, f, dir, Options{ShardSize: "64KB", Format: format})
		small := 0
		for name, data := range content(t, dir) {
			if strings.HasSuffix(name, format) && len(data) <= 66_000 {
				small++
			}
		}
		if small < 10 || small != r.Shards-1 {
			t.Errorf("%d of %d shards keep to the size: %+v", small, r.Shards, r)
		}
	}
}
