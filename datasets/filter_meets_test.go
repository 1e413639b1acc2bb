package datasets

import (
	"os"
	"path/filepath"
	"testing"
)

// A filtered mixture keeps its parts, with the samples that are left.
func TestAFilteredMixtureHasParts(t *testing.T) {
	root := shardTree(t, map[string]string{
		"0.tar": "a.jpg=p a.txt=one b.jpg=p b.txt=two", "1.tar": "c.jpg=p c.txt=three d.jpg=p d.txt=four e.jpg=p e.txt=five",
	})
	list := filepath.Join(t.TempDir(), "keep.csv")
	drop := filepath.Join(root, "1.tar") + "/c.jpg,0\n"
	if err := os.WriteFile(list, []byte("path,keep\n"+drop), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openForTest(t, filepath.Join(root, "0.tar")+"::"+filepath.Join(root, "1.tar"), Options{Need: NeedCaptions, Filter: list})
	parts := s.Info().Parts
	if s.Len() != 4 || len(parts) != 2 || parts[0].Samples != 2 || parts[1].Samples != 2 {
		t.Errorf("%d samples, parts %+v", s.Len(), parts)
	}
}

// What can only be read in sequence stays so behind a filter.
func TestAFilterKeepsTheSequence(t *testing.T) {
	root := shardTree(t, map[string]string{"0.tar": "a.jpg=p a.txt=one b.jpg=p b.txt=two"})
	plain, err := os.ReadFile(filepath.Join(root, "0.tar"))
	if err != nil {
		t.Fatal(err)
	}
	archive, list := filepath.Join(root, "x.tar.gz"), filepath.Join(root, "keep.csv")
	for path, data := range map[string][]byte{
		archive: packedTar(t, plain, ".tar.gz"), list: []byte("path,keep\n" + archive + "/a.jpg,0\n"),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openForTest(t, archive, Options{Need: NeedCaptions, Filter: list})
	if _, ok := streamOf(s); !ok || !InSequence(s) || ReadsParts(s) || s.Len() != 1 {
		t.Errorf("%d samples, a stream: %v, in sequence: %v", s.Len(), ok, InSequence(s))
	}
}
