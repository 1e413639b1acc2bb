package weights

import (
	"fmt"
	"slices"
	"strings"

	"clipgo/internal/safetensors"
)

// A tensor of each tower, by its name in each layout. A model that is a part of another one (in Lightning, in a class written for
// fine-tuning) has them all under a common prefix.
var (
	imageAnchors = []string{
		"visual.conv1.weight", "visual.trunk.patch_embed.proj.weight", "vision_model.embeddings.patch_embedding.weight",
	}
	textAnchors = []string{"token_embedding.weight", "text.token_embedding.weight", "text_model.embeddings.token_embedding.weight"}
)

// bare removes the prefixes that DistributedDataParallel and torch.compile add to open_clip's names.
func bare(name string) string {
	name = strings.ReplaceAll(name, "_orig_mod.", "")
	return strings.TrimPrefix(name, "module.")
}

// prefixes lists the prefixes under which a set has a model; "" is among them if the model is not a part.
func prefixes(src Set) []string {
	short := map[string]bool{}
	for _, name := range src.Names() {
		short[bare(name)] = true
	}
	var found []string
	for name := range short {
		for _, anchor := range imageAnchors {
			prefix, ok := strings.CutSuffix(name, anchor)
			if ok && (prefix == "" || strings.HasSuffix(prefix, ".")) && hasText(short, prefix) && !slices.Contains(found, prefix) {
				found = append(found, prefix)
			}
		}
	}
	slices.Sort(found)
	return found
}

func hasText(names map[string]bool, prefix string) bool {
	return slices.ContainsFunc(textAnchors, func(anchor string) bool { return names[prefix+anchor] })
}

// part returns the model that is a part of what a file holds, without the prefix of its names and without what training wraps around
// them. Tensors beside the model are passed over.
func (c *Checkpoint) part(src Set) (Set, error) {
	found := prefixes(src)
	switch {
	case len(found) == 0:
		return src, nil
	case found[0] == "":
	case len(found) > 1:
		return nil, refuse(c.File, "it holds %d models, under the prefixes %.300q: save the one that is meant alone", len(found), found)
	}
	prefix, out := found[0], newDerived()
	var others []string
	for _, name := range src.Names() {
		short, ok := strings.CutPrefix(bare(name), prefix)
		switch {
		case !ok:
			others = append(others, name)
		case !out.add(short, func() safetensors.Tensor { t, _ := src.Tensor(name); return t }):
			return nil, refuse(c.File, "%.200s is in it twice, with and without what training wraps around names", short)
		}
	}
	if prefix == "" {
		return out, nil
	}
	c.note("the prefix %q, which all tensors of the model have, is cut%s", prefix, passedOver(others))
	return out, nil
}

func passedOver(others []string) string {
	if len(others) == 0 {
		return ""
	}
	return fmt.Sprintf("; %d tensors beside the model are passed over, such as %.100q", len(others), others[0])
}
