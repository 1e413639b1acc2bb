package pretrained

import (
	"clipgo/internal/config"
	"fmt"
	"slices"
)

// startsOnly are settings of a training, or of its start, which say nothing of the model that came out.
var startsOnly = []string{"init_logit_scale", "init_logit_bias", "vision_cfg.patch_dropout", "text_cfg.hf_tokenizer_name"}

// Differs names what makes two models another architecture, preprocessing or tokenizer; empty: nothing does.
func (src *Source) Differs(other Source) string {
	if d := difference(src.Config, other.Config); d != "" {
		return d
	}
	if d := difference(Portable(src.Preprocess), Portable(other.Preprocess)); d != "" {
		return "preprocess_cfg." + d
	}
	if ours, theirs := src.TokenizerFingerprint(), other.TokenizerFingerprint(); ours != theirs {
		if _, err := other.Tokenizer(); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("the tokenizer gives other ids (fingerprint %s, not %s)", theirs, ours)
	}
	return ""
}

// difference names the first setting that is not the same.
func difference(a, b any) string {
	ours, theirs := config.Of(config.Default, a), config.Of(config.Default, b)
	for _, key := range config.Merge(ours, theirs).Sorted() {
		is, not := theirs[key].String(), ours[key].String()
		if is != not && !slices.Contains(startsOnly, key) {
			return fmt.Sprintf("%s is %s, not %s", key, is, not)
		}
	}
	return ""
}
