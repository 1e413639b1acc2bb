package pickle

import (
	"errors"
	"fmt"
	"strings"

	"clipgo/internal/safetensors"
)

// untyped is a storage that counts bytes; its tensors have their own types.
const untyped safetensors.DType = ""

// storages maps torch's classes of storages to the types of their numbers. safetensors has no type for those in lower case.
var storages = map[global]safetensors.DType{
	"torch.DoubleStorage":          safetensors.F64,
	"torch.FloatStorage":           safetensors.F32,
	"torch.HalfStorage":            safetensors.F16,
	"torch.BFloat16Storage":        safetensors.BF16,
	"torch.LongStorage":            safetensors.I64,
	"torch.IntStorage":             safetensors.I32,
	"torch.ShortStorage":           safetensors.I16,
	"torch.CharStorage":            safetensors.I8,
	"torch.ByteStorage":            safetensors.U8,
	"torch.BoolStorage":            safetensors.Bool,
	"torch.ComplexFloatStorage":    "complex64",
	"torch.ComplexDoubleStorage":   "complex128",
	"torch.UntypedStorage":         untyped,
	"torch.storage.UntypedStorage": untyped,
}

// dtypes are the types that torch names by themselves.
var dtypes = map[global]safetensors.DType{
	"torch.float64":       safetensors.F64,
	"torch.float32":       safetensors.F32,
	"torch.float16":       safetensors.F16,
	"torch.bfloat16":      safetensors.BF16,
	"torch.int64":         safetensors.I64,
	"torch.int32":         safetensors.I32,
	"torch.int16":         safetensors.I16,
	"torch.int8":          safetensors.I8,
	"torch.uint8":         safetensors.U8,
	"torch.bool":          safetensors.Bool,
	"torch.uint16":        "uint16",
	"torch.uint32":        "uint32",
	"torch.uint64":        "uint64",
	"torch.complex64":     "complex64",
	"torch.complex128":    "complex128",
	"torch.float8_e4m3fn": "float8_e4m3fn",
	"torch.float8_e5m2":   "float8_e5m2",
}

// functions are the functions that a pickle may call, implemented in Go.
var functions = map[global]func(args tuple) (any, error){
	"torch._utils._rebuild_tensor":               rebuildTensor,
	"torch._utils._rebuild_tensor_v2":            rebuildTensor,
	"torch._utils._rebuild_tensor_v3":            rebuildTyped,
	"torch._utils._rebuild_parameter":            first,
	"torch._utils._rebuild_parameter_with_state": first,
	"torch.jit._pickle.restore_type_tag":         first,
	"torch.jit._pickle.build_intlist":            first,
	"torch.jit._pickle.build_doublelist":         first,
	"torch.jit._pickle.build_boollist":           first,
	"torch.jit._pickle.build_tensorlist":         first,
	"torch.Size":                                 first,
	"torch.device":                               func(tuple) (any, error) { return opaque{}, nil },
	"collections.OrderedDict":                    orderedDict,
	"numpy.core.multiarray.scalar":               numpyScalar, // NumPy 1
	"numpy._core.multiarray.scalar":              numpyScalar, // NumPy 2
	"numpy.dtype":                                numpyType,
	"_codecs.encode":                             encode,
	"builtins.bytes":                             noBytes,
	"__builtin__.bytes":                          noBytes,
}

func known(g global) bool {
	_, storage := storages[g]
	_, dtype := dtypes[g]
	_, function := functions[g]
	return storage || dtype || function || script(g)
}

// script reports whether a class is TorchScript's. Its code is in the archive and is never read.
func script(g global) bool { return strings.HasPrefix(string(g), "__torch__.") }

func (m *machine) call(callee, args any) any {
	g, isName := callee.(global)
	values, isTuple := args.(tuple)
	do, ok := functions[g]
	if m.err != nil {
		return nil
	}
	if f, ok := callee.(foreign); ok {
		m.spend(32)
		return f
	}
	if !isName || !isTuple || !ok {
		m.fail(fmt.Errorf("it calls what is not a function (%.80v)", g))
		return nil
	}
	m.spend(96)
	v, err := do(values)
	if err != nil {
		if f, ok := made(values); ok {
			return f
		}
		m.fail(fmt.Errorf("%s: %w", g, err))
	}
	if b, ok := v.(raw); ok {
		m.spend(len(b))
	}
	return v
}

// made finds the foreign value that a call's arguments depend on.
func made(args tuple) (foreign, bool) {
	for _, v := range args {
		if f, ok := v.(foreign); ok {
			return f, true
		}
		inner, _ := v.(tuple)
		for _, v := range inner[:min(len(inner), maxRank)] {
			if f, ok := v.(foreign); ok {
				return f, true
			}
		}
	}
	return "", false
}

// instance creates an empty record for a TorchScript class.
func (m *machine) instance(class, args any) any {
	if f, ok := class.(foreign); ok {
		m.spend(32)
		return f
	}
	g, ok := class.(global)
	if values, isTuple := args.(tuple); !ok || !script(g) || !isTuple || len(values) > 0 {
		m.fail(errors.New("it makes an instance of what is not a class of TorchScript"))
	}
	m.spend(64)
	return &object{class: g}
}

// build sets the attributes of a record. Attributes of a dict (the versions of the modules) are not weights and are ignored.
func (m *machine) build(v, state any) {
	switch v := v.(type) {
	case *object:
		v.state, _ = state.(*dict) // other state is that of a class which saves itself
	case *scalarType:
		v.order(state)
	case *dict, foreign:
	default:
		m.fail(errors.New("it gives attributes to what has none"))
	}
}

func first(args tuple) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("no arguments")
	}
	return args[0], nil
}

func orderedDict(args tuple) (any, error) {
	if len(args) > 0 {
		return nil, errors.New("its items are given as a list, as Python 2 did")
	}
	return &dict{}, nil
}
