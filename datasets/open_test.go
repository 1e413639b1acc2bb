package datasets

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

func TestOpenGoesByTheForm(t *testing.T) {
	root := tree(t, map[string]string{"pictures/a.jpg": "", "pictures/a.txt": "one", "one.png": "", "{odd}/a.jpg": ""})
	for src, kind := range map[string]string{
		"builtin:emoji":                   "builtin",
		filepath.Join(root, "pictures"):   "folder",
		filepath.Join(root, "one.png"):    "folder",
		filepath.Join(root, "{odd}"):      "folder",
		root + "/pictures/../pictures///": "folder",
	} {
		s, err := Open(t.Context(), src, Options{})
		if err != nil || s.Info().Kind != kind {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestSourcesThatCannotBeMeantAreRefused(t *testing.T) {
	root := tree(t, map[string]string{"notes.md": ""})
	for _, src := range []string{
		"builtin:nothing", "gs://bucket/a.tar", "hdfs://x/{0..9}.tar", "ftp://host/a.csv", "file:///x/a.parquet",
		filepath.Join(root, "notes.md"),
	} {
		var usage *UsageError
		if _, err := Open(t.Context(), src, Options{}); !errors.As(err, &usage) || usage.Source != src {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestAddressesThatAreNotReadSayWhichAre(t *testing.T) {
	for src, want := range map[string]string{
		"ftp://host/a.tar":      "http(s)://, s3://, hf-hub:datasets/ and pipe:COMMAND are",
		"gs://bucket/b/a.csv":   "s3://bucket/b/a.csv with AWS_ENDPOINT_URL=https://storage.googleapis.com",
		"FILE:///tmp/a.parquet": "by its path",
	} {
		if _, err := Open(t.Context(), src, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestPathsThatDoNotExistAreTold(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"nothing", "a.csv", "a.tar", "a.jpg", "a.tar::b.tar", "{000..002}.tar"} {
		src := filepath.Join(root, name)
		_, err := Open(t.Context(), src, Options{})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), root) {
			t.Errorf("%s: %v", name, err)
		}
		var data *DataError
		if errors.As(err, &data) {
			t.Errorf("%s: exit 3 instead of 2", name)
		}
	}
}

func TestNeedsAreEnforced(t *testing.T) {
	bare := filepath.Join(tree(t, map[string]string{"a.jpg": ""}), "a.jpg")
	for _, c := range []struct {
		src  string
		need Need
		ok   bool
	}{
		{"builtin:emoji", NeedCaptions, true}, {"builtin:emoji", NeedLabels, true}, {"builtin:shapes", NeedCaptions, true},
		{bare, NeedNothing, true}, {bare, NeedCaptions, false}, {bare, NeedLabels, false},
	} {
		_, err := Open(t.Context(), c.src, Options{Need: c.need})
		var data *DataError
		if (err == nil) != c.ok || err != nil && !errors.As(err, &data) {
			t.Errorf("%s, need %d: %v", c.src, c.need, err)
		}
	}
}

func TestACacheThatCannotBeMeantIsRefused(t *testing.T) {
	root := tree(t, map[string]string{"file": ""})
	for want, o := range map[string]Options{
		"data_cache_size: it is the limit of data_cache, which is missing": {DataCacheSize: 1000},
		"a directory is wanted": {DataCache: filepath.Join(root, "file")},
	} {
		_, err := Open(t.Context(), "builtin:emoji", o)
		if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Usage {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s := openForTest(t, "builtin:shapes?n=2", Options{DataCache: filepath.Join(root, "new"), DataCacheSize: 1000})
	if s.Len() != 2 {
		t.Error("a cache that isn't there yet")
	}
}

// What isn't an archive is said to be none, with its beginning.
func TestWhatIsNoArchiveSaysSo(t *testing.T) {
	long := strings.Repeat("x", 2000)
	root := tree(t, map[string]string{
		"page.tar": "\n<!DOCTYPE html><p>Log in", "long.tar": "<html>" + long, "png.tar": "\x89PNG\r\n" + long,
	})
	for name, want := range map[string]string{
		"page.tar": `the shard is no tar archive: it begins with "<!DOCTYPE html><p>L", as a web page does`,
		"long.tar": `the shard is no tar archive: it begins with "<html>xxxxxxxxxxxxxx", as a web page does`,
		"png.tar":  `the shard is no tar archive, or its first header is damaged: it begins with "\x89PNG`,
	} {
		if _, err := Open(t.Context(), filepath.Join(root, name), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
