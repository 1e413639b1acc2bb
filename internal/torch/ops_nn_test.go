package torch_test

import (
	"math"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

func inScope(t *testing.T, f func(s *torch.Scope)) {
	t.Helper()
	torchtest.Run(t, f)
}

func TestLayersMatchPlainLoops(t *testing.T) {
	linear := func(x []array, i []int) float64 {
		in := x[1].shape[1]
		return sum(in, func(k int) float64 { return x[0].at(i[0], i[1], k) * x[1].at(i[2], k) })
	}
	checkAll(t, []opCase{
		{"Linear", [][]int{{2, 3, 4}, {5, 4}, {5}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Linear(x[1], x[2]) },
			func(x []array) array {
				return build([]int{2, 3, 5}, func(i []int) float64 { return linear(x, i) + x[2].at(i[2]) })
			}},
		{"Linear/no bias", [][]int{{2, 3, 4}, {5, 4}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Linear(x[1], nil) },
			func(x []array) array {
				return build([]int{2, 3, 5}, func(i []int) float64 { return linear(x, i) })
			}},
		{"Linear/empty", [][]int{{0, 3, 4}, {5, 4}, {5}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Linear(x[1], x[2]) },
			func([]array) array { return array{shape: []int{0, 3, 5}} }},
		{"LayerNorm", [][]int{{2, 3, 8}, {8}, {8}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].LayerNorm(x[1], x[2], 1e-5) },
			layerNorm(1e-5)},
		{"LayerNorm/large eps", [][]int{{1, 1, 4}, {4}, {4}},
			func(x []*torch.Tensor) *torch.Tensor { return x[0].LayerNorm(x[1], x[2], 0.5) }, layerNorm(0.5)},
		{"LayerNorm/one", [][]int{{2, 1, 1}, {1}, {1}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].LayerNorm(x[1], x[2], 0.5) },
			layerNorm(0.5)},
		{"Embedding", [][]int{{5, 3}}, func(x []*torch.Tensor) *torch.Tensor {
			return x[0].Embedding(torch.From(x[0].Scope(), []int64{4, 0, 2, 4}, 2, 2))
		}, func(x []array) array {
			ids := [][]int{{4, 0}, {2, 4}}
			return build([]int{2, 2, 3}, func(i []int) float64 { return x[0].at(ids[i[0]][i[1]], i[2]) })
		}},
		{"Conv2d", [][]int{{2, 3, 6, 6}, {4, 3, 2, 2}, {4}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Conv2d(x[1], x[2], 2) },
			func(x []array) array { return convolve(x, []int{2, 4, 3, 3}, 2) }},
		{"Conv2d/no bias, overlapping", [][]int{{1, 2, 5, 5}, {3, 2, 3, 3}},
			func(x []*torch.Tensor) *torch.Tensor { return x[0].Conv2d(x[1], nil, 1) },
			func(x []array) array { return convolve(x, []int{1, 3, 3, 3}, 1) }},
	})
}

func layerNorm(eps float64) func(x []array) array {
	return func(x []array) array {
		return build(x[0].shape, func(i []int) float64 {
			n := x[0].shape[2]
			mean := sum(n, func(k int) float64 { return x[0].at(i[0], i[1], k) }) / float64(n)
			variance := sum(n, func(k int) float64 { return math.Pow(x[0].at(i[0], i[1], k)-mean, 2) }) / float64(n)
			return (x[0].at(i...)-mean)/math.Sqrt(variance+eps)*x[1].at(i[2]) + x[2].at(i[2])
		})
	}
}

func convolve(x []array, shape []int, stride int) array {
	in, k := x[1].shape[1], x[1].shape[2]
	return build(shape, func(i []int) float64 {
		v := sum(in*k*k, func(n int) float64 {
			c, dy, dx := n/(k*k), n/k%k, n%k
			return x[0].at(i[0], c, i[2]*stride+dy, i[3]*stride+dx) * x[1].at(i[1], c, dy, dx)
		})
		if len(x) > 2 {
			v += x[2].at(i[1])
		}
		return v
	})
}

