// Package nn holds what both towers are made of: named parameters, linear layers, norms, attention, blocks.
//
// A layer is declared first and filled later: declaring needs no libtorch and no memory, so that the size of any
// architecture is known without building it.
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

// Init fills a parameter's first values from a generator that belongs to that parameter alone.
type Init func(rng *rand.Rand, values []float32)

// Param is a named parameter. Its name is the key of open_clip's state dict.
type Param struct {
	Name  string
	Shape []int
	// Table says that the parameter is read by rows, [V, D]: a step's gradient has only those that its batch names.
	Table bool
	// Fixed says that the parameter is a constant that open_clip keeps among its parameters.
	Fixed  bool
	init   Init
	tensor *torch.Tensor
	twins  []*torch.Tensor // of this step: the master again for each lane behind the first, with a gradient of its own

	copied  *torch.Tensor // the master in the type that passes compute in; nil until one asks
	changes int64         // of the master, up to which the copy has followed it
	wanted  atomic.Int32  // the type that a lane would have liked a copy in; 0: none
}

// Tensor is the parameter's float32 master, nil until Fill. It belongs to a sealed scope.
func (p *Param) Tensor() *torch.Tensor { return p.tensor }

// In is the master as an operand in scope s.
func (p *Param) In(s *torch.Scope) *torch.Tensor { return p.master(s).In(s) }

func (p *Param) master(s *torch.Scope) *torch.Tensor {
	if lane := s.Lane(); lane > 0 && len(p.twins) > 0 {
		return p.twins[lane-1]
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

// Params is an ordered set of parameters with distinct names.
type Params struct {
	// DType is what the masters are made of, Float64 for proofs; 0 is Float32.
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

// DenseCount is Count without tables, of which a step touches few rows.
func (p *Params) DenseCount() int64 {
	var n int64
	for _, q := range p.list {
		if !q.Table {
			n += int64(q.Len())
		}
	}
	return n
}

// Fill gives every parameter memory on a device and its first values, which depend on the seed and the parameter's
// name alone. It runs inside torch.Do, once.
func (p *Params) Fill(seed uint64, device torch.Device) {
	p.FillFrom(device, func(q *Param) []byte {
		values := make([]float32, q.Len())
		q.init(generator(seed, q.Name), values)
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
	})
}

// FillFrom is Fill with float32 values, little endian and row-major, from elsewhere.
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

// FillMapped is FillFrom on the CPU without a copy, for a model that is not trained: the values are the caller's, who neither
// moves, changes nor frees them until Free. A parameter whose values are nil gets no memory: using it panics.
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

// Split readies the parameters for a pass in lanes. Where that records a graph, each lane behind the first gets its own leaves
// over the trained parameters, until the step ends; else every lane reads the masters.
func (p *Params) Split(lanes *torch.Lanes) {
	p.Settle()
	for _, q := range p.list {
		q.twins = nil
		for _, s := range lanes.Others() {
			if lanes.Record() && q.Trained() {
				q.twins = append(q.twins, q.tensor.Twin(s))
			}
		}
	}
}

// GatherRows lets each row of a table stand once in the gradient that the table has collected in s's lane. Without it, a step
// that looks rows up in many passes keeps the gradient of every lookup.
func (p *Params) GatherRows(s *torch.Scope) {
	var tables []*torch.Tensor
	for _, q := range p.list {
		if q.Table && q.Trained() {
			tables = append(tables, q.master(s))
		}
	}
	torch.GatherRows(tables)
}

// Join adds the gradients of those leaves to the masters', lane by lane, so that the sum has the same bits each time.
func (p *Params) Join(lanes *torch.Lanes) {
	for i := range lanes.Others() {
		var masters, twins []*torch.Tensor
		for _, q := range p.list {
			if len(q.twins) > 0 {
				masters, twins = append(masters, q.tensor), append(twins, q.twins[i])
			}
		}
		torch.AddGradients(masters, twins)
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

// TruncatedNormal draws from a normal distribution around 0, and again whatever lies beyond two deviations.
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

// Uniform draws evenly from [-bound, bound].
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

// Values copies a table.
func Values(table []float32) Init {
	return func(_ *rand.Rand, values []float32) { copy(values, table) }
}

// FanIn is PyTorch's default for linear and convolution layers: uniform within 1/sqrt(fan-in).
func FanIn(fanIn int) Init { return Uniform(1 / math.Sqrt(float64(fanIn))) }

// Xavier is Glorot's uniform distribution for a matrix [out, in].
func Xavier(out, in int) Init { return Uniform(math.Sqrt(6 / float64(out+in))) }
