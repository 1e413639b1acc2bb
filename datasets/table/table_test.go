package table

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// reads lists the rows of a table as line:cells, or line!reason.
func reads(t *testing.T, name, content string, o Options) string {
	t.Helper()
	tab, err := Open([]byte(content), name, o)
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for row := range tab.Rows() {
		if row.Bad != "" {
			out = append(out, fmt.Sprintf("%d!%s", row.Line, row.Bad))
			continue
		}
		var cells []string
		for _, column := range tab.Columns {
			text, ok := row.Value(column).Text()
			if !ok {
				text = "?"
			}
			cells = append(cells, text)
		}
		out = append(out, fmt.Sprintf("%d:%s", row.Line, strings.Join(cells, "|")))
	}
	return strings.Join(tab.Columns, "|") + "; " + strings.Join(out, "; ")
}

func TestTheSameRowsInEachFormat(t *testing.T) {
	for _, c := range []struct{ extension, content, want string }{
		{".csv", "\ufeffa,b\r\nx,y\r\nz,\r\n", "a|b; 2:x|y; 3:z|"},
		{".tsv", "a\tb\nx\ty\n", "a|b; 2:x|y"},
		{".jsonl", "\ufeff{\"a\":\"x\",\"b\":\"y\"}\n\n{\"a\":\"z\"}\n{\"b\":1}\n[1]\n",
			"a|b; 1:x|y; 3:z|; 4:|?; 5!the line is not a JSON object"},
		{".json", "[{\"a\":\"x\",\n\"b\":\"y\"},\n7,{\"a\":null}]", "a|b; 1:x|y; 2!the line is not a JSON object; 3:|"},
		{".jsonl", "{\"a\":\"x\"}\nnull\n{\"a\":\"y\",\"b\":\"z\"}\n", "a|b; 1:x|; 2!the line is not a JSON object; 3:y|z"},
		{".tsv", "a, b, c\td\nx, y, z\tw\n", "a, b, c|d; 2:x, y, z|w"},
		{".csv", "a,b\n1,\"2\n3,4\n5,6\n",
			"a|b; 2!the row has a quote that is not closed, or closed in the middle of a cell; 3:3|4; 4:5|6"},
		{".csv", "", "; "},
		{".jsonl", "\n\n", "; "},
		{".csv", "a,b\n", "a|b; "},
		{".csv", " a , a \n1,2\n", "a|a; 2:1|1"},
		{".csv", ",a\n1,2\n", "|a; 2:|2"}, // a column without a name can't be asked for
		{".jsonl", `{"":"1","a":"2"}`, "|a; 1:|2"},
		{".csv", "\xff\xfea", "error: it is UTF-16; save it as UTF-8"},
		{".csv", "\"a,b\nx,y\n",
			"error: its header in line 1 can't be read: the row has a quote that is not closed, or closed in the middle of a cell"},
		{".json", "{}",
			"error: it is neither a list of objects in JSON nor an object on each line: it is a JSON object"},
		{".json", "[{},]", "error: it is neither a list of objects in JSON nor an object on each line: " +
			"invalid character ']' looking for beginning of value at byte 5"},
		{".json", "\ufeff{\"a\":\"x\"}\n{\"a\":\"y\"}\n", "a; 1:x; 2:y"},
		{".csv", "a,b\rx,y\rz,1", "a|b; 2:x|y; 3:z|1"},
		{".csv", "a| b | c\nx| 1| \"y\" z \nu|2|3|4\nv|w|x\n",
			"a|b|c; 2:x|1|\"y\" z; 3!the row has 4 cells, the header 3; 4:v|w|x"},
		{".jsonl", "7\n", "error: none of its first 1000 lines is a JSON object with columns"},
		{".txt", "a", "error: .txt is not the extension of a table"},
	} {
		if got := reads(t, c.extension, c.content, Options{}); got != c.want {
			t.Errorf("%s %q:\n%s\nwant\n%s", c.extension, c.content, got, c.want)
		}
	}
}

