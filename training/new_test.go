package training

import (
	"strings"
	"testing"
)

func TestATrainerOfWrongSettingsIsRefused(t *testing.T) {
	right, wrong := DefaultAdamW(), DefaultAdamW()
	wrong.Beta1 = 1
	for want, c := range map[string]struct {
		adamw    AdamW
		schedule Schedule
	}{
		"beta1: 1":         {wrong, Schedule{Kind: Const, Steps: 1}},
		`"linear" is none`: {right, Schedule{Kind: "linear", Steps: 1}},
	} {
		if _, err := New(t.Context(), nil, c.adamw, c.schedule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
