// Package names has the class names, prompt templates and WordNet ids of public data sets, for data that comes without them. They are those
// of CLIP_benchmark 1.6.2; names that CLIP_benchmark takes from the data itself are those that OpenAI published with CLIP.
package names

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Set is what is known of a data set.
type Set struct {
	Name      string   `json:"name"`
	Classes   []string `json:"classes"`   // in the order of the labels; a name may occur twice, as in ImageNet
	Templates []string `json:"templates"` // with {c} for the class name
	IDs       []string `json:"ids"`       // WordNet ids of the classes, of ImageNet and its subsets
}

// Made by scripts/names.py.
//
//go:embed sets.json.gz
var packed []byte

// sets are all sets, by name.
var sets = sync.OnceValue(func() map[string]Set {
	out := map[string]Set{}
	for _, s := range unpack() {
		out[s.Name] = s
	}
	whole := out[imageNet]
	for name, s := range out {
		if s.Classes == nil { // a subset
			for _, id := range s.IDs {
				at, _ := slices.BinarySearch(whole.IDs, id)
				s.Classes = append(s.Classes, whole.Classes[at])
			}
			out[name] = s
		}
	}
	return out
})

// text is the unpacked data.
func text() []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic("names: " + err.Error())
	}
	data, err := io.ReadAll(r)
	if err != nil {
		panic("names: " + err.Error())
	}
	return data
}

func unpack() (list []Set) {
	if err := json.Unmarshal(text(), &list); err != nil {
		panic("names: " + err.Error())
	}
	return list
}

const imageNet = "imagenet1k"

// others are names under which sets are known elsewhere, as canonical returns them.
var others = map[string]string{
	"imagenet": imageNet, "imagenet-1k": imageNet, "ilsvrc2012": imageNet, "imagenet1k-unverified": imageNet, "imagenet-sketch": imageNet,
	"imagenetv2": imageNet, "imagenet-v2": imageNet, "imagenet-w": imageNet,
	"aircraft": "fgvc_aircraft", "fgvc-aircraft-2013b": "fgvc_aircraft", "stanford-cars": "cars", "describable-textures": "dtd",
	"flowers102": "flowers", "oxford-flowers102": "flowers", "oxford-flowers-102": "flowers",
	"oxford-pets": "pets", "oxford-iiit-pet": "pets", "oxford-iiit-pets": "pets", "food-101": "food101", "cifar-10": "cifar10",
	"cifar-100": "cifar100", "svhn-cropped": "svhn", "patch-camelyon": "pcam", "rendered-sst2": "renderedsst2", "sst2": "renderedsst2",
	"vtab-caltech101": "caltech101_vtab",
}

// Find finds a set by the name of data: that of CLIP_benchmark, with or without wds/, wds_ and vtab, or another that is in use.
func Find(name string) (Set, bool) {
	name = canonical(name)
	if other, ok := others[name]; ok {
		name = other
	}
	if rest, ok := strings.CutPrefix(name, "vtab-"); ok {
		return Find(rest)
	}
	for _, s := range sets() {
		if canonical(s.Name) == canonical(name) {
			return s, true
		}
	}
	return Set{}, false
}

// canonical is a name in lower case, without wds, its parts joined by hyphens.
func canonical(name string) string {
	name = strings.NewReplacer("_", "-", "/", "-", " ", "-").Replace(strings.ToLower(strings.TrimSpace(name)))
	return strings.TrimPrefix(name, "wds-")
}

// All are the names of all sets, sorted.
func All() []string {
	var out []string
	for name := range sets() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Of gives names to class folders whose own names say nothing: WordNet ids of ImageNet's classes, or the numbers of the classes of the set
// that data of this name is. ok is false for others. from is the set that the names are of.
func Of(data string, folders []string) (classes []string, from string, ok bool) {
	if classes, ok = byID(folders); ok {
		return classes, imageNet, true
	}
	s, known := Find(data)
	if !known || len(folders) != len(s.Classes) {
		return nil, "", false
	}
	for _, f := range folders {
		at, err := strconv.Atoi(f)
		if err != nil || at < 0 || at >= len(s.Classes) || f != strconv.Itoa(at) {
			return nil, "", false
		}
		classes = append(classes, s.Classes[at])
	}
	return classes, s.Name, !slices.Equal(classes, folders)
}

// byID are the names of ImageNet's classes with these WordNet ids; ok is false if one isn't of ImageNet.
func byID(ids []string) (classes []string, ok bool) {
	whole := sets()[imageNet]
	for _, id := range ids {
		at, found := slices.BinarySearch(whole.IDs, id)
		if !found {
			return nil, false
		}
		classes = append(classes, whole.Classes[at])
	}
	return classes, len(ids) > 0
}