func TestSelfAttentionMatchesPlainLoops(t *testing.T) {
	later := func(from, to int) bool { return to > from }
	var cases []opCase
	for _, c := range []struct {
		name           string
		b, l, n, width int // batch, length, heads, width of a head
		hidden         func(from, to int) bool
	}{
		{"open", 2, 4, 3, 5, nil},
		{"causal", 2, 4, 3, 5, later},
		{"one token", 1, 1, 2, 3, nil},
		{"whole vectors of a head", 1, 4, 1, 32, nil}, // the loops take 16 numbers at a time, and the rest one by one
		{"vectors and a rest", 1, 3, 1, 18, later},
		{"two vectors of scores", 1, 17, 1, 2, later},
	} {
		packed, model := []int{c.b, c.l, 3 * c.n * c.width}, c.n*c.width
		cases = append(cases, opCase{c.name, [][]int{packed}, func(x []*torch.Tensor) *torch.Tensor {
			return x[0].SelfAttention(c.n, maskOf(x[0], c.l, c.hidden))
		}, func(x []array) array {
			return build([]int{c.b, c.l, model}, func(i []int) float64 {
				head := i[2] / c.width * c.width
				weight := func(to int) float64 {
					if c.hidden != nil && c.hidden(i[1], to) {
						return 0
					}
					dot := sum(c.width, func(k int) float64 { return x[0].at(i[0], i[1], head+k) * x[0].at(i[0], to, model+head+k) })
					return math.Exp(dot / math.Sqrt(float64(c.width)))
				}
				return sum(c.l, func(to int) float64 { return weight(to) * x[0].at(i[0], to, 2*model+i[2]) }) / sum(c.l, weight)
			})
		}})
	}
	checkAll(t, cases)
}

func TestSingleQueryAttentionMatchesPlainLoops(t *testing.T) {
	var cases []opCase
	for _, c := range []struct {
		name           string
		b, l, n, width int   // batch, length, heads, width of a head
		last           []int // the last token that each sequence's query attends to; nil: it attends to all
	}{
		{"open", 2, 4, 3, 5, nil}, {"masked", 3, 4, 3, 5, []int{1, 0, 3}}, {"one token", 1, 1, 2, 3, nil},
		{"whole vectors of a head", 1, 4, 1, 32, nil}, {"two vectors of scores", 1, 17, 1, 2, []int{16}},
	} {
		model := c.n * c.width
		hidden := func(b, to int) bool { return c.last != nil && to > c.last[b] }
		cases = append(cases, opCase{c.name, [][]int{{c.b, model}, {c.b, c.l, 2 * model}}, func(x []*torch.Tensor) *torch.Tensor {
			return torch.SingleQueryAttention(x[0], x[1], c.n, rowsOf(x[0], c.b, c.l, hidden))
		}, func(x []array) array {
			return build([]int{c.b, model}, func(i []int) float64 {
				head := i[1] / c.width * c.width
				weight := func(to int) float64 {
					if hidden(i[0], to) {
						return 0
					}
					dot := sum(c.width, func(k int) float64 { return x[0].at(i[0], head+k) * x[1].at(i[0], to, head+k) })
					return math.Exp(dot / math.Sqrt(float64(c.width)))
				}
				return sum(c.l, func(to int) float64 { return weight(to) * x[1].at(i[0], to, model+i[1]) }) / sum(c.l, weight)
			})
		}})
	}
	checkAll(t, cases)
}

// rowsOf is minus infinity where hidden says so, [b, l], in x's type.
func rowsOf(x *torch.Tensor, b, l int, hidden func(b, to int) bool) *torch.Tensor {
	mask := build([]int{b, l}, func(i []int) float64 {
		if hidden(i[0], i[1]) {
			return math.Inf(-1)
		}
		return 0
	})
	return torch.From(x.Scope(), mask.v, b, l).To(x.DType())
}

// maskOf is minus infinity where hidden says so, [l, l], in x's type; nil for nothing hidden.
func maskOf(x *torch.Tensor, l int, hidden func(from, to int) bool) *torch.Tensor {
	if hidden == nil {
		return nil
	}
	mask := build([]int{l, l}, func(i []int) float64 {
		if hidden(i[0], i[1]) {
			return math.Inf(-1)
		}
		return 0
	})
	return torch.From(x.Scope(), mask.v, l, l).To(x.DType())
}

