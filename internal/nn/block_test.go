package nn

import "math"

// matrix is a parameter or activation in the plain oracle.
type matrix [][]float64

func (p *Params) matrix(name string) matrix {
	for _, q := range p.list {
		if q.Name != name {
			continue
		}
		values, cols := q.tensor.Float32s(), q.Shape[len(q.Shape)-1]
		return rows(values, cols)
	}
	panic("no parameter " + name)
}

func rows(values []float32, cols int) matrix {
	var m matrix
	for i := 0; i < len(values); i += cols {
		row := make([]float64, cols)
		for j := range row {
			row[j] = float64(values[i+j])
		}
		m = append(m, row)
	}
	return m
}

func (m matrix) linear(w, b matrix) matrix {
	var out matrix
	for _, x := range m {
		row := make([]float64, len(w))
		for o := range w {
			row[o] = b[0][o]
			for i := range x {
				row[o] += x[i] * w[o][i]
			}
		}
		out = append(out, row)
	}
	return out
}

func (m matrix) norm(w, b matrix) matrix { return m.normWith(w, b, 1e-5) }

func (m matrix) normWith(w, b matrix, eps float64) matrix {
	var out matrix
	for _, x := range m {
		n := float64(len(x))
		var mean, square float64
		for _, v := range x {
			mean += v / n
		}
		for _, v := range x {
			square += (v - mean) * (v - mean) / n
		}
		row := make([]float64, len(x))
		for i, v := range x {
			row[i] = (v-mean)/math.Sqrt(square+eps)*w[0][i] + b[0][i]
		}
		out = append(out, row)
	}
	return out
}

// add is m + scale*y, with one factor a column.
func (m matrix) add(y matrix, scale float64) matrix {
	for i := range m {
		for j := range m[i] {
			m[i][j] += scale * y[i][j]
		}
	}
	return m
}

// attend is self-attention among all rows; qkv holds queries, keys, values side by side.
func attend(qkv matrix, heads int) matrix {
	width := len(qkv[0]) / 3
	h := width / heads
	out := make(matrix, len(qkv))
	for i := range qkv {
		out[i] = make([]float64, width)
		for n := range heads {
			var total float64
			for j := range qkv {
				var dot float64
				for k := range h {
					dot += qkv[i][n*h+k] * qkv[j][width+n*h+k]
				}
				weight := math.Exp(dot / math.Sqrt(float64(h)))
				total += weight
				for k := range h {
					out[i][n*h+k] += weight * qkv[j][2*width+n*h+k]
				}
			}
			for k := range h {
				out[i][n*h+k] /= total
			}
		}
	}
	return out
}

// plainBlock is a pre-norm block with QuickGELU and layer scale gamma on one sequence of length l.
func plainBlock(p *Params, values []float32, l, heads int, gamma float64) []float64 {
	const at = "resblocks.0."
	x := rows(values, len(values)/l)
	qkv := x.norm(p.matrix(at+"ln_1.weight"), p.matrix(at+"ln_1.bias")).
		linear(p.matrix(at+"attn.in_proj_weight"), p.matrix(at+"attn.in_proj_bias"))
	x = x.add(attend(qkv, heads).linear(p.matrix(at+"attn.out_proj.weight"), p.matrix(at+"attn.out_proj.bias")), gamma)
	up := x.norm(p.matrix(at+"ln_2.weight"), p.matrix(at+"ln_2.bias")).linear(p.matrix(at+"mlp.c_fc.weight"), p.matrix(at+"mlp.c_fc.bias"))
	for i := range up {
		for j, v := range up[i] {
			up[i][j] = v / (1 + math.Exp(-1.702*v))
		}
	}
	x = x.add(up.linear(p.matrix(at+"mlp.c_proj.weight"), p.matrix(at+"mlp.c_proj.bias")), gamma)
	var out []float64
	for _, row := range x {
		out = append(out, row...)
	}
	return out
}
