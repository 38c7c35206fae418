package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// child is a gateway that runs as a process of its own.
type child struct {
	program string
	args    []string

	mu      sync.Mutex
	cmd     *exec.Cmd // guarded by mu
	address string    // guarded by mu
}

var serving = regexp.MustCompile(`msg=serving address=(\S+)`)

// start starts it and waits until it serves.
func (c *child) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, config.EnvPrefix) // its arguments say all
	})
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(stderr)
	var said strings.Builder
	for {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if found := serving.FindStringSubmatch(line); found != nil {
			c.mu.Lock()
			c.cmd, c.address = cmd, found[1]
			c.mu.Unlock()
			go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the process
			return nil
		}
		if err != nil {
			_ = cmd.Wait() // what it has written says why
			return fmt.Errorf("the gateway does not start: %s", strings.TrimSpace(said.String()))
		}
	}
}

func (c *child) url() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return "http://" + c.address
}

// kill kills it as kill -9 does.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // it was killed
}

// stop interrupts it and waits for its end.
func (c *child) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.cmd.Process.Signal(os.Interrupt) // an error means that it has ended
	_ = c.cmd.Wait()
}
