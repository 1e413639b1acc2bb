package pickle

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// gather finds the weights and the metadata in a saved object.
func gather(a *archive, value any) (*File, error) {
	f := &File{mapped: a.data, index: map[string]int{}, info: map[string]string{}, unread: map[string]string{}}
	attributes, ok := items(value)
	if !ok {
		return nil, fmt.Errorf("%w: it holds neither a dict nor a module", errNoWeights)
	}
	if o, ok := value.(*object); ok {
		f.class = string(o.class)
	}
	for _, p := range attributes {
		if key, ok := p.key.(string); ok {
			if text, ok := plain(p.value); ok {
				f.info[key] = text
			}
		}
	}
	w := walker{archive: a, file: f}
	if err := w.walk("", f.weights(attributes), 0); err != nil {
		return nil, err
	}
	if len(f.tensors) == 0 {
		return nil, fmt.Errorf("%w; it holds %s", errNoWeights, keys(attributes))
	}
	return f, nil
}

var errNoWeights = errors.New("there are no weights in it")

// average is the key under which open_clip saves an average of the weights.
const average = "state_dict_ema"

// containers are the keys under which training programs save the weights, in order of preference: open_clip and Lightning, loops written
// by hand, timm and others, DeepSpeed.
var containers = []string{"state_dict", "model_state_dict", "model", "module", "net"}

// weights returns the dict of weights in a training checkpoint of open_clip's or others'. It takes an average only if there are no other
// weights.
func (f *File) weights(attributes []pair) []pair {
	found := map[string][]pair{}
	for _, p := range attributes {
		key, _ := p.key.(string)
		if inner, ok := items(p.value); ok && found[key] == nil {
			found[key] = inner
		}
	}
	for _, name := range append(slices.Clone(containers), average) {
		if found[name] == nil {
			continue
		}
		switch {
		case name == average:
			f.notes = append(f.notes, "the weights are its "+average+", an average over the training; there are no others in it")
		case found[average] != nil:
			f.notes = append(f.notes, fmt.Sprintf("the weights are its %s; the average in %s is passed over (to use it, save it alone)",
				name, average))
		}
		return found[name]
	}
	return attributes
}

func items(v any) ([]pair, bool) {
	switch v := v.(type) {
	case *dict:
		return v.items, true
	case *object:
		if v.state != nil {
			return v.state.items, true
		}
		return nil, true
	default:
		return nil, false
	}
}

func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}

// keys lists up to eight keys for a message.
func keys(attributes []pair) string {
	var names []string
	for _, p := range attributes {
		if key, ok := p.key.(string); ok && len(names) < 8 {
			names = append(names, strconv.Quote(key[:min(len(key), 40)]))
		}
	}
	if len(names) == 0 {
		return "nothing with a name"
	}
	return strings.Join(names, ", ")
}

// A file can refer to a part several times, at each level. So the number of visits is bounded, not only the size of the file.
const (
	maxDepth   = 64      // modules within modules
	maxVisits  = 1 << 15 // attributes in all; the largest CLIPs have some 10,000
	maxLetters = 4 << 20 // bytes of all names
)

// walker names each tensor by the path of attributes to it.
type walker struct {
	archive *archive
	file    *File
	visits  int
	letters int // of the names so far
}

func (w *walker) walk(prefix string, attributes []pair, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%.80q...: it nests too deeply", prefix)
	}
	for _, p := range attributes {
		key, _ := p.key.(string)
		w.visits++
		w.letters += len(prefix) + len(key)
		if w.visits > maxVisits || w.letters > maxLetters {
			return errors.New("it repeats its parts too often")
		}
		if t, ok := p.value.(*tensor); ok {
			if err := w.add(prefix+key, t); err != nil {
				return fmt.Errorf("tensor %.200q: %w", prefix+key, err)
			}
		} else if made, ok := p.value.(foreign); ok {
			w.file.unread[prefix+key] = string(made)
		} else if inner, ok := items(p.value); ok {
			if err := w.walk(prefix+key+".", inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) add(name string, t *tensor) error {
	if _, twice := w.file.index[name]; twice {
		return errors.New("it occurs twice")
	}
	e, err := w.archive.resolve(name, t)
	if err != nil {
		return err
	}
	if w.archive.room -= e.size(); w.archive.room < 0 {
		return errors.New("in order, it and those before it would be larger than the file")
	}
	w.file.index[name] = len(w.file.tensors)
	w.file.tensors = append(w.file.tensors, e)
	return nil
}
