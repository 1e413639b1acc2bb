package pretrained

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"clipgo/internal/torch"
	"clipgo/model"
)

// MinInt8Cosine is the smallest cosine of features in 8 bits and in float32 that is accepted: matrices whose 8-bit forms change the
// features more stay in float32.
const MinInt8Cosine = 0.999

// Int8Report is what is known of a model's 8-bit forms. Cosines are the smallest of features in 8 bits and in float32.
type Int8Report struct {
	Kernel   string   `json:"kernel"` // instructions: avx512_vnni, avx_vnni, avx2, plain
	Pictures int      `json:"pictures"`
	Image    float64  `json:"smallest_cosine_images"`
	Texts    int      `json:"texts"`
	Text     float64  `json:"smallest_cosine_texts"`
	Matrices int      `json:"matrices"`     // that have 8-bit forms
	Kept     []string `json:"kept_float32"` // matrices that stay in float32
	Cache    string   `json:"cache"`        // file of the forms; empty: they could not be kept
	Made     bool     `json:"made"`         // just now
	Light    bool     `json:"light"`        // texts are embedded without libtorch
}

// String is the report in one line.
func (r *Int8Report) String() string {
	line := fmt.Sprintf("int8 (%s): %d matrices in 8 bits", r.Kernel, r.Matrices)
	if r.Pictures > 0 {
		line += fmt.Sprintf("; smallest cosine to float32 %.5f of %d pictures", r.Image, r.Pictures)
	}
	if r.Texts > 0 {
		line += fmt.Sprintf(", %.5f of %d texts", r.Text, r.Texts)
	}
	if len(r.Kept) > 0 {
		line += fmt.Sprintf("; %d stay in float32: %s", len(r.Kept), strings.Join(r.Kept, ", "))
	}
	if r.Made && r.Cache != "" {
		line += "; kept in " + r.Cache
	}
	return line
}

// manyPictures is the number from which Int8Hint has something to say, and largeTower the number of parameters.
const manyPictures, largeTower = 1000, 20e6

// Int8Hint says what int8 would give where it pays: many pictures and a large model, in float32 on a CPU that multiplies bytes. Else it is
// empty.
func (m *Embedder) Int8Hint(pictures int) string {
	kernel := torch.Int8Kernel()
	if m.InInt8 != nil || pictures < manyPictures || m.Device() != torch.CPU || m.DType() != torch.Float32 ||
		m.VisionParameterCount() < largeTower || kernel != "avx512_vnni" && kernel != "avx_vnni" {
		return ""
	}
	return fmt.Sprintf("this CPU multiplies bytes (%s): with the precision int8 the model embeds faster, with features of cosine %g or "+
		"more to those of float32", kernel, MinInt8Cosine)
}

// openInt8 makes the embedder ready with the 8-bit forms of its model: those that were kept for these weights, or new ones.
func (m *Embedder) openInt8(ctx context.Context, log *slog.Logger) error {
	src, o := &m.Source, m.Settings
	if src.Weights == "" { // fresh weights: nothing to compare, nothing to keep
		return m.quantizeFresh(ctx)
	}
	fingerprint, err := src.Fingerprint(o.Seed)
	if err != nil {
		return err
	}
	cache := int8Cache{fingerprint: fingerprint, weights: src.Weights, shapes: model.Declare(src.Config).Int8Shapes()}
	_, _ = m.Tokenizer() // while libtorch loads, if it does, as the rest until Placement, which waits for it
	known, report, why := cache.open(o.Towers)
	if known == nil {
		if why != "" {
			log.Warn("the kept 8-bit forms are made again", "reason", why)
		}
		if known, report, err = m.makeInt8(ctx, &cache, log); err != nil {
			return err
		}
	}
	m.InInt8 = report
	checked, err := src.CheckInt8(o.Towers, *known)
	if err != nil {
		return err
	}
	report.Kernel = torch.Int8Kernel()
	if report.Made {
		report.tell(log)
	}
	if o.lightly() {
		if words, ok := checked.OpenWords(o.threads()); ok {
			words.Preprocess = src.Preprocess
			m.Model, report.Light = words, true
			return nil
		}
	}
	at, err := o.float().Placement()
	if err != nil {
		checked.Close()
		return err
	}
	m.Model, err = src.OpenMapped(ctx, checked, at, o.Seed)
	return err
}

// lightly reports whether the model may be used without libtorch: in 8 bits, for texts alone.
func (o *Settings) lightly() bool { return o.Int8() && o.Towers == model.TextTower }

// StartLibtorch is LoadLibtorch, unless the settings may do without. Where they can't after all, Open loads it.
func (o *Settings) StartLibtorch() {
	if !o.lightly() {
		LoadLibtorch()
	}
}

// tell says what is known of forms that were made just now. When they are opened again, the report has it.
func (r *Int8Report) tell(log *slog.Logger) {
	log.Info(r.String())
	if r.Kernel == "avx2" || r.Kernel == "plain" {
		log.Warn("this CPU has no instructions for products of bytes (VNNI): int8 saves memory here, and no time")
	}
}

// quantizeFresh builds a model with fresh weights and uses their 8-bit forms.
func (m *Embedder) quantizeFresh(ctx context.Context) (err error) {
	m.Model, err = m.Source.BuildInt8(ctx, m.Settings.Machine, m.Settings.Seed)
	if err == nil {
		m.InInt8 = &Int8Report{Kernel: torch.Int8Kernel(), Matrices: len(m.Model.Int8Shapes()), Kept: []string{}, Made: true}
	}
	return err
}

// BuildInt8 is Build with 8-bit forms of all matrices of the blocks, which are compared with nothing.
func (src *Source) BuildInt8(ctx context.Context, machine Machine, seed uint64) (*model.Model, error) {
	at, err := machine.float().Placement()
	if err != nil {
		return nil, err
	}
	m, err := src.Build(ctx, at, seed)
	if err != nil {
		return nil, err
	}
	forms, err := m.Quantize(ctx)
	if err != nil {
		m.Free()
		return nil, err
	}
	m.AdoptInt8(model.Int8{Forms: forms})
	return m, nil
}
