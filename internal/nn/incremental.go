package nn

import "clipgo/internal/torch"

// Extend computes attention for new positions x [B, L, D] with a cache of keys and values, past [B, N, P, H]. It returns the
// output [B, L, D] and the cache of all P+L positions. mask [L, P+L] is added to the scores; nil: every new position attends to all.
//
// B batch, L new positions, P past ones, D width, N heads, H head width.
func (a *Attention) Extend(xBLD *torch.Tensor, past KV, mask *torch.Tensor) (*torch.Tensor, KV) {
	shape := xBLD.Shape()
	b, l, d := shape[0], shape[1], shape[2]
	qkv := linear(xBLD, a.inWeight, a.inBias).Reshape(b, l, 3, a.heads, d/a.heads).Permute(2, 0, 3, 1, 4) // 3BNLH
	now := KV{qkv.Select(0, 1), qkv.Select(0, 2)}
	if past.Keys != nil {
		now = KV{torch.Cat(2, past.Keys, now.Keys), torch.Cat(2, past.Values, now.Values)}
	}
	yBNLH := torch.Attention(qkv.Select(0, 0), now.Keys, now.Values, mask)
	return a.out.Forward(yBNLH.Transpose(1, 2).Reshape(b, l, d)), now
}

// Extend is Forward for new positions, with the keys and values of the past ones.
func (b *Block) Extend(x *torch.Tensor, past KV, mask *torch.Tensor) (*torch.Tensor, KV) {
	y, now := b.attn.Extend(b.ln1.Forward(x), past, mask)
	x = x.Add(b.scale1.Forward(y))
	return x.Add(b.scale2.Forward(b.mlp.Forward(b.ln2.Forward(x)))), now
}

// Extend is Forward for new positions. past has the cached keys and values of each block; it is nil at the beginning.
func (t *Transformer) Extend(x *torch.Tensor, past []KV, mask *torch.Tensor) (*torch.Tensor, []KV) {
	now := make([]KV, len(t.blocks))
	for i, b := range t.blocks {
		x, now[i] = b.Extend(x, before(past, i), mask)
	}
	return x, now
}

func before(past []KV, i int) KV {
	if past == nil {
		return KV{}
	}
	return past[i]
}

// Rows selects sequences of the batch by an int64 index, as beam search needs it.
func (kv KV) Rows(index *torch.Tensor) KV { return KV{kv.Keys.Rows(index), kv.Values.Rows(index)} }

// Keep moves keys and values to a scope that outlives their own.
func (kv KV) Keep(s *torch.Scope) KV { return KV{s.Keep(kv.Keys), s.Keep(kv.Values)} }
