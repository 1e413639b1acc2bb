package preprocess

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Background is what transparent pixels are drawn on: white, black or a colour as #rrggbb. The empty Background drops their alpha, as
// Pillow's convert("RGB") and open_clip do, so that the colour shows which the file stores for them: black, mostly.
type Background string

// color returns nil for the empty Background.
func (b Background) color() (*[3]uint8, error) {
	switch b {
	case "":
		return nil, nil
	case "white":
		return &[3]uint8{255, 255, 255}, nil
	case "black":
		return &[3]uint8{}, nil
	}
	digits, found := strings.CutPrefix(string(b), "#")
	if v, err := hex.DecodeString(digits); found && err == nil && len(v) == 3 {
		return (*[3]uint8)(v), nil
	}
	return nil, fmt.Errorf("background: %q is neither white, nor black, nor a colour such as #80a0ff", string(b))
}