func TestCrossEntropyMatchesPlainLoops(t *testing.T) {
	var cases []opCase
	for _, c := range []struct {
		name      string
		targets   []int64
		classes   int
		smoothing float64
	}{
		{"plain", []int64{2, 0, 4}, 5, 0}, {"smoothed", []int64{1, 1, 3}, 4, 0.1}, {"one row", []int64{0}, 3, 0.2},
		{"one class", []int64{0, 0}, 1, 0},
	} {
		cases = append(cases, opCase{c.name, [][]int{{len(c.targets), c.classes}}, func(x []*torch.Tensor) *torch.Tensor {
			return x[0].CrossEntropy(torch.From(x[0].Scope(), c.targets, len(c.targets)), c.smoothing)
		}, func(x []array) array {
			share := func(row, class int) float64 {
				s := c.smoothing / float64(c.classes)
				if int64(class) == c.targets[row] {
					s += 1 - c.smoothing
				}
				return s
			}
			return scalarOf(sum(len(c.targets), func(r int) float64 {
				all := math.Log(sum(c.classes, func(k int) float64 { return math.Exp(x[0].at(r, k)) }))
				return sum(c.classes, func(k int) float64 { return share(r, k) * (all - x[0].at(r, k)) })
			}) / float64(len(c.targets)))
		}})
	}
	checkAll(t, cases)
}

// The oracle is the product, and the cross-entropy of all its scores, in float64. A vocabulary has several tiles, the last one
// not full; rows are one block or more; the matrix lies as it is, or as the transpose of a table. In bfloat16 the scores, of order
// 4, are themselves rounded, by 2^-7 at most, and with them all chances.
func TestTheVocabularysLossIsThatOfAllItsScores(t *testing.T) {
	for _, c := range []struct {
		name           string
		rows, d, words int
		smoothing      float64
		table          bool
	}{
		{"one tile", 3, 4, 21, 0, false}, {"smoothed", 5, 4, 37, 0.1, false}, {"of a table", 3, 4, 37, 0.1, true},
		{"tiles", 6, 8, 1100, 0.2, false}, {"blocks", 600, 8, 530, 0.1, true},
	} {
		for _, p := range precisions[1:] {
			t.Run(c.name+" "+p.name, func(t *testing.T) {
				v := vocabulary{targets: make([]int64, c.rows), smoothing: c.smoothing, table: c.table}
				for i := range v.targets {
					v.targets[i] = int64((i*i + 1) * 7919 % c.words)
				}
				in := opCase{name: c.name, shapes: [][]int{{c.rows, c.d}, {c.d, c.words}}}.random()
				if c.table {
					in[1].shape = []int{c.words, c.d}
				}
				for _, a := range in {
					for i := range a.v {
						a.v[i] = p.round(a.v[i])
					}
				}
				torchtest.RunGrad(t, func(s *torch.Scope) {
					want := v.loss(tensors(s, in, torch.Float64))
					for i, got := range v.loss(tensors(s, in, p.dtype)) {
						oracle := array{want[i].Shape(), want[i].Float64s()}
						// a product, then another
						compare(t, []string{"loss", "gradient to rows", "gradient to words"}[i], got, oracle, 2*p.share)
					}
				})
			})
		}
	}
}

type vocabulary struct {
	targets   []int64
	smoothing float64
	table     bool
}

// loss is twice VocabularyLoss over 7, and its gradients to rows and matrix.
func (v vocabulary) loss(in []*torch.Tensor) []*torch.Tensor {
	x, w := in[0].Trainable(), in[1].Trainable()
	words := w
	if v.table {
		words = w.Transpose(0, 1)
	}
	y := x.VocabularyLoss(words, torch.From(x.Scope(), v.targets, len(v.targets)), v.smoothing, 7).Scale(2)
	y.Backward()
	defer torch.DropGradients(in)
	return []*torch.Tensor{y.Detach(), x.Gradient(x.Scope()), w.Gradient(x.Scope())}
}

// Backward adds to what is there until DropGradients.
func TestGradientsAddUpUntilDropped(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		w := torch.From(s, []float64{2, -3}, 2).Trainable()
		if w.Gradient(s) != nil {
			t.Error("a gradient before Backward")
		}
		w.Mul(w).Sum().Backward()
		w.Mul(w).Sum().Backward()
		compare(t, "twice", w.Gradient(s), array{[]int{2}, []float64{8, -12}}, 0)
		torch.DropGradients([]*torch.Tensor{w})
		if w.Gradient(s) != nil {
			t.Error("a gradient after DropGradients")
		}
		w.Detach().Mul(w).Sum().Backward()
		compare(t, "through one factor alone", w.Gradient(s), array{[]int{2}, []float64{2, -3}}, 0)
		torch.DropGradients([]*torch.Tensor{w})
	})
}

