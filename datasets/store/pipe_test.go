package store

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

func TestTheOutputOfACommandIsRead(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"00", "01"} {
		write(t, filepath.Join(dir, name), "content of "+name)
	}
	s := patient(t, Options{})
	found, err := s.Find(t.Context(), "pipe:cat "+dir+"/{00..01} | tr c C")
	if err != nil || len(found) != 2 || found[0].Name != "pipe:cat "+dir+"/00 | tr c C" || !found[0].Sequential || found[0].Size != -1 {
		t.Fatalf("%v, %v", found, err)
	}
	for i, want := range []string{"Content of 00", "Content of 01"} {
		if data, err := s.ReadAll(t.Context(), found[i], bounded.Any); err != nil || string(data) != want {
			t.Errorf("%q, %v", data, err)
		}
	}
	if _, err := s.ReadAt(t.Context(), found[0], make([]byte, 1), 0); fault.Of(err) != fault.Usage {
		t.Errorf("at an offset: %v", err)
	}
	if _, err := s.Find(t.Context(), "pipe: "); fault.Of(err) != fault.Usage {
		t.Errorf("without a command: %v", err)
	}
}

func TestACommandThatFailsIsAnError(t *testing.T) {
	s := patient(t, Options{})
	for command, want := range map[string]string{
		"printf abc; echo first >&2; echo the reason >&2; exit 3": "exit status 3 after 3 bytes: the reason",
		"no-such-program-here":                                  "exit status 127 after 0 bytes",
		"PASSWORD=hunter22 false; echo no hunter22 >&2; exit 1": "pipe:...: the command ended with exit status 1 after 0 bytes: no ...",
	} {
		data, err := s.ReadAll(t.Context(), find(t, s, "pipe:"+command), bounded.Any)
		if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Data ||
			strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: %q, %v", command, data, err)
		}
	}
}

// A command and what it has started end with the context, and with the stream.
func TestACommandIsKilled(t *testing.T) {
	s := patient(t, Options{})
	for name, end := range map[string]func(cancel func(), r io.Closer){
		"cancel": func(cancel func(), _ io.Closer) { cancel() },
		"close":  func(_ func(), r io.Closer) { _ = r.Close() },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		pid := filepath.Join(t.TempDir(), "pid")
		r, err := s.Stream(ctx, find(t, s, "pipe:(sh -c 'echo $$ > "+pid+"; printf x; exec sleep 1000') | cat"), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		end(cancel, r)
		if _, err := r.Read(make([]byte, 1)); err == nil || name == "cancel" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		number, err := os.ReadFile(pid)
		if err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); alive(strings.TrimSpace(string(number))); time.Sleep(time.Millisecond) {
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: the process is still there", name)
			}
		}
		cancel()
		_ = r.Close()
	}
}

// alive reports whether a process runs: one that is killed but not yet waited for doesn't.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestNamesShowNoCredentials(t *testing.T) {
	for name, want := range map[string]string{
		"pipe:cat a.tar":                                               "pipe:cat a.tar",
		"pipe:curl -s http://h/a.tar":                                  "pipe:curl -s http://h/a.tar",
		"pipe:aws s3 cp s3://b/a.tar -":                                "pipe:aws s3 cp s3://b/a.tar -",
		"pipe:curl -s -u me:hunter22 http://h/a.tar":                   "pipe:curl ... http://h/a.tar",
		"pipe:curl -H 'Authorization: Bearer hunter22' http://h/a.tar": "pipe:curl ... http://h/a.tar",
		"pipe:curl https://me:hunter22@h/a.tar?x=1":                    "pipe:curl ... https://h/a.tar?x=1",
		"pipe:AWS_SECRET_ACCESS_KEY=hunter22 aws s3 cp s3://b/a.tar -": "pipe:... s3://b/a.tar",
		"pipe:mytool --token hunter22 in/a.tar":                        "pipe:mytool ... a.tar",
		"pipe:mytool --api-key=hunter22 in/a.tar":                      "pipe:mytool ... a.tar",
		"https://me:hunter22@h:80/a.tar#x":                             "https://h:80/a.tar",
		"https://h/a.tar?X-Amz-Signature=hunter22&X-Amz-Date=1&part=2": "https://h/a.tar?part=2",
		"https://h/a.tar?sv=2020&sig=hunter22":                         "https://h/a.tar",
		"https://h/a.tar?q=aHVudGVyMjIhunter22aHVudGVyMjIhdW50ZXIyMg":  "https://h/a.tar",
		"https://me:hun/ter22@h/a.tar":                                 "https://h/a.tar",
		"https://h/a@v1/b.tar":                                         "https://h/a@v1/b.tar",
		"https://[::1]:80/a@v1/b.tar":                                  "https://[::1]:80/a@v1/b.tar",
		"s3://b/a.tar":                                                 "s3://b/a.tar",
		"/data/a.tar":                                                  "/data/a.tar",
	} {
		if got := Public(name); got != want || strings.Contains(got, "hunter") {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
