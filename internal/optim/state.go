package optim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"clipgo/internal/nn"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
)

// Suffixes of the names under which the two moments of a parameter are stored.
const (
	meanSuffix     = ".exp_avg"
	varianceSuffix = ".exp_avg_sq"
	stepsKey       = "steps"
)

// WriteState writes the moments and the step count as a safetensors file. With a Shard all processes call it; that of rank 0 writes the
// moments of all, the others write nothing.
func (o *AdamW) WriteState(w io.Writer) error {
	if !o.shard.alone() {
		return o.writeWhole(w)
	}
	var named []nn.Named
	for i, p := range o.params {
		named = append(named,
			nn.Named{Name: p.Name + meanSuffix, Shape: p.Shape, Tensor: o.moments.Mean[i]},
			nn.Named{Name: p.Name + varianceSuffix, Shape: p.Shape, Tensor: o.moments.Variance[i]})
	}
	var steps int64
	if err := torch.Do(context.Background(), func(*torch.Scope) error { steps = o.count(); return nil }); err != nil {
		return fmt.Errorf("optimizer state: %w", err)
	}
	return nn.WriteTensors(w, named, map[string]string{stepsKey: strconv.FormatInt(steps, 10)})
}

// writeWhole is WriteState with the moments of all processes. It needs the memory of those of one parameter.
func (o *AdamW) writeWhole(w io.Writer) error {
	next := 0 // parameter to collect
	var err error
	if o.shard.Rank == 0 {
		var variance []byte
		err = safetensors.WriteEach(w, o.described(), map[string]string{stepsKey: strconv.FormatInt(o.steps, 10)},
			func(t safetensors.Tensor) (safetensors.Tensor, error) {
				if strings.HasSuffix(t.Name, varianceSuffix) {
					t.Data = variance
				} else {
					next++
					var err error
					if t.Data, variance, err = o.collect(next - 1); err != nil {
						return t, err
					}
				}
				if !t.Finite() {
					return t, &nn.NotFiniteError{Name: t.Name}
				}
				return t, nil
			})
	}
	for ; next < len(o.params); next++ { // also after an error of w, of which the other processes don't know
		if _, _, failed := o.collect(next); failed != nil {
			return errors.Join(err, failed)
		}
	}
	return err
}

// described lists the moments of all parameters without their values.
func (o *AdamW) described() (out []safetensors.Tensor) {
	for _, p := range o.params {
		for _, suffix := range []string{meanSuffix, varianceSuffix} {
			out = append(out, safetensors.Tensor{Name: p.Name + suffix, DType: safetensors.F32, Shape: torch.Int64s(p.Shape)})
		}
	}
	return out
}

// ReadState restores what WriteState wrote; with a Shard, this process's part of it. It runs inside torch.Do.
func (o *AdamW) ReadState(file *safetensors.File) error {
	steps, err := strconv.ParseInt(file.Metadata()[stepsKey], 10, 64)
	if err != nil {
		return fmt.Errorf("optimizer state: step count: %w", err)
	}
	for i, p := range o.params {
		if !o.owned(i) {
			continue
		}
		mean, ok1 := file.Tensor(p.Name + meanSuffix)
		variance, ok2 := file.Tensor(p.Name + varianceSuffix)
		if !ok1 || !ok2 || len(mean.Data) != 4*p.Len() || len(variance.Data) != 4*p.Len() {
			return fmt.Errorf("optimizer state: no moments that fit %s", p.Name)
		}
		o.moments.Mean[i].OverwriteInPlace(mean.Data)
		o.moments.Variance[i].OverwriteInPlace(variance.Data)
		if t := o.moments.Touched[i]; t != nil {
			t.OverwriteInPlace(touched(p.Shape[0], mean.Data, variance.Data))
		}
	}
	o.steps, o.ahead.begun = steps, false
	return nil
}

// touched returns a mark for each of a table's n rows: 1 if its moments are not all zero.
func touched(n int, moments ...[]byte) []byte {
	out := make([]byte, n)
	for _, m := range moments {
		width := len(m) / n
		zero := make([]byte, width)
		for r := range out {
			if !bytes.Equal(m[r*width:][:width], zero) {
				out[r] = 1
			}
		}
	}
	return out
}
