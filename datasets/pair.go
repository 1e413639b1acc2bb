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

// readPair reads what a pair has besides its first picture. Both pictures are varied in the same way: what differs between
// them is what the judgement is about.
func (l *Loader) readPair(ctx context.Context, s *sample, e Entry) error {
	if l.Pairs.Form() == TwoPictures {
		picture, err := l.Pairs.Second(ctx, s.index)
		if err == nil {
			err = l.Pixels(s.pixels[l.picture():], picture, l.key(s, pixelsKey))
		}
		if err != nil {
			return fmt.Errorf("the second picture: %w", err)
		}
	}
	_, captions := l.sides()
	s.used, s.cut = 0, false
	for i, caption := range e.Captions[:captions] {
		text, cut := boundCaption(caption)
		if i == 0 {
			s.caption = text
		}
		s.cut = s.cut || cut
		if l.Tokens != nil {
			n, cut := l.Tokens(s.ids[i*l.ContextLength:(i+1)*l.ContextLength], text)
			s.used, s.cut = max(s.used, n), s.cut || cut
		}
	}
	return nil
}
