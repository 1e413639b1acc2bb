package datasets

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"clipgo/internal/paths"
)

// shardSample is a sample of a shard, without its picture's bytes. It doesn't depend on what the samples are needed for.
type shardSample struct {
	name         string // of the picture's member; the sample's key if there is none
	captions     []string
	weights      []float32 // of the captions; nil: equal
	label        int32     // -1: none
	offset, size int64
	bad          string // why it can't be used for anything
	// width is the length of the vector of its classes, and positives are those that it has; 0 without one.
	width     int32
	positives []int32
	groups    []int32 // of a sample with one class
	members   string  // its members, for a message; of a sample without captions or label
	apart     string  // where its other members are. It replaces any reason why the sample can't be used
}

// pictureFields are the extensions of members that hold a picture.
var pictureFields = withoutDots(paths.PictureExtensions())

func withoutDots(extensions []string) []string {
	out := make([]string, len(extensions))
	for i, e := range extensions {
		out[i] = strings.TrimPrefix(e, ".")
	}
	return out
}

func newSampler(rules shardRules) *sampler {
	return &sampler{shardRules: rules, repairs: captionRepairs{keys: rules.keys}}
}

// sampler makes samples of a shard's groups.
type sampler struct {
	shardRules
	repairs captionRepairs
	dotted  int // samples whose members have the part after the last dot as their type
}

// samples lists the samples of an indexed shard. If a part of it could not be read, one more sample represents that part.
func (s *sampler) samples(x tarIndex) []shardSample {
	out := make([]shardSample, 0, len(x.groups)+1)
	first := make(map[string]int, len(x.groups)) // index of the sample
	groups := s.regroup(x.groups)
	for i, g := range groups {
		one := s.sample(g)
		at, again := first[g.key]
		switch {
		case !again:
			first[g.key] = i
		case groups[at].completes(g):
			one.bad = separated(groups[at])
			out[at].apart = separated(g)
		default:
			one.bad = fmt.Sprintf("its key occurs a second time, first at byte %d", groups[at].members[0].offset)
		}
		out = append(out, one)
	}
	if x.broken != "" {
		out = append(out, shardSample{label: -1, offset: x.brokenAt, bad: "the shard " + x.broken})
	}
	return out
}

// separated says where the other members of a sample are.
func separated(other tarGroup) string {
	m := other.members[0]
	return fmt.Sprintf("its members are not next to each other: %s is at byte %d; make the archive with tar --sort=name", m.name, m.offset)
}

func (s *sampler) sample(g tarGroup) shardSample {
	fields := make(map[string]*tarMember, len(g.members))
	one := shardSample{name: g.key, label: -1, offset: g.members[0].offset}
	for i := range g.members {
		m := &g.members[i]
		switch {
		case m.problem != "":
			one.fail(m.name + " " + m.problem)
		case fields[m.field] != nil:
			one.fail("two members have the name " + g.key + "." + m.field)
		}
		fields[m.field] = m
	}
	s.picture(&one, g, fields)
	s.text(&one, g, fields)
	return one
}

// fail records why a sample can't be used. The first reason is kept.
func (one *shardSample) fail(reason string) {
	if one.bad == "" {
		one.bad = reason
	}
}

func (s *sampler) picture(one *shardSample, g tarGroup, fields map[string]*tarMember) {
	order := s.pictures()
	i := slices.IndexFunc(order, func(f string) bool { return fields[f] != nil })
	if i < 0 {
		one.fail("no picture (" + strings.Join(order, ", ") + ")" + g.about())
		return
	}
	m := fields[order[i]]
	one.name, one.offset, one.size = m.name, m.offset, m.size
	if m.size == 0 {
		one.fail(m.name + " is empty")
	}
}

// text fills in label and captions.
func (s *sampler) text(one *shardSample, g tarGroup, fields map[string]*tarMember) {
	if m := fields["cls"]; m != nil {
		label, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(m.text), byteOrderMark)))
		if err != nil || label < 0 || label > math.MaxInt32 {
			one.fail(fmt.Sprintf("its label %.20q is not a class number", m.text))
		} else {
			one.label = int32(label)
		}
	}
	switch m := fields[labelsField]; {
	case m == nil || !s.evaluation:
	case fields["cls"] != nil && !s.severalClasses:
		one.readGroups(m)
	default:
		one.readLabels(m)
	}
	s.caption(one, fields)
	if len(one.captions) == 0 || one.label < 0 {
		one.members = g.about()
	}
}

// serve gives a sample the caption of its class, and says why it can't be used for a need.
// captionless are usable for captions too.
func (one *shardSample) serve(need Need, classes []string, captionless bool) {
	one.fits(classes)
	if n := len(classes); n > 0 && int(one.label) >= n {
		one.fail(fmt.Sprintf("its label %d is not below the number of class names, %d", one.label, n))
		one.label = -1
	}
	if len(one.captions) == 0 && one.label >= 0 && len(classes) > 0 {
		one.captions = []string{classes[one.label]}
	}
	if len(one.captions) == 0 && need == NeedCaptions && !captionless {
		one.fail("no caption (txt, or caption or text in json)" + one.members)
	}
	if one.label < 0 && one.width == 0 && need == NeedLabels {
		one.fail("no label (cls)" + one.members)
	}
	if one.bad != "" && one.apart != "" {
		one.bad = one.apart
	}
}

// caption fills in the captions: those of txt or, if the user names keys or txt has none, those of json. If the list of json has the one
// caption of txt among them, all count: package pack writes the first in txt, for readers of one caption.
func (s *sampler) caption(one *shardSample, fields map[string]*tarMember) {
	text := s.captions(fields)
	m := fields["json"]
	switch {
	case m != nil && s.repairs.wantJSON(text):
		one.captions, one.weights = s.repairs.fromJSON(m.text, text)
		return
	case m != nil && len(text) == 1 && bytes.Contains(m.text, []byte(listKey)):
		if all, _ := s.repairs.fromJSON(m.text, nil); slices.Contains(all, text[0]) {
			text = all
		}
	}
	one.captions = s.repairs.keys.beside(text)
}

// captions takes txt as one caption with its line breaks.
func (s *sampler) captions(fields map[string]*tarMember) []string {
	m := fields["txt"]
	switch {
	case m == nil:
		return nil
	case s.captionLines:
		return s.captionsOf(string(m.text))
	}
	return s.repairs.usable([]string{string(m.text)})
}

func (s *sampler) trimmed(lines []string) []string {
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return s.repairs.usable(lines)
}
