package datasets

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"clipgo/internal/npy"
)

// A sample with a member npy may have several classes: the member is a vector with a number for each class, not 0 for those that the
// sample has. If the sample has one class in cls, the member says which groups it belongs to, as in the sets of WILDS and in Dollar Street.
// Such members are read for evaluations alone: other sets keep features in members of this type.

// labelsField is the type of the member.
const labelsField = "npy"

// readLabels fills in the classes of such a member.
func (one *shardSample) readLabels(m *tarMember) {
	classes, err := npy.Vector(m.text)
	if err == nil && len(classes) == 0 {
		err = errors.New("it has no numbers")
	}
	if int64(len(m.text)) < m.size {
		err = fmt.Errorf("it has more than %d bytes", maxMemberText)
	}
	if err != nil {
		one.fail(fmt.Sprintf("its labels in %s can't be read: %v", m.name, err))
		return
	}
	if at := slices.IndexFunc(classes, math.IsNaN); at >= 0 {
		one.fail(fmt.Sprintf("its labels in %s can't be read: number %d is NaN", m.name, at+1))
		return
	}
	one.width = int32(len(classes))
	for c, v := range classes {
		if v != 0 {
			one.positives = append(one.positives, int32(c))
		}
	}
}

// mostGroups is the length from which on a vector beside a class is something else, such as features.
const mostGroups = 32

// readGroups fills in the groups of a sample. The sample can be used without them: CLIP_benchmark doesn't read them.
func (one *shardSample) readGroups(m *tarMember) {
	values, err := npy.Vector(m.text)
	if err != nil || len(values) > mostGroups || int64(len(m.text)) < m.size {
		return
	}
	groups := make([]int32, len(values))
	for i, v := range values {
		if !(math.Abs(v) <= math.MaxInt32) {
			return
		}
		groups[i] = int32(v)
	}
	one.groups = groups
}

// groupsOf are the groups of a sample; nil without any.
func (one *shardSample) groupsOf() (out []int) {
	for _, g := range one.groups {
		out = append(out, int(g))
	}
	return out
}

// labels are the classes of a sample that may have several; nil if it may not.
func (one *shardSample) labels() []int {
	if one.width == 0 {
		return nil
	}
	out := make([]int, len(one.positives))
	for i, c := range one.positives {
		out[i] = int(c)
	}
	return out
}

// fits compares the length of the vector with the number of classes.
func (one *shardSample) fits(classes []string) {
	if n := len(classes); n > 0 && one.width > 0 && int(one.width) != n {
		one.fail(fmt.Sprintf("its .npy has labels for %d classes, but there are %d class names", one.width, n))
		one.width, one.positives = 0, nil
	}
}

// describeEvaluation finds the type of a set that doesn't say it by the labels of its samples, and notes what counts in evaluations
// although it looks like a mistake.
func (s *shards) describeEvaluation() {
	several, single, bare, blank := 0, 0, 0, 0
	for i := range s.Len() {
		part, n := s.at(i)
		switch one := s.sample(part, n); {
		case one.bad != "":
		case one.width > 0 && one.label < 0:
			several++
		case one.label >= 0 && len(one.captions) == 0:
			single++
		case s.captionLines && len(one.captions) == 0:
			bare++
		case s.captionLines:
			blank += len(one.captions) - len(notEmpty(slices.Clone(one.captions)))
		}
	}
	switch {
	case s.info.Type != "":
	case 2*several > s.Len():
		s.info.Type = MultiLabelType
	case 2*single > s.Len():
		s.info.Type = ClassificationType
	}
	if bare > 0 {
		s.note("%d of %d pictures have no caption: each is a query that finds nothing, and a wrong answer of all captions", bare, s.Len())
	}
	if blank > 0 {
		s.note("%d captions are blank: each is a query like any other", blank)
	}
	if n := count(s.info.Classes, ""); n > 0 {
		s.note("%d of %d class names are blank: each is a class without a name", n, len(s.info.Classes))
	}
	if n := count(s.info.Templates, ""); n > 0 {
		s.note("%d of %d lines of zeroshot_classification_templates.txt are blank: each is a prompt that is the same for all classes", n,
			len(s.info.Templates))
	}
}

// count is how often a text occurs.
func count(list []string, text string) (n int) {
	for _, one := range list {
		if one == text {
			n++
		}
	}
	return n
}
