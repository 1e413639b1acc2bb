package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// ClassPrompts are the finished prompts of one class.
type ClassPrompts struct {
	Class   string
	Prompts []string
}

// CustomNames are class names from a file: one list for all data sets or, as CLIP_benchmark's --custom_classname_file has them, a JSON
// object with a list for each data set.
type CustomNames struct {
	all  []string
	sets map[string][]string // nil: all
}

// ReadCustomNames reads such a file. A list that is not an object has one of the forms of ReadNames.
func ReadCustomNames(r io.Reader) (*CustomNames, error) {
	text, object, err := readObject(r)
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	if object == nil {
		names, err := ReadNames(strings.NewReader(text))
		if err == nil && len(names) == 0 {
			err = fmt.Errorf("read names: there are none")
		}
		return &CustomNames{all: names}, err
	}
	c := &CustomNames{sets: map[string][]string{}}
	for _, m := range object {
		names, err := texts(m)
		if err != nil {
			return nil, fmt.Errorf("read names: %w", err)
		}
		c.sets[m.key] = names
	}
	return c, nil
}

// Of is the list of a data set, by the first of its names that has one.
func (c *CustomNames) Of(names ...string) ([]string, error) {
	if c.sets == nil {
		return c.all, nil
	}
	for _, name := range names {
		if list := c.sets[name]; len(list) > 0 {
			return list, nil
		}
	}
	return nil, fmt.Errorf("it has no class names for %s", strings.Join(names, " or "))
}

// CustomTemplates are prompt templates from a file: one list for all data sets or, as CLIP_benchmark's --custom_template_file has them, a
// JSON object with templates for each data set. Templates are a list, or an object with the finished prompts of each class, as CuPL has
// them. Such an object may also be the whole file.
type CustomTemplates struct {
	all     []string
	members []objectMember // nil: all
}

// ReadCustomTemplates reads such a file. A list that is not an object has one of the forms of ReadTemplates.
func ReadCustomTemplates(r io.Reader) (*CustomTemplates, error) {
	text, object, err := readObject(r)
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	if object == nil {
		all, err := ReadTemplates(strings.NewReader(text))
		return &CustomTemplates{all: all}, err
	}
	return &CustomTemplates{members: object}, nil
}

// ImageNet is the name of the data set whose templates CLIP_benchmark takes where a file has none.
const ImageNet = "imagenet1k"

// Of are the templates of a data set, by the first of its names that has some, else those of ImageNet. prompts are those of each of its
// classes, in place of templates. fallback says that they are ImageNet's.
func (c *CustomTemplates) Of(classes []string, names ...string) (templates []string, prompts []ClassPrompts, fallback bool, err error) {
	if c.members == nil {
		return c.all, nil, false, nil
	}
	for i, name := range append(names, ImageNet) {
		for _, m := range c.members {
			if m.key == name {
				templates, prompts, err = m.templates(classes)
				return templates, prompts, i == len(names), err
			}
		}
	}
	if prompts, err = promptsOf(c.members, classes); err != nil {
		err = fmt.Errorf("it has no templates for %s or %s, and %w", strings.Join(names, " or "), ImageNet, err)
	}
	return nil, prompts, false, err
}

// templates are a data set's member.
func (m objectMember) templates(classes []string) ([]string, []ClassPrompts, error) {
	if members, err := parseObject(m.value); err == nil {
		prompts, err := promptsOf(members, classes)
		if err != nil {
			err = fmt.Errorf("%s: %w", m.key, err)
		}
		return nil, prompts, err
	}
	list, err := texts(m)
	if err != nil {
		return nil, nil, err
	}
	if err = CheckTemplates(list); err != nil {
		err = fmt.Errorf("%s: %w", m.key, err)
	}
	return list, nil, err
}

// promptsOf takes the prompts of each class from an object.
func promptsOf(members []objectMember, classes []string) ([]ClassPrompts, error) {
	at := map[string]objectMember{}
	for _, m := range members {
		at[m.key] = m
	}
	var out []ClassPrompts
	for _, class := range classes {
		m, there := at[class]
		if !there {
			return nil, fmt.Errorf("no prompts for the class %.100q", class)
		}
		list, err := texts(m)
		if err != nil {
			return nil, err
		}
		out = append(out, ClassPrompts{class, list})
	}
	return out, nil
}

// CheckTemplates refuses templates that would give all classes the same prompts. Those that are empty are passed over.
func CheckTemplates(templates []string) error {
	places := 0
	for i, t := range templates {
		switch {
		case hasPlace(t):
			places++
		case strings.TrimSpace(t) != "":
			return fmt.Errorf("template %d, %.100q, has no {c} for the class name", i+1, t)
		}
	}
	if places == 0 {
		return fmt.Errorf("no template has a {c} for the class name")
	}
	return nil
}

// objectMember is a member of a JSON object.
type objectMember struct {
	key   string
	value json.RawMessage
}

// readObject reads a text, and its members in their order if it is a JSON object.
func readObject(r io.Reader) (text string, members []objectMember, err error) {
	data, err := io.ReadAll(io.LimitReader(r, listLimit+1))
	switch {
	case err != nil:
		return "", nil, err
	case len(data) > listLimit:
		return "", nil, fmt.Errorf("the list has more than %d MB", listLimit>>20)
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	if !json.Valid(data) || data[0] != '{' {
		return string(data), nil, nil
	}
	if members, err = parseObject(data); err == nil && len(members) == 0 {
		err = fmt.Errorf("the JSON object is empty")
	}
	return string(data), members, err
}

// parseObject reads the members of a JSON object in their order. A key that occurs twice is an error: one of the values would be lost.
func parseObject(data []byte) (out []objectMember, err error) {
	in := json.NewDecoder(bytes.NewReader(data))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("it is no JSON object")
	}
	seen := map[string]bool{}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return nil, err
		}
		m := objectMember{key: key.(string)} // the decoder gives no other keys
		if err := in.Decode(&m.value); err != nil {
			return nil, err
		}
		if seen[m.key] {
			return nil, fmt.Errorf("the key %.100q occurs twice", m.key)
		}
		seen[m.key] = true
		out = append(out, m)
	}
	return out, nil
}

// texts are the value of a member that has to be a list of strings with at least one.
func texts(m objectMember) (list []string, err error) {
	if json.Unmarshal(m.value, &list) != nil || len(list) == 0 {
		return nil, fmt.Errorf(`the value of %.100q is not a list of strings such as ["a {c}"]`, m.key)
	}
	return list, nil
}
