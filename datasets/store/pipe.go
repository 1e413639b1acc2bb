package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"sync"

	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// pipes reads the output of shell commands.
type pipes struct{ far *far }

const pipeScheme = "pipe:"

func (p pipes) find(_ context.Context, name string) ([]Object, error) {
	command := strings.TrimSpace(name[len(pipeScheme):])
	if command == "" {
		return nil, fault.Usagef("%s no command follows", name)
	}
	return []Object{{Name: publicCommand(name), Size: -1, Sequential: true, address: pipeScheme + command}}, nil
}

func (p pipes) list(_ context.Context, folder string) ([]Object, error) {
	return nil, fault.Usagef("%s: a command is not a folder", publicCommand(folder))
}

// open starts the command. It is not started again if it fails: whether that is safe is not known.
func (p pipes) open(ctx context.Context, o Object, _, _ int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	command := o.where()[len(pipeScheme):]
	c := exec.CommandContext(ctx, "sh", "-c", command)
	inGroup(c) // so that all processes of a pipeline are killed
	said := &tail{}
	c.Stderr = said
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	p.far.requests.Add(1)
	return &pipe{pipes: p, ctx: ctx, cancel: cancel, object: o, command: c, out: out, said: said, secrets: secretWords(command)}, nil
}

// pipe is the output of a running command.
type pipe struct {
	pipes
	ctx     context.Context
	cancel  context.CancelFunc
	object  Object
	command *exec.Cmd
	out     io.ReadCloser
	said    *tail
	secrets []string
	at      int64
	ended   error // what Read returns after the command has ended
}

func (p *pipe) Read(b []byte) (int, error) {
	if p.ended != nil {
		return 0, p.ended
	}
	n, err := p.out.Read(b)
	p.at += int64(n)
	p.far.bytes.Add(int64(n))
	if err != nil {
		p.ended = p.end(err)
	}
	return n, p.ended
}

// end waits for the command. A command that fails is an error, whatever it has written.
func (p *pipe) end(err error) error {
	stopped := p.ctx.Err()
	if !errors.Is(err, io.EOF) {
		p.cancel()
	}
	failed := p.command.Wait()
	p.cancel()
	switch exit := (*exec.ExitError)(nil); {
	case stopped != nil:
		return fmt.Errorf("%s: %w", p.object.Name, stopped)
	case failed == nil:
		return err
	case errors.As(failed, &exit):
		return fault.Dataf("%s: the command ended with %s after %d bytes%s", p.object.Name, exit.ProcessState, p.at, p.last())
	default:
		return fmt.Errorf("%s: %w", p.object.Name, failed)
	}
}

// last is the last line that the command wrote to stderr, without its secrets.
func (p *pipe) last() string {
	text := p.said.line()
	for _, secret := range p.secrets {
		text = strings.ReplaceAll(text, secret, "...")
	}
	if text = remote.Line(urlPattern.ReplaceAllStringFunc(text, remote.Public)); text != "" {
		return ": " + text
	}
	return ""
}

// Close kills a command that still runs.
func (p *pipe) Close() error {
	if p.ended == nil {
		p.cancel()
		_ = p.command.Wait() // it was killed
		p.ended = fmt.Errorf("%s: the stream is closed", p.object.Name)
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text); n > tailSize {
		t.text = append(t.text[:0], t.text[n-tailSize:]...)
	}
	return len(p), nil
}

func (t *tail) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.text))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

var (
	urlPattern = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s'"|;<>]+`)
	// assigned matches NAME=VALUE, --name=VALUE and Name: VALUE.
	assigned = regexp.MustCompile(`([A-Za-z][\w-]*)(?:=|:\s*)(?:Bearer\s+|Basic\s+)?("[^"]*"|'[^']*'|[^\s'"|;<>]+)`)
	// given matches options that take credentials as the next word.
	given = regexp.MustCompile(`(?:^|\s)(-u|--user|--proxy-user|--http-user|--[\w-]*(?:token|password|secret|key)[\w-]*)` +
		`[ =]?("[^"]*"|'[^']*'|[^\s'"|;<>]+)`)
)

// secretWords lists the parts of a command that look like credentials.
func secretWords(command string) (out []string) {
	for _, url := range urlPattern.FindAllString(command, -1) {
		if shown := remote.Public(url); shown != url {
			out = append(out, url)
		}
	}
	for _, m := range assigned.FindAllStringSubmatch(command, -1) {
		if remote.IsSecretName(m[1]) {
			out = append(out, strings.Trim(m[2], `"'`))
		}
	}
	for _, m := range given.FindAllStringSubmatch(command, -1) {
		out = append(out, strings.Trim(m[2], `"'`))
	}
	return out
}

// publicCommand is a pipe's name as messages show it. One with credentials is cut to its program and the files that it names: a pattern
// can't find all forms of a password.
func publicCommand(name string) string {
	command := strings.TrimSpace(name[len(pipeScheme):])
	if len(secretWords(command)) == 0 {
		return name
	}
	shown := pipeScheme
	words := strings.Fields(command)
	if !strings.ContainsAny(words[0], "=\"'$") {
		shown += words[0] + " "
	}
	shown += "..."
	for _, url := range urlPattern.FindAllString(command, -1) {
		shown += " " + remote.Public(url)
	}
	for _, word := range words {
		if !strings.Contains(word, "://") && dataFile.MatchString(word) {
			shown += " " + path.Base(word)
		}
	}
	return shown
}

// dataFile matches paths of files that hold data.
var dataFile = regexp.MustCompile(`^[\w./-]+\.(tar|tgz|gz|zst|parquet|csv|tsv|jsonl|json)$`)
