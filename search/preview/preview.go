// Package preview shows pictures in terminals that can: by kitty's graphics protocol, iTerm2's inline images, or sixels.
package preview

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"io"
	"strings"

	"github.com/mattn/go-sixel"
)

// Form is how a terminal is given a picture.
type Form string

// The forms.
const (
	None   Form = ""
	Kitty  Form = "kitty"
	ITerm2 Form = "iterm2"
	Sixel  Form = "sixel"
)

// Detect chooses the form of a terminal from its environment variables; None where no form is known to work.
func Detect(env func(string) string) Form {
	term, program := env("TERM"), env("TERM_PROGRAM")
	switch {
	case env("TMUX") != "" || strings.HasPrefix(term, "screen"):
		return None // they pass pictures on only if they are set up to
	case env("KITTY_WINDOW_ID") != "" || term == "xterm-kitty" || term == "xterm-ghostty" || program == "ghostty":
		return Kitty
	case program == "iTerm.app" || program == "WezTerm" || env("LC_TERMINAL") == "iTerm2":
		return ITerm2
	case term == "foot" || strings.HasPrefix(term, "foot-") || strings.Contains(term, "sixel") || term == "mlterm" || term == "contour":
		return Sixel
	}
	return None
}

// Parse reads a form's name.
func Parse(name string) (Form, error) {
	switch f := Form(name); f {
	case Kitty, ITerm2, Sixel:
		return f, nil
	}
	return None, fmt.Errorf("%q is none of kitty, iterm2, sixel", name)
}

// Write writes a picture to a terminal, and a line break after it.
func Write(w io.Writer, form Form, picture image.Image) error {
	var b bytes.Buffer
	switch form {
	case Kitty:
		if err := png.Encode(&b, picture); err != nil {
			return err
		}
		return kitty(w, base64.StdEncoding.EncodeToString(b.Bytes()))
	case ITerm2:
		if err := png.Encode(&b, picture); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\x1b]1337;File=inline=1;size=%d;preserveAspectRatio=1:%s\a\n", b.Len(),
			base64.StdEncoding.EncodeToString(b.Bytes()))
		return err
	case Sixel:
		if err := sixel.NewEncoder(&b).Encode(picture); err != nil {
			return err
		}
		b.WriteByte('\n')
		_, err := w.Write(b.Bytes())
		return err
	}
	return nil
}

// chunk is the longest part of a picture that kitty's protocol takes at once.
const chunk = 4096

// kitty writes a PNG in base64 in parts: all but the last say that more follows.
func kitty(w io.Writer, data string) error {
	head := "a=T,f=100,"
	for first := true; first || data != ""; first = false {
		part := data[:min(chunk, len(data))]
		data = data[len(part):]
		more := 0
		if data != "" {
			more = 1
		}
		if _, err := fmt.Fprintf(w, "\x1b_G%sm=%d;%s\x1b\\", head, more, part); err != nil {
			return err
		}
		head = ""
	}
	_, err := io.WriteString(w, "\n")
	return err
}
