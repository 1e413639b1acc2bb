package choices

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// readSugarCrepe reads an object of samples by number, in the order of the file: numbers may be missing. The pictures are in val2017.
func (s *Set) readSugarCrepe(path string) error {
	data, err := bounded.ReadFile(path, annotations)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return s.wrong("it isn't an object of samples")
	}
	for n := int64(1); d.More(); n++ {
		key, err := d.Token()
		if err != nil {
			return s.wrong("after sample %d: %v", n-1, fault.JSON(err))
		}
		var sample struct {
			Filename string `json:"filename"`
			Caption  string `json:"caption"`
			Negative string `json:"negative_caption"`
		}
		if err := d.Decode(&sample); err != nil {
			return s.wrong("sample %v: %v", key, fault.JSON(err))
		}
		err = s.add(sampleOf{
			at: fmt.Sprint("sample ", key), line: n, list: path, folder: filepath.Join(filepath.Dir(path), "val2017"),
			pictures: []string{sample.Filename}, captions: []string{sample.Caption, sample.Negative},
		})
		if err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return s.wrong("the file ends within the object")
	}
	return nil
}

// readWinoground reads examples.jsonl, a sample a line with two pictures and two captions. The pictures are in images, most without their
// extension.
func (s *Set) readWinoground(dir string) error {
	s.Pictures = 2
	path := filepath.Join(dir, winogroundFile)
	return bounded.Lines(path, annotations, func(n int, line []byte, _ bool) error {
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		var sample struct {
			First   string `json:"image_0"`
			Second  string `json:"image_1"`
			Caption string `json:"caption_0"`
			Other   string `json:"caption_1"`
			Tag     string `json:"collapsed_tag"`
			OwnTag  string `json:"tag"`
		}
		if err := json.Unmarshal(line, &sample); err != nil {
			return s.wrong("line %d: %v", n, fault.JSON(err))
		}
		if sample.Tag == "" {
			sample.Tag = sample.OwnTag
		}
		pictures := []string{sample.First, sample.Second}
		for i, name := range pictures {
			if name != "" && filepath.Ext(name) == "" {
				pictures[i] = name + ".png"
			}
		}
		return s.add(sampleOf{
			at: fmt.Sprint("line ", n), line: int64(n), list: path, folder: filepath.Join(dir, "images"),
			pictures: pictures, captions: []string{sample.Caption, sample.Other}, kind: sample.Tag,
		})
	})
}

// readARO reads a list of samples with a box in the picture. The pictures are in images.
func (s *Set) readARO(path string) error {
	data, err := bounded.ReadFile(path, annotations)
	if err != nil {
		return err
	}
	var samples []struct {
		box
		Image      string   `json:"image_path"`
		Right      string   `json:"true_caption"`
		Wrong      string   `json:"false_caption"`
		Relation   string   `json:"relation_name"`
		Attributes []string `json:"attributes"`
	}
	if err := json.Unmarshal(data, &samples); err != nil {
		return s.wrong("%v", fault.JSON(err))
	}
	for i, sample := range samples {
		at := fmt.Sprint("sample ", i)
		if b := sample.box; b.W < 1 || b.H < 1 || b.W > 1<<16 || b.H > 1<<16 {
			return s.wrong("%s: its box is %d x %d pixels", at, b.W, b.H)
		}
		kind := sample.Relation
		if kind == "" {
			kind = strings.Join(sample.Attributes, "_")
		}
		err := s.add(sampleOf{
			at: at, line: int64(i) + 1, list: path, folder: filepath.Join(filepath.Dir(path), "images"),
			pictures: []string{sample.Image}, captions: []string{sample.Right, sample.Wrong}, kind: kind, box: &samples[i].box,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sampleOf is a sample as a file describes it.
type sampleOf struct {
	at, list, folder, kind string
	line                   int64
	pictures, captions     []string
	box                    *box
}

// add adds a sample. One without a picture's name or a caption can't be meant.
func (s *Set) add(a sampleOf) error {
	for _, c := range a.captions {
		if strings.TrimSpace(c) == "" {
			return s.wrong("%s: a caption is missing or empty", a.at)
		}
	}
	for i, name := range a.pictures {
		if name == "" {
			return s.wrong("%s: it names no picture", a.at)
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return s.wrong("%s: the picture %q is not below %s", a.at, name, filepath.Base(a.folder))
		}
		p := picture{name: name, path: filepath.Join(a.folder, filepath.FromSlash(name)), line: a.line, list: a.list, box: a.box}
		if i == 0 {
			p.captions = a.captions
		}
		s.all = append(s.all, p)
	}
	s.Kinds = append(s.Kinds, a.kind)
	return nil
}
