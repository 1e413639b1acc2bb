package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// templatePart is either a special token or the position of the text.
type templatePart struct {
	SpecialToken *templateName `json:"SpecialToken"`
	Sequence     *templateName `json:"Sequence"`
}

type templateName struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

type specialToken struct {
	ID     string   `json:"id"`
	IDs    []int32  `json:"ids"`
	Tokens []string `json:"tokens"`
}

// processors are the parts of a post-processor. ByteLevel changes only positions, which aren't used.
func processors(raw json.RawMessage) ([]json.RawMessage, error) {
	parts, err := flatten(raw, "processors", 0)
	return slices.DeleteFunc(parts, func(p json.RawMessage) bool {
		name, err := typeOf(p)
		return err == nil && name == "ByteLevel"
	}), err
}

// readTemplate reads the template for a single text.
func (t *Tokenizer) readTemplate(raw json.RawMessage) error {
	parts, err := processors(raw)
	if err != nil || len(parts) == 0 {
		return err
	}
	name, err := typeOf(parts[0])
	if err != nil {
		return err
	}
	if (name == "RobertaProcessing" || name == "BertProcessing") && len(parts) == 1 {
		return t.readEnds(parts[0])
	}
	if name != "TemplateProcessing" || len(parts) > 1 {
		return fmt.Errorf("post-processor: %q (%d in all) isn't supported", name, len(parts))
	}
	var spec struct {
		Type    string                  `json:"type"`
		Single  []templatePart          `json:"single"`
		Pair    json.RawMessage         `json:"pair"`
		Special map[string]specialToken `json:"special_tokens"`
	}
	if err := strict(parts[0], &spec); err != nil {
		return fmt.Errorf("post-processor: %w", err)
	}
	texts, side := 0, &t.prefix
	for _, p := range spec.Single {
		switch {
		case p.Sequence != nil:
			texts++
			side = &t.suffix
		case p.SpecialToken != nil:
			for _, id := range spec.Special[p.SpecialToken.ID].IDs {
				if id < 0 || int(id) >= t.size {
					return fmt.Errorf("post-processor: %q has the id %d of %d", p.SpecialToken.ID, id, t.size)
				}
				*side = append(*side, id)
			}
		}
	}
	if texts != 1 {
		return errors.New("post-processor: the text isn't once in its template")
	}
	return nil
}

// readEnds reads a post-processor with one token before the text and one after it.
func (t *Tokenizer) readEnds(raw json.RawMessage) error {
	var spec struct {
		Type   string `json:"type"`
		After  endID  `json:"sep"`
		Before endID  `json:"cls"`
		Trim   bool   `json:"trim_offsets"`
		Prefix bool   `json:"add_prefix_space"` // concerns positions alone
	}
	if err := strict(raw, &spec); err != nil {
		return fmt.Errorf("post-processor: %w", err)
	}
	for _, end := range []endID{spec.Before, spec.After} {
		if end.id < 0 || int(end.id) >= t.size {
			return fmt.Errorf("post-processor: %q has the id %d of %d", end.token, end.id, t.size)
		}
	}
	t.prefix, t.suffix = append(t.prefix, spec.Before.id), append(t.suffix, spec.After.id)
	return nil
}

// endID is a token and its id, written as an array.
type endID struct {
	token string
	id    int32
}

func (e *endID) UnmarshalJSON(data []byte) error {
	parts := []any{&e.token, &e.id}
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) != 2 {
		return fmt.Errorf("a token and its id are %.40s", data)
	}
	return nil
}
