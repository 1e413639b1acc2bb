package nn

// Naming is the convention by which a state dict names the parameters of a block.
type Naming int

// The conventions of open_clip's own towers and of those that it takes from timm.
const (
	OpenCLIPNames Naming = iota // resblocks.0.attn.in_proj_weight
	TimmNames                   // blocks.0.attn.qkv.weight
)

// partNames are the names of a block's parts, in the order of declaration.
type partNames struct {
	stack, norm1, attnWeight, attnBias, attnOut, scale1, norm2, up, down, scale2 string
}

func (n Naming) parts() partNames {
	if n == TimmNames {
		return partNames{"blocks", "norm1", "qkv.weight", "qkv.bias", "proj", "ls1", "norm2", "fc1", "fc2", "ls2"}
	}
	return partNames{"resblocks", "ln_1", "in_proj_weight", "in_proj_bias", "out_proj", "ls_1", "ln_2", "c_fc", "c_proj", "ls_2"}
}
