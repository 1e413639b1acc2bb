package benchmark

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// Prompting says where class names and prompts come from, and what results tell of them.
type Prompting struct {
	// NamesFile and TemplatesFile have the forms that eval.ReadCustomNames and eval.ReadCustomTemplates read; empty: those of the data,
	// else templates of the model or OpenAI's.
	NamesFile, TemplatesFile string
	// DumpNames and DumpTemplates write them into the results.
	DumpNames, DumpTemplates bool
	// SaveClassifier is a file for the zero-shot classifier, and LoadClassifiers are files of some whose mean takes the place of that of
	// names and prompts.
	SaveClassifier  string
	LoadClassifiers []string
	// Language is a key of the results, no more: names and templates are those of the files.
	Language string
}

// languageOf is the language of a cell; empty for the usual one.
func languageOf(language string) string {
	if language == "en" {
		return ""
	}
	return language
}

// custom are the contents of the files.
type custom struct {
	names     *eval.CustomNames
	templates *eval.CustomTemplates
	Prompting
}

// read reads the files. What they have to say is an error of the setting that names them.
func (p Prompting) read() (*custom, error) {
	c := &custom{Prompting: p}
	err := readCustom("custom_classname_file", p.NamesFile, func(r io.Reader) (err error) {
		c.names, err = eval.ReadCustomNames(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, readCustom("custom_template_file", p.TemplatesFile, func(r io.Reader) (err error) {
		c.templates, err = eval.ReadCustomTemplates(r)
		return err
	})
}

func readCustom(setting, file string, read func(io.Reader) error) error {
	if file == "" {
		return nil
	}
	f, err := bounded.Open(file, bounded.List)
	if err != nil {
		return fault.Setting(setting, "%w", err)
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fault.Setting(setting, "%s: %v", file, err)
	}
	return nil
}

// keys are the names under which files may have a data set.
func (d *Data) keys() []string {
	if short, ok := strings.CutPrefix(d.Name, "wds/"); ok {
		return []string{d.Name, short}
	}
	return []string{d.Name}
}

// classes are the class names that a file gives a data set; nil without a file.
func (c *custom) classes(d *Data) ([]string, error) {
	if c == nil || c.names == nil {
		return nil, nil
	}
	names, err := c.names.Of(d.keys()...)
	if err != nil {
		return nil, fault.Setting("custom_classname_file", "%s: %v", c.NamesFile, err)
	}
	return names, nil
}

// prompts are what the classes of a data set are embedded with: those of a file, of the data, of the model, or OpenAI's. note says what
// users might not expect.
func (f *features) prompts(info datasets.Info) (p eval.Prompts, note string, err error) {
	p = eval.Prompts{Classes: info.Classes, Templates: info.Templates}
	if c := f.data.custom; c != nil && c.templates != nil {
		var fallback bool
		p.Templates, p.ByClass, fallback, err = c.templates.Of(info.Classes, f.data.keys()...)
		if err != nil {
			return p, "", fault.Setting("custom_template_file", "%s: %v", c.TemplatesFile, err)
		}
		if fallback {
			note = fmt.Sprintf("%s has no templates for %s; those for %s are used", c.TemplatesFile, f.data.Name, eval.ImageNet)
		}
		return p, note, nil
	}
	if len(info.Templates) == 0 {
		p.Templates = f.model.Templates(info)
		return p, fmt.Sprintf("%s has no templates; %d of the model or of OpenAI's are used", info.Name, len(p.Templates)), nil
	}
	if err := eval.CheckTemplates(info.Templates); err != nil {
		return p, "", fault.Dataf("%s: zeroshot_classification_templates.txt: %v", info.Name, err)
	}
	return p, "", nil
}

// classifier embeds the classes of a data set and notes what is odd about them. o gets the prompts.
func (f *features) classifier(ctx context.Context, info datasets.Info, o *outcome) (*eval.Classifier, error) {
	p, note, err := f.prompts(info)
	if err != nil {
		return nil, err
	}
	if note != "" {
		f.note(note)
	}
	f.noteClasses(info)
	how := Prompting{}
	if f.data.custom != nil {
		how = f.data.custom.Prompting
	}
	if len(how.LoadClassifiers) > 0 {
		o.classes = info.Classes
		return loadClassifiers(how.LoadClassifiers, f.model.Dim(), info.Classes)
	}
	o.classes, o.templates = info.Classes, any(p.Templates)
	if p.ByClass != nil {
		object := clipbenchmark.Object{}
		for _, c := range p.ByClass {
			object = append(object, clipbenchmark.Metric{Key: c.Class, Value: c.Prompts})
		}
		o.templates = object
	}
	c, err := f.model.ClassifierOf(ctx, p)
	if err == nil && how.SaveClassifier != "" {
		err = saveClassifier(how.SaveClassifier, c)
	}
	return c, err
}

// noteClasses notes names that occur twice: the first of equal classes always wins.
func (f *features) noteClasses(info datasets.Info) {
	first := map[string]int{}
	for i, name := range info.Classes {
		if before, again := first[name]; again {
			f.note(fmt.Sprintf("the class name %q occurs twice, as classes %d and %d: the first one always wins", name, before, i))
			return
		}
		first[name] = i
	}
}

// noteEmpty notes classes without a sample.
func (f *features) noteEmpty(classes []eval.ClassResult) {
	empty, first := 0, ""
	for _, c := range classes {
		if c.N == 0 {
			if empty++; empty == 1 {
				first = c.Class
			}
		}
	}
	if empty > 0 {
		f.note(fmt.Sprintf("%d of %d classes have no sample, such as %q: they can only be wrong answers", empty, len(classes), first))
	}
}

// note keeps notes for the cell that is computed, each once.
func (f *features) note(lines ...string) {
	for _, line := range lines {
		if !slices.Contains(f.notes, line) {
			f.notes = append(f.notes, line)
		}
	}
}

// dump adds names and templates to a result.
func (p Prompting) dump(r *clipbenchmark.Result, o *outcome) {
	if p.DumpNames && o.classes != nil {
		r.Classnames = o.classes
	}
	if p.DumpTemplates && o.templates != nil {
		r.Templates = o.templates
	}
}

// fingerprint is what the results depend on beside the names and templates of the data.
func (c *custom) fingerprint(d *Data, info datasets.Info) string {
	if c == nil {
		return ""
	}
	text := fmt.Sprintf("%v %v %q %q", c.DumpNames, c.DumpTemplates, c.Language, c.SaveClassifier)
	for _, file := range c.LoadClassifiers {
		data, err := bounded.ReadFile(file, bounded.List)
		text += fmt.Sprintf(" %s %v", digest(string(data)), err)
	}
	if c.templates != nil {
		templates, prompts, _, err := c.templates.Of(info.Classes, d.keys()...)
		text += fmt.Sprintf(" %q %q %v", templates, prompts, err)
	}
	return text
}
