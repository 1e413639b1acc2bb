package eval

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
)

// The 80 prompts for ImageNet that OpenAI published with CLIP (MIT), one a line.
//
//go:embed openai_templates.txt
var openAITemplates string

// OpenAITemplates returns the 80 prompt templates that OpenAI published for ImageNet, with {} for the class name.
func OpenAITemplates() []string {
	return strings.Split(strings.TrimSpace(openAITemplates), "\n")
}

// ReadTemplates reads prompt templates with {} (open_clip) or {c} (CLIP_benchmark) for the class name. They are one a line, a JSON list of
// strings, or lines of a Python list such as
//
//	lambda c: f"a photo of a {c}.",
//
// Empty lines are skipped. An entry without a placeholder is an error with its line number.
func ReadTemplates(r io.Reader) ([]string, error) {
	lines, err := readList(r)
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	var out []string
	for _, l := range lines {
		switch {
		case l.text == "":
			continue
		case !hasPlace(l.text):
			return nil, fmt.Errorf("line %d: template %.100q has no {} for the class name", l.at, l.text)
		}
		out = append(out, l.text)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no templates")
	}
	return out, nil
}

// Prompt inserts a class name into a template.
func Prompt(template, class string) string {
	return strings.NewReplacer("{}", class, "{c}", class).Replace(template)
}

func hasPlace(template string) bool {
	return strings.Contains(template, "{}") || strings.Contains(template, "{c}")
}
