package fault

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestJSONErrorsSpeakOfTheFile(t *testing.T) {
	var v struct {
		Width int `json:"width"`
		Inner struct {
			Names []string `json:"names"`
			On    *bool    `json:"on"`
		} `json:"inner"`
	}
	for data, want := range map[string]string{
		`{"width": "a"}`:                  "width: it is text, not a whole number",
		`{"width": 1.5}`:                  "width: it is the number 1.5, not a whole number",
		`{"width": 1e400}`:                "width: it is the number 1e400, not a whole number",
		`{"inner": {"names": 3}}`:         "inner.names: it is a number, not a list",
		`{"inner": {"on": {}}}`:           "inner.on: it is an object, not true or false",
		`[]`:                              "it is a list, not an object",
		`{"width": `:                      "not JSON: byte 10: unexpected end of JSON input",
		`{"inner": {"names": [{}, "a"]}}`: "inner.names: it is an object, not text",
	} {
		err := JSON(json.Unmarshal([]byte(data), &v))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", data, err, want)
		}
	}
	if JSON(nil) != nil {
		t.Error("an error from none")
	}
}

func TestLongNamesAreCutBetweenLetters(t *testing.T) {
	long := "a" + strings.Repeat("\u00e9", 1000)
	if got := Short(long); len(got) > 210 || !utf8.ValidString(got) || !strings.HasSuffix(got, "...") {
		t.Errorf("%q", got)
	}
	if got := Short("name"); got != "name" {
		t.Errorf("%q", got)
	}
}
