package datasets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets/names"
)

// Folders that are called by WordNet ids have the names of ImageNet's classes, in any folder; what names are used is said. classnames.txt
// comes first.
func TestWordNetIDsHaveTheirNames(t *testing.T) {
	root := t.TempDir()
	for _, id := range []string{"n02123045", "n01440764"} {
		path := filepath.Join(root, "pictures", "val", id, "a.png")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	place := filepath.Join(root, "pictures", "val")
	before := openForTest(t, place, Options{Need: NeedLabels}).Info()
	if !slices.Equal(before.Classes, []string{"tench", "tabby cat"}) {
		t.Errorf("classes %q", before.Classes)
	}
	if notes := strings.Join(before.Notes, "; "); !strings.Contains(notes, "built-in names of imagenet1k: n01440764 = tench") {
		t.Errorf("notes %q", notes)
	}
	if err := os.WriteFile(filepath.Join(place, "classnames.txt"), []byte("a fish\na cat\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	after := openForTest(t, place, Options{Need: NeedLabels}).Info()
	if !slices.Equal(after.Classes, []string{"a fish", "a cat"}) || after.Fingerprint == before.Fingerprint {
		t.Errorf("classes %q with the fingerprint %s", after.Classes, after.Fingerprint)
	}
}

func TestTheNameOfDataIsThatOfItsFolder(t *testing.T) {
	for folder, want := range map[string]string{
		"a/wds_dtd/test": "wds_dtd", "a/wds_dtd/": "wds_dtd", "a/wds_dtd/Train": "wds_dtd",
		"hf-hub:datasets/o/wds_dtd@main/test":      "wds_dtd",
		"https://example.org/d/wds_vtab-pets/test": "wds_vtab-pets", "photos": "photos",
	} {
		if got := dataName(folder); got != want {
			t.Errorf("%s: %q, want %q", folder, got, want)
		}
	}
}

// Shards with class numbers alone have the names and templates of the set that their folder is called by.
func TestShardsWithoutNamesHaveBuiltinOnes(t *testing.T) {
	known, _ := names.Find("cifar10")
	root := shardTree(t, map[string]string{
		"wds_cifar10/test/0.tar": "a.jpg=p a.cls=9 b.jpg=p b.cls=0", "wds_vtab-dtd/train/0.tar": "a.jpg=p a.cls=3",
		"wds_vtab-dtd/zeroshot_classification_templates.txt": "own_{c}",
		"photos/test/0.tar": "a.jpg=p a.cls=1", "wds_mnist/test/0.tar": "a.jpg=p a.cls=10",
		"wds_pets/test/0.tar": "a.jpg=p a.txt=cat", "wds_svhn/test/0.tar": "a.jpg=p a.cls=0", "wds_svhn/classnames.txt": "x",
	})
	for place, want := range map[string]struct {
		classes   int
		templates []string
		note      string
	}{
		"wds_cifar10":        {10, known.Templates, "the 10 classes have the built-in names of cifar10"},
		"wds_vtab-dtd/train": {47, []string{"own_{c}"}, "names of dtd"},
		"photos":             {0, nil, ""},
		"wds_mnist":          {0, nil, "names of mnist are not used: it has 10 classes, a sample has class number 10"},
		"wds_pets":           {0, nil, ""},
		"wds_svhn":           {1, nil, ""},
	} {
		info := openForTest(t, filepath.Join(root, place), Options{}).Info()
		notes := strings.Join(info.Notes, "; ")
		if !strings.Contains(notes, want.note) || want.note == "" && strings.Contains(notes, "built-in") {
			t.Errorf("%s: notes %q, want %q", place, notes, want.note)
		}
		if len(info.Classes) != want.classes || !slices.Equal(info.Templates, want.templates) {
			t.Errorf("%s: %d classes, templates %q", place, len(info.Classes), info.Templates)
		}
	}
}
