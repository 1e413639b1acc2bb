package datasets

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"clipgo/internal/golden"
)

func TestGoldenWebDataset(t *testing.T) {
	root := golden.Dir(t, "webdataset")
	t.Run("pairs", func(t *testing.T) { goldenPairs(t, filepath.Join(root, "pairs")) })
	t.Run("odd", func(t *testing.T) { goldenOdd(t, filepath.Join(root, "odd")) })
	t.Run("benchmark", func(t *testing.T) { goldenBenchmark(t, filepath.Join(root, "benchmark")) })
}

func openForTest(t testing.TB, src string, o Options) Source {
	t.Helper()
	s, err := Open(t.Context(), src, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func goldenPairs(t *testing.T, dir string) {
	want := golden.Lines[struct {
		Shard, Key, Txt string
		SHA256          string `json:"jpg_sha256"`
	}](t, filepath.Join(dir, "samples.jsonl"))
	s := openForTest(t, dir, Options{Need: NeedCaptions})
	if s.Len() != len(want) || len(s.Info().Notes) != 0 {
		t.Fatalf("%d samples, notes %q; want %d and none", s.Len(), s.Info().Notes, len(want))
	}
	for i, w := range want {
		e := entryOf(t, s, i)
		key := filepath.Join(dir, w.Shard) + "/" + w.Key + ".jpg"
		if e.Key != key || !slices.Equal(e.Captions, []string{w.Txt}) || e.Bad != "" {
			t.Errorf("sample %d is %q %q %q; want %q %q", i, e.Key, e.Captions, e.Bad, key, w.Txt)
		}
		if sum, err := Hash(t.Context(), s, i); err != nil || sum != w.SHA256 {
			t.Errorf("%s: picture %s, %v; want %s", e.Key, sum, err, w.SHA256)
		}
	}
}

func goldenOdd(t *testing.T, dir string) {
	want := golden.Lines[struct {
		Key    string
		Fields []string
	}](t, filepath.Join(dir, "samples.jsonl"))
	for _, path := range globbed(t, filepath.Join(dir, "*.tar")) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		x := indexBytes(data)
		if len(x.groups) != len(want) || x.broken != "" || x.cut != "" {
			t.Fatalf("%d samples, broken %q, cut %q; want %d", len(x.groups), x.broken, x.cut, len(want))
		}
		for i, w := range want {
			var fields []string
			for _, m := range x.groups[i].members {
				fields = append(fields, m.field)
			}
			slices.Sort(fields)
			if x.groups[i].key != w.Key || !slices.Equal(fields, w.Fields) {
				t.Errorf("sample %d is %s %q; want %s %q", i, x.groups[i].key, fields, w.Key, w.Fields)
			}
		}
		s := openForTest(t, path, Options{})
		for i, w := range want {
			hasPicture := slices.ContainsFunc(w.Fields, func(f string) bool { return slices.Contains(pictureFields, f) })
			if bad := entryOf(t, s, i).Bad; (bad == "") != hasPicture {
				t.Errorf("sample %s with %q: %q", w.Key, w.Fields, bad)
			}
		}
	}
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: nothing there, %v", pattern, err)
	}
	return paths
}

func goldenBenchmark(t *testing.T, dir string) {
	want := golden.Lines[struct {
		Key    string
		Cls    int
		SHA256 string `json:"rgb_sha256"`
	}](t, filepath.Join(dir, "samples.jsonl"))
	classes, err := os.ReadFile(filepath.Join(dir, "classnames.txt"))
	if err != nil {
		t.Fatal(err)
	}
	s := openForTest(t, dir, Options{Need: NeedLabels})
	info := s.Info()
	if got := strings.Join(info.Classes, "\n"); got != strings.TrimSpace(string(classes)) || len(info.Templates) == 0 {
		t.Errorf("classes %q, templates %q", info.Classes, info.Templates)
	}
	for _, template := range info.Templates {
		if !strings.Contains(template, "{c}") {
			t.Errorf("template %q has no place for the class", template)
		}
	}
	if s.Len() != len(want) {
		t.Fatalf("%d samples; want %d", s.Len(), len(want))
	}
	for i, w := range want {
		e := entryOf(t, s, i)
		if !strings.HasSuffix(e.Key, "/"+w.Key+".png") || e.Label != w.Cls || e.Captions[0] != info.Classes[w.Cls] || e.Bad != "" {
			t.Errorf("sample %d is %+v; want %+v", i, e, w)
		}
		if got := rgbHash(t, s, i); got != w.SHA256 {
			t.Errorf("%s: pixels %s; want %s", e.Key, got, w.SHA256)
		}
	}
}

