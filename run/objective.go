package run

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/weights"
)

// The values of --objective.
const (
	clipObjective   = "clip"
	siglipObjective = "siglip"
	cocaObjective   = "coca"
)

// objectiveOptions choose the loss that a training minimizes.
type objectiveOptions struct {
	Objective string `json:"objective" flag:"objective" arg:"name" help:"clip: InfoNCE; siglip: sigmoid; coca: InfoNCE and captions (default clip)"`
	// SigLIP is another word for objective siglip. Resolved options have only Objective.
	SigLIP             bool    `json:"siglip,omitempty" flag:"siglip" help:"the same as --objective siglip"`
	DedupTargets       bool    `json:"dedup_targets" flag:"dedup-targets" help:"identical captions of a batch, and captions of images with the same captions, are not negatives"`
	MLMWeight          float64 `json:"mlm_weight" flag:"mlm-weight" arg:"w" help:"weight of masked language modelling of the captions; its head is in heads.safetensors (0: off)"`
	captioning.Weights         // of objective coca
}

// joinSigLIP turns siglip, another word for objective siglip, into it. Of two different words by one user, that of the stronger
// origin counts; on one command line they are refused.
func joinSigLIP(user config.Layer) error {
	word, said := user["siglip"]
	delete(user, "siglip")
	if !said || word.JSON != "true" {
		return nil
	}
	word.JSON = `"` + siglipObjective + `"`
	switch other, said := user["objective"]; {
	case !said, other.JSON == word.JSON, word.Origin > other.Origin && other.Origin < config.Flag:
		user["objective"] = word
	case word.Origin == other.Origin, word.Origin >= config.Flag:
		return fault.Setting("siglip", "means objective siglip, but objective is %s", strings.Trim(other.JSON, `"`))
	}
	return nil
}

// validateObjective returns every problem, joined.
func (o *Options) validateObjective() error {
	var errs []error
	switch o.Objective {
	case clipObjective, siglipObjective:
	case cocaObjective:
		errs = append(errs, o.validateCoCa())
	default:
		errs = append(errs, fmt.Errorf("objective: %q is none of clip, siglip, coca", o.Objective))
	}
	if o.Objective == siglipObjective && o.Loss.Share > 0 {
		errs = append(errs, errors.New("label_smoothing: the sigmoid loss has no target distribution to smooth; use objective clip"))
	}
	switch {
	case !(o.MLMWeight >= 0) || math.IsInf(o.MLMWeight, 0):
		errs = append(errs, fmt.Errorf("mlm_weight: %g is not a number from 0 on", o.MLMWeight))
	case o.MLMWeight == 0:
	case o.Lock.Text && o.TextUnlocked == 0:
		errs = append(errs, errors.New("mlm_weight: has no effect while the text tower is locked"))
	case o.Objective == cocaObjective || o.Align.on():
		errs = append(errs, errors.New("mlm_weight: only for objective clip or siglip"))
	}
	return errors.Join(errs...)
}

// startSigmoid gives a new run with the sigmoid loss a bias where its config has none. Such a config is not made for that
// loss: a fresh model gets SigLIP's scale too, as with open_clip, unless the user sets one.
func (o *Options) startSigmoid(settings config.Layer) {
	if o.Objective != siglipObjective || o.ModelCfg.InitLogitBias != nil {
		return
	}
	bias := contrastive.StartBias(o.global())
	o.ModelCfg.InitLogitBias, o.biasOfBatch = &bias, true
	if o.source.Weights == "" && !settings.Said("model_cfg.init_logit_scale") {
		scale := math.Log(10)
		o.ModelCfg.InitLogitScale = &scale
	}
}

// lacksBias tells whether the weights that a run starts from have no logit_bias and its model has one.
func (s *session) lacksBias() (_ bool, err error) {
	if s.resumed != "" || s.source.Weights == "" || s.ModelCfg.InitLogitBias == nil {
		return false, nil
	}
	w, err := s.source.OpenWeights()
	if err != nil {
		return false, err
	}
	defer closeInto(&err, w)
	_, _, has := weights.Shape(w, "logit_bias")
	return !has, nil
}

// contrast is the contrastive loss of the run.
func (s *session) contrast() contrastive.Loss {
	if s.Objective == siglipObjective {
		return contrastive.Sigmoid{}
	}
	return s.Loss
}

// chance is the loss of guessing, where it isn't ln(batch): of the sigmoid loss, with the share of right pairs as the answer
// everywhere.
func (o *Options) chance() float64 {
	if n := float64(o.global()); o.Objective == siglipObjective && n > 1 {
		return math.Log(n) + (n-1)*math.Log(n/(n-1))
	}
	if o.Objective == cocaObjective && o.Contrastive == 0 {
		return math.Log(float64(o.ModelCfg.Text.VocabSize))
	}
	return o.Align.chance()
}

// contrasted is the number of pairs in one contrastive loss; 0: there is no such loss.
func (o *Options) contrasted() int {
	if o.Align.on() || o.Objective == cocaObjective && o.Contrastive == 0 {
		return 0
	}
	return o.global()
}

// judged is the part of the loss whose chance is known, where the loss has parts.
func (o *Options) judged() string {
	switch {
	case o.Objective == cocaObjective && o.Contrastive == 0:
		return "caption_loss"
	case o.Objective == cocaObjective, o.MLMWeight > 0:
		return "contrastive_loss"
	}
	return ""
}

// lossNote names the loss.
func (s *session) lossNote() string {
	note := "symmetric cross-entropy (InfoNCE)"
	switch {
	case s.Objective == siglipObjective:
		note = "sigmoid (SigLIP), logit_bias " + s.biasNote()
	case s.ModelCfg.InitLogitBias != nil:
		note += "; the model's logit_bias has no effect in it (objective siglip uses it)"
	}
	if s.Objective == cocaObjective {
		note = fmt.Sprintf("CoCa: %g times %s, %g times captions", s.Contrastive, note, s.Caption)
	}
	if s.DedupTargets {
		note += ", identical captions are not negatives"
	}
	if s.MLMWeight > 0 {
		note += fmt.Sprintf(", and %g times masked language modelling", s.MLMWeight)
	}
	return note
}

func (s *session) biasNote() string {
	switch bias := *s.ModelCfg.InitLogitBias; {
	case s.resumed != "":
		return "of the checkpoint"
	case s.source.Weights != "" && !s.newBias:
		return "of the weights"
	case s.biasOfBatch:
		return fmt.Sprintf("%.4f, -ln(%d-1) for the batch", bias, s.global())
	default:
		return fmt.Sprintf("%g, of the config", bias)
	}
}
