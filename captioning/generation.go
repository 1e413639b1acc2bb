package captioning

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Generation says how captions are chosen, token by token.
type Generation struct {
	Method Method `json:"method" flag:"method" arg:"name" help:"beam, greedy or top-p (default beam)"`
	// Beams is of Beam: how many captions are kept at each length.
	Beams int `json:"beams" max:"1024" flag:"beams" arg:"N" help:"captions that beam search follows (default 4)"`
	// LengthPenalty is of Beam: a caption's score is log P / tokens^penalty, its end counted.
	LengthPenalty float64 `json:"length_penalty" flag:"length-penalty" arg:"x" help:"beam search takes the best log P / tokens^x (default 1); more favours longer captions"`
	// TopP and Temperature are of TopP.
	TopP        float64 `json:"top_p" flag:"top-p" arg:"p" help:"top-p draws from the likeliest tokens that have this probability together (default 0.9)"`
	Temperature float64 `json:"temperature" flag:"temperature" arg:"x" help:"top-p divides logits by it (default 1)"`
	Seed        uint64  `json:"-"` // of TopP
	// MinLength and MaxLength count tokens before the end.
	MinLength int `json:"min_length" flag:"min-length" arg:"N" help:"tokens of a caption, at least (default 0)"`
	MaxLength int `json:"max_length" flag:"max-length" arg:"N" help:"tokens of a caption, at most (default 30, or what the model's context holds)"`

	Prompt     []int32 `json:"-"` // what every caption begins with; it counts as its tokens
	Start, End int32   `json:"-"` // the ids that begin and end every caption
	Offset     int     `json:"-"` // number of the first picture: each has random numbers of its own
}

// Method is a way of choosing.
type Method string

// Greedy takes the likeliest token each time, Beam the caption of the best score among several that it follows, TopP draws
// (Holtzman et al., 2020, "The curious case of neural text degeneration").
const (
	Greedy Method = "greedy"
	Beam   Method = "beam"
	TopP   Method = "top-p"
)

// DefaultGeneration is beam search of captions of up to 30 tokens.
func DefaultGeneration() Generation {
	return Generation{Method: Beam, Beams: 4, LengthPenalty: 1, TopP: 0.9, Temperature: 1, MaxLength: 30}
}

// Caption is one that was written.
type Caption struct {
	IDs     []int32 // the prompt's among them, without start and end
	LogProb float64 // natural logarithm of the probability of the tokens behind the prompt, its end included where it has one
	Ended   bool    // false: MaxLength cut it
}

// PromptError is a prompt that leaves no room.
type PromptError struct{ Tokens, Room int }

func (e *PromptError) Error() string {
	return fmt.Sprintf("the prompt has %d tokens, and captions have at most %d", e.Tokens, e.Room)
}

// fit bounds the length by the context, and returns every problem, joined.
func (g *Generation) fit(context int) error {
	var errs []error
	for _, bad := range []struct {
		is   bool
		text string
	}{
		{g.Method != Greedy && g.Method != Beam && g.Method != TopP, fmt.Sprintf("method: %q is none of greedy, beam, top-p", g.Method)},
		{g.Method == Beam && g.Beams < 1, fmt.Sprintf("beams: %d is less than 1", g.Beams)},
		{math.IsNaN(g.LengthPenalty) || math.IsInf(g.LengthPenalty, 0), fmt.Sprintf("length_penalty: %g is not a number", g.LengthPenalty)},
		{!(g.TopP > 0 && g.TopP <= 1), fmt.Sprintf("top_p: %g is not in (0, 1]", g.TopP)},
		{!(g.Temperature > 0), fmt.Sprintf("temperature: %g is not positive", g.Temperature)},
		{g.MinLength < 0 || g.MaxLength < 1 || g.MinLength > g.MaxLength, fmt.Sprintf("min_length: %d and max_length: %d are no range",
			g.MinLength, g.MaxLength)},
	} {
		if bad.is {
			errs = append(errs, errors.New(bad.text))
		}
	}
	g.MaxLength = min(g.MaxLength, context-2)
	g.MinLength = min(g.MinLength, g.MaxLength)
	if len(g.Prompt) >= g.MaxLength {
		errs = append(errs, &PromptError{len(g.Prompt), g.MaxLength})
	}
	return errors.Join(errs...)
}

// Validate says what is wrong for a model of a context length.
func (g Generation) Validate(context int) error { return g.fit(context) }

// reader takes captions on: row i is what row parents[i] was, with ids[i] behind it. It returns the logits of each row's
// next token.
type reader func(parents []int, ids [][]int32) ([][]float32, error)

// Generate writes a caption for each of n pictures, uint8 [n, S, S, 3], all together. The same pictures, settings and seed
// give the same captions, however they are split into calls by Offset. It stops between two tokens once ctx is done.
func (c Captioner) Generate(ctx context.Context, pixels []uint8, n int, g Generation) ([]Caption, error) {
	if err := g.fit(c.Config.Text.ContextLength); err != nil {
		return nil, err
	}
	m, err := c.look(ctx, pixels, n)
	if err != nil {
		return nil, err
	}
	defer func() { m.free() }()
	return g.write(n, func(parents []int, ids [][]int32) ([][]float32, error) { return m.read(ctx, parents, ids) })
}

// write makes n captions.
func (g Generation) write(n int, from reader) ([]Caption, error) {
	read := func(parents []int, ids [][]int32) ([][]float32, error) {
		logits, err := from(parents, ids)
		return logits, errors.Join(err, numbers(logits))
	}
	first := make([][]int32, n)
	for i := range first {
		first[i] = append([]int32{g.Start}, g.Prompt...)
	}
	logits, err := read(span(n), first)
	if err != nil {
		return nil, err
	}
	if g.Method == Beam {
		return g.beams(logits, read)
	}
	return g.singly(logits, read)
}

// numbers refuses logits of a model that has gone wrong: nothing could be chosen by them.
func numbers(logits [][]float32) error {
	for _, row := range logits {
		for _, v := range row {
			if v != v || math.IsInf(float64(v), 1) {
				return errors.New("write captions: the model's logits are not numbers")
			}
		}
	}
	return nil
}

// allowed turns the logits behind a caption of some tokens into logarithms of probabilities, and rules out what may not
// follow: padding, another start, an end that comes too early, anything but the end of a caption that is as long as it
// may be.
func (g Generation) allowed(logits []float32, tokens int) []float64 {
	out := logSoftmax(logits, 1)
	never := math.Inf(-1)
	out[0], out[g.Start] = never, never
	if tokens < g.MinLength {
		out[g.End] = never
	}
	if tokens == g.MaxLength {
		end := out[g.End]
		for i := range out {
			out[i] = never
		}
		out[g.End] = end
	}
	return out
}

// logSoftmax is the logarithms of the probabilities that logits, divided by a temperature, stand for.
func logSoftmax(logits []float32, temperature float64) []float64 {
	out := make([]float64, len(logits))
	most := math.Inf(-1)
	for i, v := range logits {
		out[i] = float64(v) / temperature
		most = max(most, out[i])
	}
	var sum float64
	for _, v := range out {
		sum += math.Exp(v - most)
	}
	shift := most + math.Log(sum)
	for i := range out {
		out[i] -= shift
	}
	return out
}
