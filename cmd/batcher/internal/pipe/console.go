package pipe

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// redraw is how often the progress line is brought up to date.
const redraw = 100 * time.Millisecond

// console is standard error. If that is a terminal, it keeps a progress line below
// what is written. All methods are safe for concurrent use.
type console struct {
	width func() int // of the terminal, in columns; nil if it is not one

	mu      sync.Mutex
	w       io.Writer // guarded by mu
	shown   string    // guarded by mu; the progress line, if the cursor is in it
	midline bool      // guarded by mu; the last write did not end its line
}

func newConsole(w io.Writer) *console {
	c := &console{w: w}
	if isTerminal(w) {
		c.width = func() int {
			width, _, err := term.GetSize(int(w.(*os.File).Fd()))
			if err != nil || width <= 0 {
				return 80
			}
			return width
		}
	}
	return c
}

// isTerminal reports whether a standard stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (c *console) isTerminal() bool { return c.width != nil }

// Write writes p above the progress line.
func (c *console) Write(p []byte) (int, error) { return c.writeTo(c.w, p) }

// writeTo writes p to w, which shows on the same terminal.
func (c *console) writeTo(w io.Writer, p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shown != "" {
		io.WriteString(c.w, "\r\x1b[K")
		c.shown = ""
	}
	if len(p) > 0 {
		c.midline = !bytes.HasSuffix(p, []byte("\n"))
	}
	return w.Write(p)
}

// show shows text as the progress line, unless a line is being written.
func (c *console) show(text string) {
	text = text[:min(len(text), c.width()-1)] // a wrapped line could not be wiped
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.midline || text == c.shown {
		return
	}
	io.WriteString(c.w, "\r"+text+"\x1b[K")
	c.shown = text
}

// leave ends the progress line: it stays where it is.
func (c *console) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shown != "" {
		io.WriteString(c.w, "\n")
		c.shown = ""
	}
}

// progress keeps the progress line up to date until stop is called, which returns
// a channel that is closed once the last state has been shown. If quiet, it shows
// nothing before that: the line would get in the way of what is typed.
func (c *console) progress(text func() string, quiet bool) (stop func() <-chan struct{}) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for running := true; running; {
			if !quiet {
				c.show(text())
			}
			select {
			case <-tick.C:
			case <-end:
				running = false
			}
		}
		c.show(text())
		c.leave()
	}()
	return func() <-chan struct{} { close(end); return ended }
}

// above is a writer to the same terminal as a console, such as standard
// output, that keeps clear of the progress line.
type above struct {
	*console
	w io.Writer
}

func (a above) Write(p []byte) (int, error) { return a.writeTo(a.w, p) }
