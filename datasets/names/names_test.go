package names

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The data is what scripts/names.py made of the files of clip_benchmark 1.6.2 and OpenAI's prompts.md; it prints this digest.
func TestTheDataIsThatOfTheScript(t *testing.T) {
	sum := sha256.Sum256(text())
	const want = "834050ea775ab92fe823fb7fc2b9b4e83573fd51f7cb5c73c81a64aa4e73f0d6"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestEverySetIsWhole(t *testing.T) {
	for _, name := range All() {
		s, ok := Find(name)
		if !ok || s.Name != name || len(s.Classes) < 2 || len(s.Templates) == 0 || len(s.IDs) > 0 && len(s.IDs) != len(s.Classes) {
			t.Errorf("%s: %v, %d classes, %d templates, %d ids", name, ok, len(s.Classes), len(s.Templates), len(s.IDs))
		}
		for _, text := range slices.Concat(s.Classes, s.IDs) {
			if text == "" && name != "clevr_closest_object_distance" || strings.TrimSpace(text) != text {
				t.Errorf("%s: the name %q", name, text)
			}
		}
		for _, text := range s.Templates {
			if !strings.Contains(text, "{c}") {
				t.Errorf("%s: the template %q", name, text)
			}
		}
	}
	whole, _ := Find("imagenet1k")
	if len(whole.Classes) != 1000 || len(whole.Templates) != 80 || !slices.IsSorted(whole.IDs) {
		t.Errorf("ImageNet has %d classes and %d templates", len(whole.Classes), len(whole.Templates))
	}
}

func TestSetsAreFoundByTheNamesInUse(t *testing.T) {
	for name, want := range map[string]string{
		"wds/cifar10": "cifar10", "wds_vtab-dtd": "dtd", "vtab/caltech101": "caltech101_vtab", "wds_fgvc_aircraft": "fgvc_aircraft",
		"Oxford-IIIT-Pet": "pets", "imagenet_sketch": "imagenet1k", "wds/imagenet-a": "imagenet-a", "ImageNet_R": "imagenet-r",
		"wds/vtab/clevr_count_all": "clevr_count_all", "wds_imagenetv2": "imagenet1k",
	} {
		if got, ok := Find(name); !ok || got.Name != want {
			t.Errorf("%s: %q, want %s", name, got.Name, want)
		}
	}
	for _, name := range []string{"", "wds_", "photos", "cifar", "vtab-"} {
		if got, ok := Find(name); ok {
			t.Errorf("%q: %s", name, got.Name)
		}
	}
}

func TestFoldersAreNamedByIDOrNumber(t *testing.T) {
	got, from, ok := Of("photos", []string{"n01440764", "n01443537", "n15075141"})
	if !ok || from != "imagenet1k" || !slices.Equal(got, []string{"tench", "goldfish", "toilet paper"}) {
		t.Errorf("%v of %s, %v", got, from, ok)
	}
	var numbers []string // in the order of texts, as folders are: 0, 1, 10, 100, ...
	for i := range 1000 {
		numbers = append(numbers, strconv.Itoa(i))
	}
	slices.Sort(numbers)
	got, from, ok = Of("imagenetv2", numbers)
	whole, _ := Find("imagenet1k")
	if !ok || from != "imagenet1k" || got[2] != whole.Classes[10] || got[999] != whole.Classes[999] {
		t.Errorf("%v of %s", ok, from)
	}
	small, _ := Find("imagenet-a")
	if got, _, ok := Of("", small.IDs); !ok || !slices.Equal(got, small.Classes) || len(got) != 200 {
		t.Errorf("%d names of ImageNet-A, %v", len(got), ok)
	}
	for _, folders := range [][]string{
		{"n01440764", "n00000000"}, {"cat", "dog"}, {}, {"0", "1"}, {"00", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	} {
		if got, from, ok := Of("cifar10", folders); ok {
			t.Errorf("%v: %v of %s", folders, got, from)
		}
	}
}

func TestTheVocabularyHasEachWordOnce(t *testing.T) {
	words, have := Vocabulary(), map[string]bool{}
	for _, w := range words {
		if have[strings.ToLower(w)] || w == "" || strings.ContainsAny(w, "_\n") {
			t.Errorf("%q", w)
		}
		have[strings.ToLower(w)] = true
	}
	for _, w := range []string{"goldfish", "beach", "pizza"} {
		if !have[w] {
			t.Errorf("%s is missing", w)
		}
	}
	if len(words) < 1500 {
		t.Errorf("%d words", len(words))
	}
}