// rgbHash is the SHA-256 of a PNG's pixels in RGB.
func rgbHash(t *testing.T, s Source, i int) string {
	t.Helper()
	p, err := s.Picture(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	im, err := png.Decode(bytes.NewReader(p.File))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	for y := im.Bounds().Min.Y; y < im.Bounds().Max.Y; y++ {
		for x := im.Bounds().Min.X; x < im.Bounds().Max.X; x++ {
			r, g, b, _ := im.At(x, y).RGBA()
			hash.Write([]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)})
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// shardTree writes archives and texts into a folder; an archive is its members as name=content, separated by spaces.
func shardTree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := []byte(files[name])
		if strings.HasSuffix(name, ".tar") {
			var members []member
			for _, word := range strings.Fields(files[name]) {
				key, content, _ := strings.Cut(word, "=")
				members = append(members, member{key, content})
			}
			data = archive(t, tar.FormatUSTAR, members...)
		}
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestShardsStandInTheirNumericOrder(t *testing.T) {
	files := map[string]string{}
	for i := range 12 {
		files[fmt.Sprintf("%d.tar", i)] = fmt.Sprintf("s%d.jpg=p%d", i, i)
	}
	root := shardTree(t, files)
	listed := root + "/0.tar"
	for i := 1; i < 12; i++ {
		listed += fmt.Sprintf("::%s/%d.tar", root, i)
	}
	want := openForTest(t, root, Options{}).Info().Fingerprint
	for _, src := range []string{root, listed, root + "/{0..11}.tar", root + "/{{0..5},{6..11}}.tar"} {
		s := openForTest(t, src, Options{})
		for i := range s.Len() {
			if p, err := s.Picture(t.Context(), i); err != nil || string(p.File) != "p"+strconv.Itoa(i) {
				t.Errorf("%s: sample %d is %q, %v", src, i, p.File, err)
			}
		}
		if got := s.Info().Fingerprint; s.Len() != 12 || got != want && src != listed { // a mixture of 12 sources has one of its own
			t.Errorf("%s: %d samples, fingerprint %s; want 12, %s", src, s.Len(), got, want)
		}
	}
	if got := openForTest(t, root+"/{11..0}.tar", Options{}).Info().Fingerprint; got == want {
		t.Error("another order of the shards has the same fingerprint")
	}
}

func TestWhatASampleLacksIsSaid(t *testing.T) {
	const beside = "red\nblue\n"
	for _, c := range []struct {
		members string
		need    Need
		bad     string // of the last sample
	}{
		{"a.jpg=p a.txt=hello", NeedCaptions, ""},
		{`a.jpg=p a.json={"caption":"hello"}`, NeedCaptions, ""},
		{`a.jpg=p a.json={"caption":null}`, NeedCaptions, "no caption"},
		{`a.jpg=p a.json={broken`, NeedCaptions, "no caption"},
		{"a.jpg=p a.txt=", NeedCaptions, "no caption"},
		{"a.jpg=p", NeedCaptions, "no caption"},
		{"a.jpg=p", NeedNothing, ""},
		{"a.jpg=p a.cls=1", NeedCaptions, ""},
		{"a.jpg=p a.cls=1", NeedLabels, ""},
		{"a.jpg=p", NeedLabels, "no label"},
		{"a.jpg=p a.cls=2", NeedLabels, "not below the number of class names, 2"},
		{"a.jpg=p a.cls=-1", NeedLabels, "not a class number"},
		{"a.jpg=p a.cls=red", NeedLabels, "not a class number"},
		{"a.txt=hello", NeedNothing, "no picture"},
		{"a.seg.png=p a.txt=hello", NeedNothing, "no picture"},
		{"a.jpg= a.txt=hello", NeedNothing, "is empty"},
		{"a.jpg=p a.jpg=q", NeedNothing, "two members"},
		{`a.jpg=p a.json={"TEXT":"hello"}`, NeedCaptions, ""},
		{`a.jpg=p a.json={"caption":7,"text":["x"]}`, NeedCaptions, ""},
		{`a.jpg=p a.txt= a.json={"caption":"hello"}`, NeedCaptions, ""},
		{"a.jpg=p a.json={}", NeedCaptions, "in json); its members are jpg, json"},
		{"a.heic=p a.txt=x", NeedNothing, "bmp); its members are heic, txt"},
		{"a.seg.png=p a.txt=x", NeedNothing, "its members are seg.png, txt; a type begins at the first dot of a name"},
		{"a.b.png=p a.c.png=x a.d.txt=x a.e.txt=x a.f.txt=x", NeedNothing, "its members are b.png, c.png, d.txt, e.txt, ...; a type"},
		{"a.in.png=p a.b.txt=x a.c.txt=y", NeedCaptions, "two members"},
		{"a.jpg=p a.txt=x b.jpg=p b.txt=x a.jpg=q a.txt=x", NeedNothing, "a second time, first at byte 3584"},
	} {
		root := shardTree(t, map[string]string{"0.tar": "good.jpg=p good.txt=x good.cls=0 " + c.members, "classnames.txt": beside})
		s := openForTest(t, root, Options{Need: c.need})
		bad := entryOf(t, s, s.Len()-1).Bad
		if (bad == "") != (c.bad == "") || !strings.Contains(bad, c.bad) {
			t.Errorf("%s: %q; want %q", c.members, bad, c.bad)
		}
		if _, err := s.Picture(t.Context(), s.Len()-1); (err == nil) != (c.bad == "") {
			t.Errorf("%s: picture's error %v", c.members, err)
		}
	}
}

// Names with several dots, where WebDataset's rule gives no sample that can be used.
func TestTheLastDotDecidesWhereTheFirstCant(t *testing.T) {
	for members, want := range map[string]string{
		"1.05.jpg=p 1.05.txt=a 1.06.jpg=q 1.06.txt=b 2.05.jpg=r 2.05.txt=c": "1.05.jpg|a 1.06.jpg|b 2.05.jpg|c",
		"s1.input.jpg=p s1.output.txt=a s2.input.JPG=q s2.output.txt=b":     "s1.input.jpg|a s2.input.JPG|b",
		"v1.0/a.1.png=p v1.0/a.1.json={\"text\":\"a\"} b.jpg=q b.txt=b":     "v1.0/a.1.png|a b.jpg|b",
		"1.05.jpg=p 1.05.txt=a 2.05.jpg=q 2.05.txt=b 1.06.jpg=r 1.06.txt=c": "1.05.jpg|a 2.05.jpg|b 1.06.jpg|c",
		"a.jpg=p a.x.jpg=q a.txt=a":                                         "a.jpg|a",
	} {
		s := openForTest(t, filepath.Join(shardTree(t, map[string]string{"0.tar": members}), "0.tar"), Options{Need: NeedCaptions})
		var got []string
		for i := range s.Len() {
			e := entryOf(t, s, i)
			_, name, _ := strings.Cut(e.Key, "0.tar/")
			got = append(got, name+"|"+strings.Join(e.Captions, "|")+e.Bad)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %s", members, got, want)
		}
		if noted := len(s.Info().Notes) == 1; noted != (want != "a.jpg|a") {
			t.Errorf("%s: notes %q", members, s.Info().Notes)
		}
	}
}

func TestWhatIsBesideShardsIsCounted(t *testing.T) {
	root := shardTree(t, map[string]string{
		"0.tar": "a.jpg=p", "1.tar": "b.jpg=p", "x.jpg": "p", "0.parquet": "", "0_stats.json": "", ".0.tar": "a.jpg=p",
		"more/2.tar": "c.jpg=p", "classnames.txt": "one\n",
	})
	s := openForTest(t, root, Options{Exclude: []string{"1.*"}})
	want := Ignored{"pictures beside shards": 1, ".parquet": 1, ".json": 1, "hidden": 1, "folders beside shards": 1, "excluded by 1.*": 1}
	if got := s.Info().Ignored; s.Len() != 1 || !maps.Equal(got, want) {
		t.Errorf("%d samples, ignored %v, want %v", s.Len(), map[string]int(got), map[string]int(want))
	}
}

func TestSeparatedMembersAreNamed(t *testing.T) {
	root := shardTree(t, map[string]string{"0.tar": "a.jpg=p b.jpg=q a.txt=x b.txt=y c.jpg=r c.txt=z d.jpg=s d.txt=z c.jpg=r c.txt=z"})
	s := openForTest(t, root, Options{Need: NeedCaptions})
	want := []string{
		"its members are not next to each other: a.txt is at byte 2560; make the archive with tar --sort=name", "b.txt is at byte 3584",
		"a.jpg is at byte 512", "b.jpg is at byte 1536", "", "", "its key occurs a second time, first at byte 4608",
	}
	for i := range want {
		if bad := entryOf(t, s, i).Bad; !strings.Contains(bad, want[i]) || (bad == "") != (want[i] == "") {
			t.Errorf("sample %d: %q, want %q", i, bad, want[i])
		}
	}
	if bad := entryOf(t, openForTest(t, root, Options{}), 0).Bad; bad != "" {
		t.Errorf("where no captions are needed: %s", bad)
	}
}

func TestCompressedDataThatIsNotReadIsNamed(t *testing.T) {
	root := shardTree(t, map[string]string{"t.csv.gz": "\x1f\x8b", "a.zip": "PK", "a.tar.xz": "\xfd7zXZ"})
	for _, name := range []string{"t.csv.gz", "a.zip", "a.tar.xz", "{a,b}.tar"} {
		if name == "{a,b}.tar" {
			for _, tar := range []string{"a.tar", "b.tar"} {
				if err := os.WriteFile(filepath.Join(root, tar), []byte("\xfd7zXZ"+strings.Repeat("x", 999)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		var data *DataError
		_, err := Open(t.Context(), filepath.Join(root, name), Options{})
		if !errors.As(err, &data) || !strings.Contains(err.Error(), "unpack it first") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABrokenShardCostsItsOwnSamplesAlone(t *testing.T) {
	root := shardTree(t, map[string]string{"0.tar": "a.jpg=p", "2.tar": "b.jpg=q", "1.tar": "x.jpg=x"})
	if err := os.WriteFile(filepath.Join(root, "1.tar"), bytes.Repeat([]byte("junk"), 400), 0o644); err != nil {
		t.Fatal(err)
	}
	s := openForTest(t, root, Options{})
	if s.Len() != 3 || entryOf(t, s, 0).Bad != "" || entryOf(t, s, 2).Bad != "" {
		t.Fatalf("%d samples: %+v", s.Len(), entryOf(t, s, 0))
	}
	if e := entryOf(t, s, 1); e.Key != filepath.Join(root, "1.tar") || !strings.Contains(e.Bad, "is no tar archive") {
		t.Errorf("the broken shard is %+v", e)
	}
	if notes := s.Info().Notes; len(notes) != 1 || !strings.Contains(notes[0], "1.tar") {
		t.Errorf("notes %q", notes)
	}
}

func TestShardsThatCantBeMeantAreRefused(t *testing.T) {
	root := shardTree(t, map[string]string{
		"whole/0.tar": "a.jpg=p", "empty/0.tar": "", "captions/0.tar": "a.txt=x", "count/test/0.tar": "a.jpg=p a.cls=0",
		"count/test/nshards.txt": "2", "both/test/0.tar": "a.jpg=p", "both/train/0.tar": "a.jpg=p",
	})
	var data *DataError
	var usage *UsageError
	for _, c := range []struct {
		src   string
		right func(error) bool
	}{
		{"whole/{0..1}.tar", func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		{"whole/0.tar::nowhere.tar", func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		{"whole/{0..1.tar", func(err error) bool { return errors.As(err, &usage) }},
		{"count", func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		{"empty", func(err error) bool { return errors.As(err, &data) }},
		{"captions", func(err error) bool { return errors.As(err, &data) }},
		{"both", func(err error) bool { return errors.As(err, &data) }},
	} {
		if s, err := Open(t.Context(), filepath.Join(root, c.src), Options{}); err == nil || !c.right(err) {
			t.Errorf("%s: %v, %v", c.src, s, err)
		}
	}
}

func TestRetrievalSetsHoldOneCaptionALine(t *testing.T) {
	root := shardTree(t, map[string]string{"test/0.tar": "a.jpg=p", "dataset_type.txt": "retrieval\n"})
	data := archive(t, tar.FormatUSTAR, member{"a.jpg", "p"}, member{"a.txt", "one dog\ntwo cats\n\n"})
	if err := os.WriteFile(filepath.Join(root, "test", "0.tar"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openForTest(t, root, Options{Need: NeedCaptions})
	if got := entryOf(t, s, 0).Captions; !slices.Equal(got, []string{"one dog", "two cats"}) {
		t.Errorf("captions %q", got)
	}
}

// More shards than stay open, read from many goroutines at once; run with -race.
func TestPicturesAreReadFromManyShardsAtOnce(t *testing.T) {
	files := map[string]string{}
	const n = 131 // a store keeps 64 open
	for i := range n {
		files[fmt.Sprintf("%d.tar", i)] = fmt.Sprintf("s.jpg=p%d", i)
	}
	s := openForTest(t, shardTree(t, files), Options{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for k := range 3 * n {
				i := (k*(2*g+1) + g) % n
				if p, err := s.Picture(t.Context(), i); err != nil || string(p.File) != fmt.Sprintf("p%d", i) {
					t.Errorf("shard %d: %q, %v", i, p.File, err)
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	if _, err := s.Picture(t.Context(), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAShardThatChangedIsNotRead(t *testing.T) {
	root := shardTree(t, map[string]string{"0.tar": "a.jpg=p"})
	s := openForTest(t, root, Options{})
	path := filepath.Join(root, "0.tar")
	if err := os.WriteFile(path, archive(t, tar.FormatUSTAR, member{"b.jpg", strings.Repeat("q", 9000)}), 0o644); err != nil {
		t.Fatal(err)
	}
	var data *DataError
	if p, err := s.Picture(t.Context(), 0); !errors.As(err, &data) || !strings.Contains(err.Error(), "0.tar has changed since") {
		t.Errorf("%q, %v; want an error", p.File, err)
	}
}