func TestTheSeparatorIsTheOneThatWasMeant(t *testing.T) {
	wanted := func(columns []string) bool { return slices.Contains(columns, "path") }
	for _, c := range []struct {
		content string
		o       Options
		want    string
	}{
		{"path;x,y,z\na;1\n", Options{}, "path;x|y|z; 2!the row has 1 cells, the header 3"},
		{"path;x,y,z\na;1\n", Options{Wanted: wanted}, "path|x,y,z; 2:a|1"},
		{"path|x\na|1\n", Options{Separator: '|'}, "path|x; 2:a|1"},
	} {
		if got := reads(t, ".csv", c.content, c.o); got != c.want {
			t.Errorf("%q: %s, want %s", c.content, got, c.want)
		}
	}
	for text, want := range map[string]rune{
		",": ',', `\t`: '\t', "\t": '\t', "\u00a7": '\u00a7', "": 0, "::": 0, `"`: 0, "\n": 0, "\xff": 0,
	} {
		if got, err := ParseSeparator(text); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestValuesOfCellsAndObjects(t *testing.T) {
	value := func(extension, content string) Value {
		tab, err := Open([]byte(content), extension, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for row := range tab.Rows() {
			return row.Value("v")
		}
		t.Fatal("no row")
		return Value{}
	}
	type all struct {
		text, texts, name string // ? where it is none
		number            string
		list              string
	}
	show := func(s string, ok bool) string {
		if !ok {
			return "?"
		}
		return s
	}
	for _, c := range []struct {
		extension, content string
		want               all
	}{
		{".csv", "v\n two \n", all{" two ", "[ two ]", "two", "two", "?"}},
		{".csv", "v\n7\n", all{"7", "[7]", "7", "7", "?"}},
		{".csv", "v\n\"[\"\"a\"\",\"\"b\"\"]\"\n", all{`["a","b"]`, `[["a","b"]]`, `["a","b"]`, `["a","b"]`, "[a b]"}},
		{".csv", "v,w\nnull,\n", all{"null", "[null]", "null", "", "?"}},
		{".jsonl", `{"v":"two "}`, all{"two ", "[two ]", "two", "two", "?"}},
		{".jsonl", `{"v":7.50}`, all{"?", "?", "7.50", "7.50", "?"}},
		{".jsonl", `{"v":"7"}`, all{"7", "[7]", "7", "7", "?"}},
		{".jsonl", `{"v":["a","b"]}`, all{"?", "[a b]", "?", `["a","b"]`, "[a b]"}},
		{".jsonl", `{"v":null}`, all{"", "[]", "", "", "?"}},
		{".jsonl", `{"w":1}`, all{"", "[]", "", "", "?"}},
		{".jsonl", `{"v":{}}`, all{"?", "?", "?", "{}", "?"}},
	} {
		v := value(c.extension, c.content)
		text, isText := v.Text()
		texts, areTexts := v.Texts()
		name, isName := v.Name()
		var items []string
		isList := v.List(&items)
		got := all{show(text, isText), show(fmt.Sprint(texts), areTexts), show(name, isName), v.Number(), show(fmt.Sprint(items), isList)}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q: %+v\nwant %+v", c.extension, c.content, got, c.want)
		}
	}
}

func TestRowsEndWhereTheCallerStops(t *testing.T) {
	for extension, content := range map[string]string{".csv": "v\n1\n2,2\n3\n4\n", ".jsonl": "{\"v\":1}\n{\"v\":2}\n{\"v\":3}\n"} {
		tab, err := Open([]byte(content), extension, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for stop := 1; stop <= 3; stop++ {
			n := 0
			for range tab.Rows() {
				if n++; n == stop {
					break
				}
			}
			if n != stop {
				t.Errorf("%s: %d rows, want %d", extension, n, stop)
			}
		}
	}
}

// Quotes that never close must not cost time by the square of the rows.
func TestManyUnclosedQuotesEnd(t *testing.T) {
	data := []byte("filepath,title\n" + strings.Repeat("a.jpg,\"x\nb.jpg,y\n\n", 200))
	tab, err := Open(data, ".csv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	for r := range tab.Rows() {
		if r.Bad == "" {
			good++
		} else {
			bad++
		}
	}
	if good != 200 || bad != 200 {
		t.Errorf("%d good and %d bad rows; want 200 each", good, bad)
	}
	c := newRecords(data, ',')
	c.again = 100
	last := ""
	for c.from < len(c.data) {
		c.read(newReader(c.data[c.from:], c.sep), func(r Row) bool { last = r.Bad; return true })
	}
	if !strings.Contains(last, "lost") {
		t.Errorf("the last row says %q; want that rows are lost", last)
	}
}

func FuzzTable(f *testing.F) {
	for _, seed := range []string{
		"filepath,title\na.jpg,one\n", "image\tcaption\na.jpg\t\"x\ny\"\n", "image;label\na.jpg;\"x\n\n\"\"b.jpg;2\r\n", "\"\n\"\"\n,",
		`{"image":"a.jpg","caption":["x"],"label":3}` + "\n{", "image,caption\n\ra,b\n", "\n\r\r\n\"", "a,b\n\r\r", `[{"a":1},{}]`,
		",\n\r\r\n00",
	} {
		for kind := range extensions {
			f.Add([]byte(seed), byte(kind))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, kind byte) {
		tab, err := Open(data, extensions[int(kind)%len(extensions)], Options{})
		if err != nil {
			return
		}
		line, kept := int64(0), 0
		for r := range tab.Rows() {
			if r.Line <= line {
				t.Errorf("line %d follows line %d", r.Line, line)
			}
			line = r.Line
			for _, cell := range r.cells {
				kept += len(cell)
			}
			for _, column := range tab.Columns {
				texts, _ := r.Value(column).Texts()
				r.Value(column).List(&texts)
			}
		}
		if kept > len(data) {
			t.Errorf("%d bytes kept of %d", kept, len(data))
		}
	})
}
