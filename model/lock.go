package model

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Lock says which parameters training leaves as they are, in open_clip's terms.
type Lock struct {
	Image bool `json:"lock_image" flag:"lock-image" help:"freeze the image encoder"`
	// ImageUnlocked groups of a locked tower, counted from its end, are trained.
	ImageUnlocked int  `json:"lock_image_unlocked_groups" flag:"lock-image-unlocked-groups" arg:"N" help:"train the last N groups of the frozen image encoder: 1 the projection, 2 the last block too, ..."`
	Text          bool `json:"lock_text" flag:"lock-text" help:"freeze the text encoder"`
	TextUnlocked  int  `json:"lock_text_unlocked_layers" flag:"lock-text-unlocked-layers" arg:"N" help:"train the last N groups of the frozen text encoder"`
	Scale         bool `json:"lock_logit_scale" flag:"lock-logit-scale" help:"freeze the temperature"`
}

// Validate returns every problem, joined.
func (l Lock) Validate() error {
	var errs []error
	for _, tower := range []struct {
		locked   bool
		unlocked int
		key      string
	}{{l.Image, l.ImageUnlocked, "lock_image_unlocked_groups"}, {l.Text, l.TextUnlocked, "lock_text_unlocked_layers"}} {
		switch {
		case tower.unlocked < 0:
			errs = append(errs, fmt.Errorf("%s: %d is negative", tower.key, tower.unlocked))
		case tower.unlocked > 0 && !tower.locked:
			errs = append(errs, fmt.Errorf("%s: %d of a tower that is not locked", tower.key, tower.unlocked))
		}
	}
	if l.Image && l.ImageUnlocked == 0 && l.Text && l.TextUnlocked == 0 && l.Scale {
		errs = append(errs, errors.New("lock_image, lock_text and lock_logit_scale together leave nothing to train"))
	}
	return errors.Join(errs...)
}

// Lock freezes parameters: they get no gradient, and the graph of a tower begins at its first trained group. Parameters that are
// frozen already stay frozen.
func (m *Model) Lock(ctx context.Context, l Lock) error {
	return torch.Do(ctx, func(*torch.Scope) error {
		for _, p := range m.Params() {
			if m.locked(p.Name, l) {
				p.Freeze()
			}
		}
		return nil
	})
}

// Trained lists the parameters that are not locked, in open_clip's order.
func (m *Model) Trained() []*nn.Param {
	var out []*nn.Param
	for _, p := range m.Params() {
		if p.Trained() {
			out = append(out, p)
		}
	}
	return out
}

// locked reports whether l freezes the parameter of a name.
func (m *Model) locked(name string, l Lock) bool {
	part, inImage := strings.CutPrefix(name, "visual.")
	switch {
	case name == "logit_scale":
		return l.Scale
	case name == "logit_bias", strings.HasPrefix(name, "text_decoder."):
		return false
	case inImage:
		return l.Image && frozen(part, m.Config.Vision.Layers, l.ImageUnlocked)
	default:
		return l.Text && frozen(strings.TrimPrefix(part, "text."), m.Config.Text.Layers, l.TextUnlocked)
	}
}

// frozen reports whether a parameter of a locked tower stays frozen when its last groups are unlocked.
func frozen(name string, layers, unlocked int) bool {
	groups := layers + 2
	return groupOf(name, layers) < groups-unlocked
}

// groupOf numbers a parameter's group from the tower's input on, as open_clip and timm do: 0 the embeddings, one group per block, the
// last of them with the final norm, and one for the projection or pooling.
func groupOf(name string, layers int) int {
	if _, block, ok := strings.Cut(name, "blocks."); ok {
		number, _, _ := strings.Cut(block, ".")
		n, _ := strconv.Atoi(number) // its own layers are numbered
		return 1 + n
	}
	name = strings.TrimPrefix(name, "trunk.")
	switch top, _, _ := strings.Cut(name, "."); top {
	case "ln_post", "ln_final", "norm":
		return layers
	case "proj", "text_projection", "attn_pool":
		return layers + 1
	default:
		return 0
	}
}
