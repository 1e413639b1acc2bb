// Package nn holds the modules of both towers: named parameters, linear layers, layer norms, attention, transformer blocks.
//
// A layer is declared first and filled later. Declaring needs no libtorch and no memory, so the size of any architecture is known
// without allocating it.
package nn

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"

	"clipgo/internal/torch"
)

// Init fills a parameter's initial values from a random generator of the parameter's own.
type Init func(rng *rand.Rand, values []float32)

// Param is a named parameter. Its name is the key of open_clip's state dict.
type Param struct {
	Name  string
	Shape []int
	// Table marks an embedding table [V, D]: its gradient is sparse and has only the rows that the batch uses.
	Table bool
	// Fixed marks a constant that open_clip keeps in its state dict (requires_grad is false).
	Fixed    bool
	init     Init
	tensor   *torch.Tensor
	replicas []*torch.Tensor // this step's gradient replicas of the master, for each lane except the first

	lowCopy   *torch.Tensor // the master in the forward pass's type; nil until a pass needs it
	changes   int64         // the master's version to which the copy is equal
	requested atomic.Int32  // the type of which a lane lacked a copy; 0: none

	maps  int         // of a block's matrix; see Maps
	int8  *torch.Int8 // nil: none
	watch func(y, difference *torch.Tensor)
}

// Tensor is the parameter's master (float32, or the set's DType), nil until Fill. It belongs to a sealed scope.
func (p *Param) Tensor() *torch.Tensor { return p.tensor }

// In is the master as an operand bound to scope s. In a lane it is the lane's gradient replica.
func (p *Param) In(s *torch.Scope) *torch.Tensor { return p.master(s).In(s) }

func (p *Param) master(s *torch.Scope) *torch.Tensor {
	if lane := s.Lane(); lane > 0 && len(p.replicas) > 0 {
		return p.replicas[lane-1]
	}
	return p.tensor
}

