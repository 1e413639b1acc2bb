package model_test

import (
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// TestALockedTowerHasNoGraph asks whether features know where they came from.
func TestALockedTowerHasNoGraph(t *testing.T) {
	for name, c := range map[string]struct {
		lock        model.Lock
		image, text bool
	}{
		"nothing":         {model.Lock{}, true, true},
		"image":           {model.Lock{Image: true}, false, true},
		"image but proj":  {model.Lock{Image: true, ImageUnlocked: 1}, true, true},
		"text":            {model.Lock{Text: true}, true, false},
		"both but scale":  {model.Lock{Image: true, Text: true}, false, false},
		"text's last two": {model.Lock{Text: true, TextUnlocked: 2}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := modeltest.NewTiny(t, modeltest.Unchanged)
			if err := m.Lock(t.Context(), c.lock); err != nil {
				t.Fatal(err)
			}
			for _, p := range m.Params() {
				if p.Trained() == m.Locked(p.Name, c.lock) {
					t.Errorf("%s: trained is %v", p.Name, p.Trained())
				}
			}
			b := modeltest.Pairs(m.Config, 2, 0)
			modeltest.Grad(t, func(s *torch.Scope) {
				image := m.EncodeImages(s, b.Pixels, b.N, m.Mode()).Recorded()
				words := m.EncodeTokens(s, b.IDs, b.N, m.Mode()).Recorded()
				if image != c.image || words != c.text {
					t.Errorf("image recorded %v, text %v; want %v, %v", image, words, c.image, c.text)
				}
			})
		})
	}
}

func TestLocksThatCannotBeMeant(t *testing.T) {
	for want, l := range map[string]model.Lock{
		"":                           {Image: true, ImageUnlocked: 99, Text: true},
		"not locked":                 {ImageUnlocked: 1},
		"lock_text_unlocked_layers:": {TextUnlocked: 2},
		"negative":                   {Image: true, ImageUnlocked: -1},
		"nothing to train":           {Image: true, Text: true, Scale: true},
	} {
		if err := l.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", l, err, want)
		}
	}
}
