package datasets

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// account reads an epoch of a source whose pictures are files that begin with "picture", and checks that each sample is
// used or skipped once in its own slot. It returns the reasons of the skips by the base of their key, and the captions used.
func account(t *testing.T, s Source, order Order) (skips map[string]string, captions []string) {
	t.Helper()
	l := &Loader{
		Source: s, BatchSize: 3, Workers: 3, Size: 1, ContextLength: 2, Order: order, MaxSkip: 1,
		Pixels: func(dst []uint8, p Picture, _ uint64) error {
			if !strings.HasPrefix(string(p.File), "picture") {
				return errors.New("no picture")
			}
			clear(dst)
			return nil
		},
		Tokens: func(dst []int32, caption string) (int, bool) { clear(dst); return 1, len(caption) > 100 },
	}
	batches, err := all(t, l, 0, int64(s.Len()))
	if data := (*DataError)(nil); err != nil && !errors.As(err, &data) {
		t.Fatal(err)
	}
	used := make([]int, s.Len())
	skipped, total := map[Skip]int{}, 0
	skips = map[string]string{}
	for _, b := range batches {
		for i, index := range b.Index {
			used[index]++
			captions = append(captions, b.Captions[i])
		}
		for _, skip := range b.Skipped {
			skipped[skip]++
			skips[filepath.Base(skip.Key)] = skip.Reason
		}
		total -= b.Replaced
	}
	for i, n := range used {
		e := entryOf(t, s, i)
		if n > 1 && order == Sequential || n > 0 && e.Bad != "" {
			t.Errorf("%s was used %d times, although %q", e.Key, n, e.Bad)
		}
		total += n
	}
	for skip, n := range skipped {
		if skip.Source != s.Info().Name || skip.Key == "" || skip.Reason == "" || strings.Contains(skip.Reason, "\n") {
			t.Errorf("a skip that says too little: %+v", skip)
		}
		total += n
	}
	if total != s.Len() {
		t.Errorf("%d samples were used or skipped, %d are present", total, s.Len())
	}
	return skips, captions
}

// What cli.md promises of bad data, as far as data is concerned: the sample is skipped with a reason, or repaired.
func TestBadSamplesAreSkippedOrRepairedInEachKindOfSource(t *testing.T) {
	const good = "picture"
	long := strings.Repeat("long ", 200_000)
	for _, c := range []struct {
		kind  string
		write func(t *testing.T) string
		skips map[string]string // a part of the reason, by the base of the key
	}{
		{"folder", func(t *testing.T) string {
			root := tree(t, map[string]string{
				"a.jpg": good, "a.txt": "fine", "b.JPG": good, "b.txt": "\r\n", "c.png": "this is text", "c.txt": "a text named .png",
				"d.webp": "", "d.txt": "nothing", "e.gif": good, "e.txt": long, "f.jpeg": good, "f.txt": "caf\xe9", "g.jpg": "-> nowhere",
				"g.txt": "a link", "h.jpg/": "", "i.jpg": good, ".hidden.jpg": good, "deep/j.jpg": good, "deep/j.txt": "one\ntwo",
				"deep/self": "-> ../deep", "big.jpg": good, "big.txt": "big",
			})
			if err := os.Truncate(filepath.Join(root, "big.jpg"), pictureLimit+1); err != nil {
				t.Fatal(err)
			}
			return root
		}, map[string]string{
			"c.png": "no picture", "d.webp": "no picture", "g.jpg": "no such file", "big.jpg": "67108865 bytes",
		}},
		{"table", func(t *testing.T) string {
			root := tree(t, map[string]string{"a.jpg": good, "b.jpg": good, "c.jpg": "this is text", "d.jpg": good,
				"t.csv": strings.Join([]string{
					"filepath,title", "a.jpg,fine", "b.jpg,caf\xe9", "b.jpg,a second one", "c.jpg,a text", "none.jpg,gone", "a.jpg,",
					",no path", "a.jpg,too,many", "d.jpg," + long, `b.jpg,"quoted, with ""quotes"""`, "\x00.jpg,zero",
					"http://example.com/a.jpg,far", `a.jpg,"open`, "b.jpg,behind it",
				}, "\r\n")})
			return filepath.Join(root, "t.csv")
		}, nil},
		{"shards", func(t *testing.T) string {
			root := t.TempDir()
			data := archive(t, tar.FormatPAX,
				member{"a.jpg", good}, member{"a.txt", "fine"}, member{"b.txt", "no picture"}, member{"c.jpg", good},
				member{"d.jpg", ""}, member{"d.txt", "empty"}, member{"e.jpg", good}, member{"e.txt", long},
				member{"f.png", good}, member{"f.txt", "caf\xe9"}, member{"a.jpg", good}, member{"a.txt", "again"},
				member{"g.jpg", "text"}, member{"g.txt", "a text named .jpg"},
				member{"h.gif", good}, member{"h.json", `{"caption": "from json"}`}, member{"../i.jpg", good}, member{"../i.txt", "above"},
				member{"j.jpg", good}, member{"j.txt", " \n"}, member{"z.jpg", good + long}, member{"z.txt", "lost"})
			path := filepath.Join(root, "s.tar")
			if err := os.WriteFile(path, data[:len(data)-100_000], 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}, map[string]string{
			"b": "no picture", "c.jpg": "no caption", "d.jpg": "is empty", "a.jpg": "second time", "g.jpg": "no picture",
			"j.jpg": "no caption", "z.jpg": "is cut",
		}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			s, err := Open(t.Context(), c.write(t), Options{Need: NeedCaptions})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, order := range []Order{Sequential, Shuffled} {
				skips, captions := account(t, s, order)
				for key, part := range c.skips {
					if !strings.Contains(skips[key], part) {
						t.Errorf("%s: skipped for %q, want %q", key, skips[key], part)
					}
				}
				if c.skips != nil && len(skips) != len(c.skips) {
					t.Errorf("skipped %v, want %d", skips, len(c.skips))
				}
				for _, want := range []string{"fine", "caf\uFFFD", long[:captionLimit]} {
					if !slices.ContainsFunc(captions, func(c string) bool { return strings.TrimSpace(c) == strings.TrimSpace(want) }) {
						t.Errorf("the caption %.10q of %d bytes was not used", want, len(want))
					}
				}
			}
			notes := strings.Join(s.Info().Notes, "\n")
			for _, want := range []string{"cut 1 captions", "invalid UTF-8 in 1 captions"} {
				if !strings.Contains(notes, want) {
					t.Errorf("notes don't say %q:\n%s", want, notes)
				}
			}
		})
	}
}

