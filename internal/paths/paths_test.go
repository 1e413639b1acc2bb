package paths

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPicturesAreKnownByTheirExtension(t *testing.T) {
	for path, want := range map[string]bool{
		"a.jpg": true, "a.JPEG": true, "x/y.png": true, "a.webp": true, "a.GIF": true, "a.tar.jpg": true,
		"a.jfif": true, "a.JPE": true, "a.jif": true, "a.tif": true, "a.TIFF": true, "a.bmp": true,
		"": false, "jpg": false, "a.jpg.txt": false, "a.heic": false, "a.jpg/b": false,
	} {
		if IsPicture(path) != want {
			t.Errorf("%q is a picture: %v", path, !want)
		}
	}
}

func TestAbsolutePathsAndWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("a", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := Absolute("x/../a"), filepath.Join(dir, "a"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !Exists("a") || !Exists(dir) || Exists("b") {
		t.Error("what is there is not, or the other way round")
	}
}
