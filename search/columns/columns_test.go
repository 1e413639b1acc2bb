package columns

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestNumbersAreThoseOfJSON(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "-1.5": -1.5, " 3 ": 3, "1e3": 1000, "9007199254740992": 1 << 53, "1e300": 1e300} {
		if x, ok := Number(text); !ok || x != want {
			t.Errorf("%q: %v, %v", text, x, ok)
		}
	}
	for _, text := range []string{"", "007", "1,5", "NaN", "Inf", "0x10", "1_000", "+1", ".5", "9007199254740994", "1e999", "1 2"} {
		if x, ok := Number(text); ok {
			t.Errorf("%q is %v", text, x)
		}
	}
}

func TestNamesOfTheIndexAreRefused(t *testing.T) {
	for _, name := range []string{"caption", "Image_Path", "SIZE", "exif", "path", "embedding", "", " a", "a=b", "a<b", "a,b",
		"a\nb", "\xff",
		strings.Repeat("x", 256)} {
		if Check(name) == nil {
			t.Errorf("%q is accepted", name)
		}
	}
	for _, name := range []string{"id", "rating", "photo credit", "größe", "a.b", `q"t`} {
		if err := Check(name); err != nil {
			t.Error(err)
		}
	}
}

func TestValuesReplaceThoseOfBefore(t *testing.T) {
	old := Values{{"a", "x"}, {"c", 1.0}}
	got := Values{{"c", nil}, {"b", "y"}}.Over(old)
	if want := (Values{{"a", "x"}, {"b", "y"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	if got := (Values{{"a", nil}, {"c", nil}}).Over(old); got != nil {
		t.Errorf("%v", got)
	}
	if got := Values(nil).Over(old); !reflect.DeepEqual(got, old) {
		t.Errorf("%v", got)
	}
}

func TestValuesAreAnObjectOfJSON(t *testing.T) {
	v := Values{{"a <b>", "x\n\"y\""}, {"n", 0.1}}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back Values
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%s: %v %v", data, back, err)
	}
	if err := json.Unmarshal([]byte(`{"a": [1]}`), &back); err == nil {
		t.Error("a list is accepted")
	}
}

func TestAColumnHasOneType(t *testing.T) {
	a := []Column{{"x", Text}}
	all, err := Union(a, []Column{{"y", Double}, {"x", Text}})
	if err != nil || !reflect.DeepEqual(all, []Column{{"x", Text}, {"y", Double}}) {
		t.Errorf("%v %v", all, err)
	}
	_, err = Union(a, []Column{{"x", Double}})
	if conflict := (*Conflict)(nil); !errors.As(err, &conflict) || conflict.Have != Text || conflict.Want != Double {
		t.Error(err)
	}
}

func TestConditionsSelectValues(t *testing.T) {
	have := []Column{{"name", Text}, {"n", Double}}
	values := []any{"a", "b", 1.0, 2.0, 3.0, nil}
	for text, want := range map[string]string{
		"name=a": "a", "name != a": "b", "n=2": "2", "n!=2.0": "13", "n<2": "1", "n<=2": "12", "n>2": "3", "n >= 2": "23", "name=a=b": "",
	} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Resolve([]Condition{c}, have)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, v := range values {
			_, isText := v.(string)
			if (c.Column == "name") == isText && all[0].Accepts(v) {
				got += strings.TrimSpace(strings.Trim(string(must(json.Marshal(v))), `"`))
			}
		}
		if got != want {
			t.Errorf("%s: %q, not %q", text, got, want)
		}
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestConditionsThatMeanNothingAreRefused(t *testing.T) {
	for _, text := range []string{"", "n", "=3", "n=", "n ! 3", "n!"} {
		if c, err := ParseCondition(text); err == nil {
			t.Errorf("%q: %v", text, c)
		}
	}
	have := []Column{{"name", Text}, {"n", Double}}
	for text, reason := range map[string]string{"m=1": "it has name, n", "name<a": "holds texts", "n=x": "holds numbers"} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Resolve([]Condition{c}, have); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Resolve([]Condition{{Column: "m"}}, nil); err == nil || !strings.Contains(err.Error(), "--metadata") {
		t.Error(err)
	}
}
