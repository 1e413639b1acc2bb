package eval

import (
	"bufio"
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

// ReadTemplates reads prompt templates, one a line, with {} (open_clip) or {c} (CLIP_benchmark) for the class name.
//
// Empty lines are skipped. A line without a placeholder is an error with the line number.
func ReadTemplates(r io.Reader) ([]string, error) {
	var out []string
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" {
			continue
		}
		if !hasPlace(line) {
			return nil, fmt.Errorf("line %d: template %q has no {} for the class name", n, line)
		}
		out = append(out, line)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
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
