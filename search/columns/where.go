package columns

import (
	"cmp"
	"fmt"
	"strings"

	"clipgo/internal/fault"
)

// Operator compares a value with that of a condition.
type Operator string

// The operators. Texts have the first two alone.
const (
	Equal      Operator = "="
	NotEqual   Operator = "!="
	AtLeast    Operator = ">="
	AtMost     Operator = "<="
	GreaterOne Operator = ">"
	LessOne    Operator = "<"
)

// Condition is what the value of a row in a column has to be. A row without a value satisfies none.
type Condition struct {
	Column   string
	Operator Operator
	Value    string  // as it is written; what a text is compared with
	Number   float64 // what a number is compared with; Resolve fills it in
	Type     Type    // of the column; Resolve fills it in
}

// ParseCondition reads COL=VALUE, or the same with another operator. White space around the name and the value doesn't count.
func ParseCondition(text string) (c Condition, err error) {
	at := strings.IndexAny(text, "<>=!")
	if at >= 0 {
		for _, op := range []Operator{AtLeast, AtMost, NotEqual, Equal, GreaterOne, LessOne} {
			if value, ok := strings.CutPrefix(text[at:], string(op)); ok {
				c = Condition{Column: strings.TrimSpace(text[:at]), Operator: op, Value: strings.TrimSpace(value)}
				break
			}
		}
	}
	if c.Operator == "" || c.Column == "" || c.Value == "" {
		return c, fault.Usagef("%q is not a condition: COL=VALUE, COL!=VALUE, or COL<N, COL<=N, COL>N, COL>=N of a column of numbers", text)
	}
	return c, nil
}

// ParseConditions reads several conditions.
func ParseConditions(texts []string) (out []Condition, err error) {
	for _, text := range texts {
		c, err := ParseCondition(text)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// Resolve compares conditions with the columns that there are, and reads their numbers. What can't be compared is a usage error.
func Resolve(conditions []Condition, have []Column) ([]Condition, error) {
	out := make([]Condition, len(conditions))
	for i, c := range conditions {
		column, ok := Find(have, c.Column)
		switch {
		case !ok && len(have) == 0:
			return nil, fault.Usagef("the index has no column %s: embed --metadata keeps columns of a table in it",
				c.Column)
		case !ok:
			return nil, fault.Usagef("the index has no column %s; it has %s", c.Column, Names(have))
		case column.Type == Text && c.Operator != Equal && c.Operator != NotEqual:
			return nil, fault.Usagef("the column %s holds texts: only = and != compare them, not %s", c.Column, c.Operator)
		}
		c.Type = column.Type
		if column.Type == Double {
			if c.Number, ok = Number(c.Value); !ok {
				return nil, fault.Usagef("the column %s holds numbers, and %q is none", c.Column, c.Value)
			}
		}
		out[i] = c
	}
	return out, nil
}

// Accepts tells whether a value satisfies the condition, which is resolved.
func (c Condition) Accepts(value any) bool {
	switch x := value.(type) {
	case string:
		return (x == c.Value) == (c.Operator == Equal)
	case float64:
		return c.Operator.holds(cmp.Compare(x, c.Number))
	}
	return false
}

func (o Operator) holds(order int) bool {
	switch o {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case AtLeast:
		return order >= 0
	case AtMost:
		return order <= 0
	case GreaterOne:
		return order > 0
	}
	return order < 0
}

func (c Condition) String() string { return fmt.Sprintf("%s%s%s", c.Column, c.Operator, c.Value) }
