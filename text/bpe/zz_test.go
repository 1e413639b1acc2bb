package bpe

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

func TestZZ(t *testing.T) {
	in, _ := os.Open("/tmp/text/in.jsonl")
	out, _ := os.Create("/tmp/text/out.jsonl")
	defer out.Close()
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var x string
		json.Unmarshal(s.Bytes(), &x)
		b, _ := json.Marshal(string(appendClean(nil, x)))
		out.Write(append(b, '\n'))
	}
}
