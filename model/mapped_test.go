package model_test

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/weights"
)

// spoiled is a set in which the last number of every tensor of one tower is NaN.
type spoiled struct {
	model.OpenSet
	tower string // prefix of its names
}

func (s spoiled) Tensor(name string) (safetensors.Tensor, bool) {
	t, ok := s.OpenSet.Tensor(name)
	if ok && strings.HasPrefix(name, s.tower) && t.DType == safetensors.F32 {
		t.Data = append([]byte(nil), t.Data...)
		binary.LittleEndian.PutUint32(t.Data[len(t.Data)-4:], math.Float32bits(float32(math.NaN())))
	}
	return t, ok
}

// A tower by itself has the bits that it has in the whole model, and nothing of the other one is read.
func TestATowerByItselfGivesTheSameBits(t *testing.T) {
	torchtest.Need(t)
	each(t, "clip-*/model.safetensors", func(t *testing.T, path string, inputs map[string]golden.Tensor) {
		whole := modeltest.LoadFixture(t, filepath.Dir(path), torch.Float32)
		image, text := features(t, whole, inputs)
		open := func() model.OpenSet {
			w, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		words := mappedModel(t, whole.Config, spoiled{open(), "visual."}, model.TextTower)
		pictures := mappedModel(t, whole.Config, spoiled{open(), wordsOf(whole)}, model.ImageTower)
		torchtest.Run(t, func(s *torch.Scope) {
			in := inputs["images"]
			modeltest.Near(t, "image", pictures.Image().Forward(torch.From(s, in.F32, in.Shape...), pictures.Mode()).Unit().Float32s(),
				image, golden.Tol{})
			ids := inputs["tokens"]
			modeltest.Near(t, "text", words.Text().Forward(s, modeltest.Narrow(ids.I64), ids.Shape[0], words.Mode()).Unit().Float32s(),
				text, golden.Tol{})
		})
		for tower, only := range map[string]model.Towers{"visual.": model.ImageTower, wordsOf(whole): model.TextTower} {
			for _, towers := range []model.Towers{only, model.BothTowers} {
				if _, err := model.Check(whole.Config, spoiled{open(), tower}, towers); err == nil ||
					!strings.Contains(err.Error(), "not a finite number") {
					t.Errorf("NaN in %s, towers %d: %v", tower, towers, err)
				}
			}
		}
	})
}

// emptied is a set in which some tensors are zeros throughout.
type emptied struct {
	model.OpenSet
	part string // of their names
}

func (s emptied) Tensor(name string) (safetensors.Tensor, bool) {
	t, ok := s.OpenSet.Tensor(name)
	if strings.Contains(name, s.part) {
		t.Data = make([]byte, len(t.Data))
	}
	return t, ok
}

// A file that was never filled loads without complaint otherwise, and gives every input the same features. Zeros elsewhere may be meant.
func TestTowersOfZerosAreRefused(t *testing.T) {
	each(t, "clip-*/model.safetensors", func(t *testing.T, path string, _ map[string]golden.Tensor) {
		c := modeltest.LoadFixture(t, filepath.Dir(path), torch.Float32).Config
		for part, want := range map[string]string{
			"": "visual.proj", "visual.conv1.weight": "visual.conv1.weight", "text_projection": "text_projection",
			"token_embedding": "token_embedding.weight", "c_proj.weight": "", "bias": "",
		} {
			w, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = model.Check(c, emptied{w, part}, model.BothTowers)
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), "nothing but zeros") ||
				!strings.Contains(err.Error(), want)) {
				t.Errorf("zeros in %q: %v", part, err)
			}
		}
	})
}

// wordsOf is a prefix of names of the text tower.
func wordsOf(m *model.Model) string {
	if m.Config.CustomText || m.Config.Multimodal != nil {
		return "text."
	}
	return "transformer."
}
