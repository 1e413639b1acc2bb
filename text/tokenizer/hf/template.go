package hf

import (
	"encoding/json"
	"errors"
	"fmt"
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

// readTemplate reads the template for a single text.
func (t *Tokenizer) readTemplate(raw json.RawMessage) error {
	parts, err := flatten(raw, "processors", 0)
	if err != nil || len(parts) == 0 {
		return err
	}
	name, err := typeOf(parts[0])
	if err != nil {
		return err
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
