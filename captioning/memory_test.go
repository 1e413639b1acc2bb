package captioning

import (
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/model/modeltest"
)

// scenes are n random pictures of a model's size.
func scenes(c Captioner, n int) []uint8 {
	rng := rand.New(rand.NewPCG(4, uint64(n)))
	out := make([]uint8, n*3*c.Config.Vision.ImageSize*c.Config.Vision.ImageSize)
	for i := range out {
		out[i] = uint8(rng.Uint32())
	}
	return out
}

func captioners(t *testing.T, f func(t *testing.T, x fixture)) {
	fixtures(t, func(t *testing.T, x fixture) {
		x.Preprocess.Size = x.Config.Vision.ImageSize
		f(t, x)
	})
}

// whole is the next token's logits by a forward pass over all of the captions, as in training.
func whole(t *testing.T, x fixture, pixels []uint8, captions [][]int32) []float32 {
	t.Helper()
	var out []float32
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		n, l := len(captions), len(captions[0])
		picture := x.EncodeImageTokens(s, pixels, n, nn.Mode{})
		words := x.EncodeTextTokens(s, slices.Concat(captions...), n, nn.Mode{})
		hidden := x.Decoder().Hidden(words.Tokens, picture.Tokens, nn.Mode{})
		out = x.Decoder().Logits(hidden.Select(1, l-1)).Float32s()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Token by token, with a longer piece first and rows that swap, double and vanish on the way.
func TestTheMemoryGivesTheLogitsOfAWholePass(t *testing.T) {
	captioners(t, func(t *testing.T, x fixture) {
		pixels, live := scenes(x.Captioner, 3), torch.Live()
		size := len(pixels) / 3
		m, err := x.look(t.Context(), pixels, 3)
		if err != nil {
			t.Fatal(err)
		}
		picture := []int{0, 1, 2}
		captions := [][]int32{nil, nil, nil}
		for _, step := range []struct {
			parents []int
			ids     [][]int32
		}{
			{[]int{0, 1, 2}, [][]int32{{254, 9, 8}, {254, 7, 6}, {254, 5, 4}}},
			{[]int{0, 1, 2}, [][]int32{{11}, {12}, {13}}},
			{[]int{2, 0, 0, 1}, [][]int32{{21}, {22}, {23}, {24}}},
			{[]int{3, 0}, [][]int32{{31, 33}, {32, 34}}},
		} {
			var nextPicture []int
			var next [][]int32
			var seen []uint8
			for i, p := range step.parents {
				nextPicture = append(nextPicture, picture[p])
				next = append(next, append(slices.Clone(captions[p]), step.ids[i]...))
				seen = append(seen, pixels[picture[p]*size:(picture[p]+1)*size]...)
			}
			picture, captions = nextPicture, next
			logits, err := m.read(t.Context(), step.parents, step.ids)
			if err != nil {
				t.Fatal(err)
			}
			modeltest.Near(t, "logits", slices.Concat(logits...), whole(t, x, seen, captions), golden.Tol{Abs: 1e-5})
		}
		m.free()
		if torch.Live() != live {
			t.Errorf("%d handles stayed behind", torch.Live()-live)
		}
	})
}

// A batch gives each picture the caption that it gets alone.
func TestABatchWritesWhatEachPictureGetsAlone(t *testing.T) {
	captioners(t, func(t *testing.T, x fixture) {
		const n = 5
		pixels := scenes(x.Captioner, n)
		size := len(pixels) / n
		for _, method := range []Method{Greedy, Beam, TopP} {
			g := Generation{Method: method, Beams: 3, LengthPenalty: 1, TopP: 0.9, Temperature: 0.5, Seed: 3, MinLength: 2,
				MaxLength: 20, Start: 254, End: 255}
			all, err := x.Generate(t.Context(), pixels, n, g)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				g.Offset = i
				one, err := x.Generate(t.Context(), pixels[i*size:(i+1)*size], 1, g)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(all[i].IDs, one[0].IDs) {
					t.Errorf("%s, picture %d: %v in the batch, %v alone", method, i, all[i].IDs, one[0].IDs)
				}
				if len(one[0].IDs) < 2 || len(one[0].IDs) > x.Config.Text.ContextLength-2 {
					t.Errorf("%s: %d tokens", method, len(one[0].IDs))
				}
			}
		}
	})
}
