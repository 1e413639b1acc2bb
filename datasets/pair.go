package datasets

import (
	"context"
	"fmt"
)

// sides are how many pictures and captions a sample has in a batch.
func (l *Loader) sides() (pictures, captions int) {
	if l.Pairs == nil {
		return 1, 1
	}
	return l.Pairs.Form().pictures(), l.Pairs.Form().captions()
}

// picture is the length of one picture in Pixels.
func (l *Loader) picture() int { return l.Size * l.Size * 3 }

// readSecond reads a pair's second picture, where it has one. Both pictures are varied in the same way: what differs between
// them is what the judgement is about.
func (l *Loader) readSecond(ctx context.Context, s *sample) error {
	if l.Pairs == nil || l.Pairs.Form() != TwoPictures {
		return nil
	}
	picture, err := l.Pairs.Second(ctx, s.index)
	if err == nil {
		err = l.Pixels(s.pixels[l.picture():], picture, l.key(s, pixelsKey))
	}
	if err != nil {
		return fmt.Errorf("the second picture: %w", err)
	}
	return nil
}
