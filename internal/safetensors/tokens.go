package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// maxTokens bounds the number of tokens of a header or an index. A tensor has 17 plus its rank (a key counts twice, since it is
// stored), and the largest CLIP with its optimizer has about 6,000 tensors. A token takes up to 160 bytes of memory.
const maxTokens = 1 << 18

// tokens reads JSON token by token. json.Unmarshal would accept repeated keys, ignoring case, and keep the last one.
type tokens struct {
	*json.Decoder
	left int
}

func newTokens(data []byte) *tokens {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return &tokens{Decoder: d, left: maxTokens}
}

// Token returns the next token of encoding/json.
func (t *tokens) Token() (json.Token, error) {
	if t.left--; t.left < 0 {
		return nil, errors.New("it says more than any model has to say")
	}
	return t.Decoder.Token()
}

// object calls read for the value of each key. A repeated key is an error.
func (t *tokens) object(read func(key string) error) error {
	if open, err := t.Token(); err != nil {
		return err
	} else if open != json.Delim('{') {
		return errors.New("it is not an object")
	}
	seen := map[string]bool{}
	for t.More() {
		token, err := t.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		t.left--
		if seen[key] {
			return fmt.Errorf("%.200q occurs twice", key)
		}
		seen[key] = true
		if err := read(key); err != nil {
			return fmt.Errorf("%.200q: %w", key, err)
		}
	}
	_, err := t.Token()
	return err
}

func (t *tokens) text() (string, error) {
	token, err := t.Token()
	if err != nil {
		return "", err
	}
	s, ok := token.(string)
	if !ok {
		return "", fmt.Errorf("%.40v is not a string", token)
	}
	return s, nil
}

// skip skips a value of any kind.
func (t *tokens) skip() error {
	for depth := 0; ; {
		token, err := t.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// ints reads a list of whole numbers.
func (t *tokens) ints() ([]int64, error) {
	if open, err := t.Token(); err != nil {
		return nil, err
	} else if open != json.Delim('[') {
		return nil, errors.New("it is not a list")
	}
	out := []int64{}
	for t.More() {
		token, err := t.Token()
		if err != nil {
			return nil, err
		}
		number, _ := token.(json.Number)
		n, err := strconv.ParseInt(string(number), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%.40v is not a whole number", token)
		}
		out = append(out, n)
	}
	_, err := t.Token()
	return out, err
}

// strings reads an object of strings.
func (t *tokens) strings() (map[string]string, error) {
	out := map[string]string{}
	err := t.object(func(key string) (err error) {
		out[key], err = t.text()
		return err
	})
	return out, err
}
