package datasets

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/datasets/store"
	"clipgo/internal/fault"
)

const karpathy = `{"dataset":"coco","images":[
	{"filepath":"val2014","filename":"a.jpg","split":"test","sentences":[{"raw":"one","tokens":[]},{"raw":"two"}]},
	{"filepath":"train2014","filename":"b.jpg","split":"train","sentences":[{"raw":"three"}]},
	{"filepath":"val2014","filename":"c.jpg","split":"restval","sentences":[{"raw":"four"},{"raw":" "}]}]}`

func TestKarpathysSplits(t *testing.T) {
	root := tree(t, map[string]string{
		"lists/dataset_coco.json": karpathy, "images/val2014/a.jpg": "p", "images/train2014/b.jpg": "p", "images/val2014/c.jpg": "p",
		"flickr.json": `{"images":[{"filename":"a.jpg","sentences":[{"raw":"one"}]}]}`, "a.jpg": "p",
		"plain.json": `[{"path":"a.jpg","text":"x"}]`,
	})
	for split, want := range map[string]string{
		"lists/dataset_coco.json?split=test":          "1:a.jpg|one|two",
		"lists/dataset_coco.json?split=train,restval": "2:b.jpg|three; 3:c.jpg|four",
		"flickr.json": "1:a.jpg|one",
	} {
		s, err := Open(t.Context(), filepath.Join(root, split), Options{Need: NeedCaptions})
		if err != nil {
			t.Errorf("%s: %v", split, err)
			continue
		}
		if got := rowsLine(t, s); got != want {
			t.Errorf("%s: %s, want %s", split, got, want)
		}
		if p, err := s.Picture(t.Context(), 0); err != nil || string(p.File) != "p" {
			t.Errorf("%s: picture %q", split, p.File)
		}
	}
	for name, want := range map[string]string{
		"lists/dataset_coco.json":           "it has the splits restval, test, train; choose with dataset_coco.json?split=restval",
		"lists/dataset_coco.json?split=all": `no split "all"; its splits are restval, test, train`,
		"plain.json?split=test":             "it has no splits",
	} {
		_, err := Open(t.Context(), filepath.Join(root, name), Options{})
		if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) == fault.Failed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The table of Flickr30k: a row for each comment, columns that bars separate, and one row whose second bar is missing.
func TestFlickrsTable(t *testing.T) {
	path := tableTree(t, "results.csv", "image_name| comment_number| comment\na.jpg| 0| One , two .\n"+
		"a.jpg| 1| Three .\nb.jpg| 4   Four\nb.jpg| 0| Five .\n")
	s, err := Open(t.Context(), path, Options{Need: NeedCaptions})
	if err != nil {
		t.Fatal(err)
	}
	const want = "2:a.jpg|One , two .|Three .; 4!the row has 2 cells, the header 3; 5:b.jpg|Five ."
	if got := rowsLine(t, s); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestNamesOfFilesElsewhere(t *testing.T) {
	for _, c := range []struct{ folder, name, want string }{
		{"data", "a.jpg", filepath.Join("data", "a.jpg")},
		{"data", "https://h/a.jpg", "https://h/a.jpg"},
		{"https://h/d/", "x/a.jpg", "https://h/d/x/a.jpg"},
		{"https://h/d/", "/etc/passwd", "https://h/d/etc/passwd"},
		{"s3://bucket/d/", "../../a.jpg", "s3://bucket/d/a.jpg"},
		{"data", "", ""},
	} {
		if got := resolveIn(c.folder, c.name); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.name, c.folder, got, c.want)
		}
	}
	odd := filepath.Join("data", "what?split=x", "t.x")
	for name, want := range map[string]string{
		"https://me:pw@h/d/t.csv?X-Amz-Signature=1": "https://h/d/t.csv https://me:pw@h/d/ .csv",
		"https://h/t.Parquet?download=true":         "https://h/t.Parquet?download=true https://h/ .parquet",
		"hf-hub:datasets/o/r@main/data/train.csv":   "hf-hub:datasets/o/r@main/data/train.csv hf-hub:datasets/o/r@main/data/ .csv",
		odd: odd + " " + filepath.Dir(odd) + " .x",
	} {
		if got := store.Public(name) + " " + folderOf(name) + " " + extensionOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A list of pictures may come from anywhere. It can't run commands.
func TestListsCannotRunCommands(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	s, err := Open(t.Context(), tableTree(t, "t.csv", "filepath,title\npipe:touch "+ran+",one\na.jpg,two\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := rowsLine(t, s); got != "2!the row names a command, not a picture; 3:a.jpg|two" {
		t.Error(got)
	}
	_, err = s.Picture(t.Context(), 0)
	var refused *DataError
	if err == nil || errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}