func TestIndexingMatchesPlainLoops(t *testing.T) {
	pick := []int{3, 0, 3, 1}
	index := func(x *torch.Tensor, shape ...int) *torch.Tensor {
		return torch.From(x.Scope(), []int64{3, 0, 3, 1}, shape...)
	}
	concat := func(x []array) array {
		return build([]int{2, 6, 2}, func(i []int) float64 {
			switch {
			case i[1] < 3:
				return x[0].at(i...)
			case i[1] < 4:
				return x[1].at(i[0], i[1]-3, i[2])
			default:
				return x[2].at(i[0], i[1]-4, i[2])
			}
		})
	}
	checkAll(t, []opCase{
		{"Reshape", [][]int{{2, 6}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Reshape(3, -1, 2) },
			func(x []array) array { return array{[]int{3, 2, 2}, slices.Clone(x[0].v)} }},
		{"Reshape/to a scalar", [][]int{{1, 1}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Reshape(-1).Select(0, 0) },
			func(x []array) array { return scalarOf(x[0].v[0]) }},
		{"Reshape/of a permuted one", [][]int{{2, 3}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Transpose(0, 1).Reshape(6) },
			func(x []array) array {
				return build([]int{6}, func(i []int) float64 { return x[0].at(i[0]%2, i[0]/2) })
			}},
		{"Permute", [][]int{{2, 3, 4}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Permute(2, 0, 1) },
			func(x []array) array {
				return build([]int{4, 2, 3}, func(i []int) float64 { return x[0].at(i[1], i[2], i[0]) })
			}},
		{"Transpose", [][]int{{2, 3, 4}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Transpose(-1, -2) },
			func(x []array) array {
				return build([]int{2, 4, 3}, func(i []int) float64 { return x[0].at(i[0], i[2], i[1]) })
			}},
		{"Select", [][]int{{2, 3, 4}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Select(1, 2) },
			func(x []array) array {
				return build([]int{2, 4}, func(i []int) float64 { return x[0].at(i[0], 2, i[1]) })
			}},
		{"Narrow", [][]int{{2, 5}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Narrow(1, 1, 3) },
			func(x []array) array {
				return build([]int{2, 3}, func(i []int) float64 { return x[0].at(i[0], i[1]+1) })
			}},
		{"Narrow/to nothing", [][]int{{2, 5}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Narrow(1, 5, 0) },
			func([]array) array { return array{shape: []int{2, 0}} }},
		{"Expand", [][]int{{1, 3}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Expand(4, 3) },
			func(x []array) array { return build([]int{4, 3}, func(i []int) float64 { return x[0].at(0, i[1]) }) }},
		{"Cat", [][]int{{2, 3, 2}, {2, 1, 2}, {2, 2, 2}}, func(x []*torch.Tensor) *torch.Tensor { return torch.Cat(1, x...) }, concat},
		{"Cat/one", [][]int{{2, 3}}, func(x []*torch.Tensor) *torch.Tensor { return torch.Cat(0, x...) },
			func(x []array) array { return x[0].each(func(v float64) float64 { return v }) }},
		{"Cat/with an empty one", [][]int{{2, 3}, {0, 3}}, func(x []*torch.Tensor) *torch.Tensor { return torch.Cat(0, x...) },
			func(x []array) array { return x[0].each(func(v float64) float64 { return v }) }},
		{"Rows", [][]int{{4, 3}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Rows(index(x[0], 4)) },
			func(x []array) array {
				return build([]int{4, 3}, func(i []int) float64 { return x[0].at(pick[i[0]], i[1]) })
			}},
		{"Gather", [][]int{{2, 4}}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Gather(1, index(x[0], 2, 2)) },
			func(x []array) array {
				return build([]int{2, 2}, func(i []int) float64 { return x[0].at(i[0], pick[2*i[0]+i[1]]) })
			}},
	})
}

func TestEyeIsTheIdentity(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		for _, n := range []int{0, 1, 3} {
			for i, v := range torch.Eye(s, n, torch.CPU).Float32s() {
				want := float32(0)
				if i/n == i%n {
					want = 1
				}
				if v != want {
					t.Errorf("%d x %d: element %d is %g", n, n, i, v)
				}
			}
		}
	})
}
