// Package workload generates the workload of benchmarks.
package workload

import (
	"context"
	"fmt"

	"clipgo/datasets"
	"clipgo/text/bpe"
)

// Captions generates captions of real words, all of the same length. The number of distinct words in a batch affects the cost of a step,
// since the gradient of the token embedding has a row for each. Ids from a uniform distribution would be nearly all distinct,
// while real captions share "a", "of" and the words of their subject.
type Captions struct {
	stream  []int32 // without starts and ends; captions are cut from it one after the other, round and round
	next    int
	tokens  int
	context int
}

// NewCaptions generates captions of a number of tokens, including start and end, in rows of length ids.
//
// The words are the names of builtin:emoji, each as "a picture of NAME". The same call gives the same captions.
func NewCaptions(ctx context.Context, tokens, length int) (*Captions, error) {
	if tokens < 2 || tokens > length {
		return nil, fmt.Errorf("captions of %d tokens: they have at least 2, and at most the context of %d", tokens, length)
	}
	names, err := datasets.Open(ctx, "builtin:emoji", datasets.Options{})
	if err != nil {
		return nil, fmt.Errorf("read the words of captions: %w", err)
	}
	defer names.Close()
	const stride = 613 // prime, and no divisor of the number of names: neighbours are about different things
	c := &Captions{tokens: tokens, context: length}
	classes, tokenizer := names.Info().Classes, bpe.New()
	for i := range classes {
		c.stream = append(c.stream, tokenizer.Encode("a picture of "+classes[i*stride%len(classes)])...)
	}
	return c, nil
}

// Batch returns the next n captions, [n, context], with zeros after the end-of-text token.
func (c *Captions) Batch(n int) []int32 {
	ids := make([]int32, n*c.context)
	for i := range n {
		row := ids[i*c.context:]
		row[0], row[c.tokens-1] = bpe.Start, bpe.End
		for t := 1; t < c.tokens-1; t++ {
			row[t] = c.stream[c.next]
			c.next = (c.next + 1) % len(c.stream)
		}
	}
	return ids
}
