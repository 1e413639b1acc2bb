package record

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestNumbersThatJSONLacksAreNull(t *testing.T) {
	for v, want := range map[Number]string{1.5: "1.5", Number(math.Inf(1)): "null", Number(math.Inf(-1)): "null"} {
		if got, err := v.MarshalJSON(); err != nil || string(got) != want {
			t.Errorf("%v: %s %v", v, got, err)
		}
	}
	if got, err := Number(math.NaN()).MarshalJSON(); err != nil || string(got) != "null" {
		t.Errorf("NaN: %s %v", got, err)
	}
}

// What was written is read back, extra numbers in their order.
func TestARowComesBack(t *testing.T) {
	row := Row{Step: 7, Samples: 448, Epoch: 0.5, Loss: 1.25, Scale: 14.3, LR: 1e-3, GradNorm: 2, Skipped: 1, Pairs: 600, Wait: 0.1,
		Extra: []Named{{"mlm_loss", 3}, {"contrastive_loss", 2}}}
	line, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	var got Row
	if err := json.Unmarshal(line, &got); err != nil || !reflect.DeepEqual(got, row) {
		t.Errorf("%s became %+v, %v", line, got, err)
	}
	if v, ok := got.Number("contrastive_loss"); !ok || v != 2 {
		t.Errorf("contrastive_loss %v %v", v, ok)
	}
	if _, ok := got.Number("loss"); ok {
		t.Error("a field is an extra number too")
	}
}

func TestFieldsAreKnownByTheirNames(t *testing.T) {
	var tags []string
	for i := range reflect.TypeFor[Row]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Row]().Field(i).Tag.Get("json"), ",")
		tags = append(tags, name)
	}
	if want := append(slices.Clone(own), "-"); !slices.Equal(tags, want) {
		t.Errorf("fields are %v, the list says %v", tags, want)
	}
}

func TestTornMetricsAreReadUpToTheTear(t *testing.T) {
	rows, err := ReadRows(strings.NewReader(`{"step":1,"loss":4.8,"scale":14.3,"lr":0.1,"grad_norm":null,"pairs_per_second":9}` +
		"\n\n" + `{"step":2,"lo`))
	if err != nil || len(rows) != 1 || rows[0].Loss != 4.8 || !math.IsNaN(float64(rows[0].GradNorm)) || rows[0].Pairs != 9 {
		t.Errorf("%+v %v", rows, err)
	}
	if _, err := ReadRows(strings.NewReader("{}\n{]\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
	if rows, err := ReadRows(strings.NewReader("{}\n")); err != nil || !math.IsNaN(rows[0].LR) || !math.IsNaN(rows[0].Pairs) ||
		!math.IsNaN(float64(rows[0].Loss)) {
		t.Errorf("numbers that are absent: %+v %v", rows, err)
	}
}

func TestExtraNumbersThatAreNoneAreLeftOut(t *testing.T) {
	rows, err := ReadRows(strings.NewReader(`{"step":20,"contrastive_loss":3,"mlm_loss":null,"note":"text","nested":{"a":1}}` + "\n"))
	if err != nil || !slices.Equal(rows[0].Extra, []Named{{"contrastive_loss", 3}}) {
		t.Errorf("%+v, %v", rows, err)
	}
}
