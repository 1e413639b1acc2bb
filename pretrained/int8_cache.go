package pretrained

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"clipgo/internal/durable"
	"clipgo/internal/paths"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/model"
)

// int8Format is written into each file of 8-bit forms; a file with another one is made again.
const int8Format = "clipgo int8 1"

// int8Cache is the file that keeps the 8-bit forms of a model: beside its weights, or in the user's cache if that folder can't be written
// to or has a manifest of its files.
type int8Cache struct {
	fingerprint, weights string
	shapes               map[string][2]int
}

// int8Header is the metadata of a file: what was measured, and what tells that it is whole and that the weights are the same.
type int8Header struct {
	Format, Fingerprint string
	Weights             string // size and time of the file of weights; empty: they are in several
	Report              Int8Report
	Checksums           map[string]uint32 // of the arrays of each form
}

func (c *int8Cache) name() string { return "clipgo-" + c.fingerprint[:16] + ".int8" }

// places are the paths at which the file may be, the preferred one first.
func (c *int8Cache) places() []string {
	var out []string
	if dir := filepath.Dir(c.weights); !paths.Exists(filepath.Join(dir, durable.Manifest)) {
		out = append(out, filepath.Join(dir, c.name()))
	}
	if dir, err := os.UserCacheDir(); err == nil {
		out = append(out, filepath.Join(dir, "clipgo", "int8", c.name()))
	}
	return out
}

// stamp tells whether the file of weights is the one that was checked.
func (c *int8Cache) stamp() string {
	st, err := os.Stat(c.weights)
	if err != nil || filepath.Ext(c.weights) == ".json" {
		return ""
	}
	return fmt.Sprint(st.Size(), " ", st.ModTime().UnixNano())
}

// open finds the forms of the towers. If there are none, why says what is wrong with a file that is there.
func (c *int8Cache) open(towers model.Towers) (known *model.Int8, report *Int8Report, why string) {
	for _, path := range c.places() {
		if !paths.Exists(path) {
			continue
		}
		q, r, err := c.read(path, towers)
		if err == nil {
			r.Cache, r.Made = path, false
			return q, r, ""
		}
		why = fmt.Sprintf("%s: %v", path, err)
	}
	return nil, nil, why
}

func (c *int8Cache) read(path string, towers model.Towers) (known *model.Int8, report *Int8Report, err error) {
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, nil, err
	}
	forms := model.Int8Forms{}
	defer func() {
		if err != nil {
			forms.Free()
			file.Close() // read only: there is nothing to lose
		}
	}()
	var h int8Header
	if err := json.Unmarshal([]byte(file.Metadata()["clipgo"]), &h); err != nil || h.Format != int8Format {
		return nil, nil, fmt.Errorf("it is not of this version of clipgo")
	}
	if h.Fingerprint != c.fingerprint {
		return nil, nil, fmt.Errorf("it is of another model")
	}
	kept := map[string]bool{}
	for _, name := range h.Report.Kept {
		kept[name] = true
	}
	for name, shape := range c.shapes {
		if kept[name] || !towers.Need(name) {
			continue
		}
		a, sum := arraysOf(file, name)
		if want, ok := h.Checksums[name]; !ok || want != sum {
			return nil, nil, fmt.Errorf("%s is damaged", name)
		}
		if forms[name], err = torch.Int8Of(shape[0], shape[1], a); err != nil {
			delete(forms, name)
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	stamp := c.stamp()
	return &model.Int8{Forms: forms, Sound: stamp != "" && stamp == h.Weights, Release: func() { file.Close() }}, &h.Report, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// arraysOf reads the arrays of a form; those that are missing are empty.
func arraysOf(file *safetensors.File, name string) (a torch.Int8Arrays, sum uint32) {
	for suffix, to := range map[string]*[]byte{".packed": &a.Packed, ".scales": &a.Scales, ".sums": &a.Sums} {
		if t, ok := file.Tensor(name + suffix); ok {
			*to = t.Data
		}
	}
	return a, checksum(a)
}

func checksum(a torch.Int8Arrays) (sum uint32) {
	for _, part := range [][]byte{a.Packed, a.Scales, a.Sums} {
		sum = crc32.Update(sum, castagnoli, part)
	}
	return sum
}

// write keeps forms in the first place that can be written to, and returns its path.
func (c *int8Cache) write(forms model.Int8Forms, report Int8Report) (path string, err error) {
	h := int8Header{Format: int8Format, Fingerprint: c.fingerprint, Weights: c.stamp(), Report: report, Checksums: map[string]uint32{}}
	var tensors, small []safetensors.Tensor
	for _, name := range forms.Names() {
		a := forms[name].Arrays()
		h.Checksums[name] = checksum(a)
		add := func(to *[]safetensors.Tensor, suffix string, d safetensors.DType, data []byte) {
			*to = append(*to, safetensors.Tensor{Name: name + suffix, DType: d, Shape: []int64{int64(len(data)) / d.Size()}, Data: data})
		}
		add(&tensors, ".packed", safetensors.I8, a.Packed)
		add(&small, ".scales", safetensors.F32, a.Scales)
		add(&small, ".sums", safetensors.I32, a.Sums)
	}
	header, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	err = os.ErrNotExist
	for _, path := range c.places() {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			continue
		}
		if err = durable.WriteFile(path, 0o644, func(w io.Writer) error {
			return safetensors.Write(w, append(tensors, small...), map[string]string{"clipgo": string(header)})
		}); err == nil {
			return path, nil
		}
	}
	return "", err
}