// Len is the number of values.
func (p *Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Maps is the number of linear maps that a matrix of a transformer block has below each other: 3 for the queries, keys and values of
// attention, otherwise 1. It is 0 for every other parameter.
func (p *Param) Maps() int { return p.maps }

// Params is an ordered set of parameters with distinct names.
type Params struct {
	// DType is the masters' type; 0 is Float32. Tests use Float64.
	DType torch.DType
	list  []*Param
	names map[string]bool
	scope *torch.Scope
}

// Path is a place in the tree of names at which parameters are declared.
type Path struct {
	params *Params
	prefix string
}

// NewParams makes an empty set.
func NewParams() *Params { return &Params{names: map[string]bool{}} }

// Root is the top of the tree of names.
func (p *Params) Root() Path { return Path{params: p} }

// At is the place name below this one.
func (p Path) At(name string) Path { return Path{params: p.params, prefix: p.prefix + name + "."} }

// Declare adds a parameter. Declaring a name twice is a mistake in the program and panics.
func (p Path) Declare(name string, init Init, shape ...int) *Param {
	full := p.prefix + name
	if p.params.names[full] {
		panic("nn: parameter declared twice: " + full)
	}
	p.params.names[full] = true
	param := &Param{Name: full, Shape: shape, init: init}
	p.params.list = append(p.params.list, param)
	return param
}

// DeclareTable is Declare for a table of rows [V, D] that is read by Embedding.
func (p Path) DeclareTable(name string, init Init, rows, width int) *Param {
	param := p.Declare(name, init, rows, width)
	param.Table = true
	return param
}

// All lists the parameters in order of declaration.
func (p *Params) All() []*Param { return p.list }

// Count is the number of values in all parameters.
func (p *Params) Count() int64 {
	var n int64
	for _, q := range p.list {
		n += int64(q.Len())
	}
	return n
}

// DenseCount is Count without embedding tables, since a step updates few of their rows.
func (p *Params) DenseCount() int64 {
	var n int64
	for _, q := range p.list {
		if !q.Table {
			n += int64(q.Len())
		}
	}
	return n
}

// Fill allocates every parameter on a device and initializes it. The values depend only on the seed and the parameter's name. Call it
// once, inside torch.Do.
func (p *Params) Fill(seed uint64, device torch.Device) {
	p.FillFrom(device, func(q *Param) []byte {
		values := make([]float32, q.Len())
		q.init(generator(seed, q.Name), values)
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
	})
}

// FillFrom is Fill with given float32 values, little endian and row-major.
func (p *Params) FillFrom(device torch.Device, values func(*Param) []byte) {
	p.scope = torch.NewScope()
	for _, q := range p.list {
		q.tensor = torch.FromBytes(p.scope, values(q), torch.Float32, device, q.Shape...)
		if p.DType == torch.Float64 {
			q.tensor = q.tensor.To(torch.Float64)
		}
		if !q.Fixed {
			q.tensor.Trainable()
		}
	}
	p.scope.Seal()
}

// FillMapped is FillFrom on the CPU without a copy, for a model that is not trained. The caller owns the values and must not move, change
// or free them before Free. A parameter whose values are nil gets no memory, and using it panics.
func (p *Params) FillMapped(values func(*Param) []byte) {
	p.scope = torch.NewScope()
	for _, q := range p.list {
		data := values(q)
		if data == nil {
			continue
		}
		if len(data) != 4*q.Len() {
			panic(fmt.Sprintf("nn: FillMapped: %d bytes for %s %v", len(data), q.Name, q.Shape))
		}
		q.tensor = torch.View(p.scope, unsafe.Pointer(unsafe.SliceData(data)), torch.Float32, q.Shape...)
	}
	p.scope.Seal()
}

// Tensors lists the masters in order.
func (p *Params) Tensors() []*torch.Tensor {
	out := make([]*torch.Tensor, len(p.list))
	for i, q := range p.list {
		out[i] = q.tensor
	}
	return out
}

// Split prepares the parameters for a pass in lanes. If the pass records a graph, each lane except the first gets gradient replicas
// of the trained parameters, until the step ends; otherwise all lanes read the masters.
func (p *Params) Split(lanes *torch.Lanes) {
	p.RefreshCopies()
	for _, q := range p.list {
		q.replicas = nil
		for _, s := range lanes.Others() {
			if lanes.Record() && q.Trained() {
				q.replicas = append(q.replicas, q.tensor.GradReplica(s))
			}
		}
	}
}

// GatherRows coalesces the sparse gradients of tables in s's lane, so that each row occurs once. Without it, a step of many passes
// keeps a gradient entry for every lookup.
func (p *Params) GatherRows(s *torch.Scope) {
	var tables []*torch.Tensor
	for _, q := range p.list {
		if q.Table && q.Trained() {
			tables = append(tables, q.master(s))
		}
	}
	torch.GatherRows(tables)
}

// Join adds the replicas' gradients to the masters', lane by lane in order, so that the sums are reproducible.
func (p *Params) Join(lanes *torch.Lanes) {
	for i := range lanes.Others() {
		var masters, replicas []*torch.Tensor
		for _, q := range p.list {
			if len(q.replicas) > 0 {
				masters, replicas = append(masters, q.tensor), append(replicas, q.replicas[i])
			}
		}
		torch.AddGradients(masters, replicas)
	}
}

// Free gives the memory back.
func (p *Params) Free() {
	if p.scope != nil {
		p.scope.Free()
	}
}

func generator(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, name)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// Normal draws from a normal distribution around 0.
func Normal(std float64) Init {
	return func(rng *rand.Rand, values []float32) {
		for i := range values {
			values[i] = float32(rng.NormFloat64() * std)
		}
	}
}

// TruncatedNormal draws from a normal distribution around 0 and draws values beyond two standard deviations again.
func TruncatedNormal(std float64) Init {
	return func(rng *rand.Rand, values []float32) {
		for i := range values {
			v := rng.NormFloat64()
			for math.Abs(v) > 2 {
				v = rng.NormFloat64()
			}
			values[i] = float32(v * std)
		}
	}
}

// Uniform draws from the uniform distribution over [-bound, bound].
func Uniform(bound float64) Init {
	return func(rng *rand.Rand, values []float32) {
		for i := range values {
			values[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
}

// Constant sets every value to v.
func Constant(v float64) Init {
	return func(_ *rand.Rand, values []float32) {
		for i := range values {
			values[i] = float32(v)
		}
	}
}

// Values copies the given values.
func Values(table []float32) Init {
	return func(_ *rand.Rand, values []float32) { copy(values, table) }
}

// FanIn is PyTorch's default for linear and convolution layers: uniform within 1/sqrt(fan-in).
func FanIn(fanIn int) Init { return Uniform(1 / math.Sqrt(float64(fanIn))) }

// Xavier is Glorot's uniform distribution for a matrix [out, in].
func Xavier(out, in int) Init { return Uniform(math.Sqrt(6 / float64(out+in))) }