// 8 rows: a.jpg, b.jpg and c.jpg are samples, and so are the three rows that can't be read.
func TestEveryRowOfABadTableIsAccountedFor(t *testing.T) {
	root := tree(t, map[string]string{"a.jpg": "picture", "b.jpg": "text", "t.csv": "filepath,title\n" +
		"a.jpg,one\nb.jpg,two\nc.jpg,three\na.jpg,four,4\na.jpg\na.jpg,\"six\"\na.jpg,\"seven\nb.jpg,eight\n"})
	s, err := Open(t.Context(), filepath.Join(root, "t.csv"), Options{Need: NeedCaptions})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, captions := account(t, s, Sequential)
	if s.Len() != 6 || !slices.Equal(captions, []string{"one"}) || !slices.Equal(entryOf(t, s, 0).Captions, []string{"one", "six"}) {
		t.Errorf("%d samples, used %q", s.Len(), captions)
	}
}

// Shards with flipped bits, overwritten blocks and missing ends: what isn't counted as a sample is reported in a note, and
// nothing panics or is read beyond its shard.
func TestDamagedShardsLoseNothingSilently(t *testing.T) {
	const samples = 20
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		var members []member
		for i := range samples {
			key := fmt.Sprintf("%04d", i)
			picture := member{key + ".jpg", "picture" + strings.Repeat(key, r.IntN(300))}
			members = append(members, picture, member{key + ".txt", "caption of " + key})
		}
		data := archive(t, []tar.Format{tar.FormatUSTAR, tar.FormatGNU, tar.FormatPAX}[r.IntN(3)], members...)
		what := damage(r, data)
		closed := len(data) - tarBlock // one zero block is an end
		path := filepath.Join(t.TempDir(), "s.tar")
		if what == "cut" {
			data = data[:r.IntN(len(data))]
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), path, Options{Need: NeedCaptions})
		if refused := (*DataError)(nil); errors.As(err, &refused) {
			continue // nothing usable was left, and that was said
		}
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, what, err)
		}
		skips, captions := account(t, s, Shuffled)
		if len(captions)+len(skips) < samples && len(s.Info().Notes) == 0 {
			t.Errorf("seed %d, %s: %d used, %d skipped of %d, and no note", seed, what, len(captions), len(skips), samples)
		}
		if what == "cut" && len(data) < closed && (len(s.Info().Notes) == 0 || entryOf(t, s, s.Len()-1).Bad == "") {
			t.Errorf("seed %d: cut to %d bytes, but notes are %q and the last sample is fine", seed, len(data), s.Info().Notes)
		}
		s.Close()
	}
}

// damage changes an archive in place in one of several ways and says how.
func damage(r *rand.Rand, data []byte) string {
	ways := map[string]func(){
		"bit":   func() { data[r.IntN(len(data))] ^= 1 << r.IntN(8) },
		"cut":   func() {},
		"block": func() { copy(data[512*r.IntN(len(data)/512):], strings.Repeat("\xa5", 512)) },
		"zeros": func() { clear(data[512*r.IntN(len(data)/512):][:512]) },
		"size":  func() { copy(data[124:], "77777777777\x00") }, // of the first member, checksum not mended
	}
	names := slices.Sorted(maps.Keys(ways))
	name := names[r.IntN(len(names))]
	ways[name]()
	return name
}
