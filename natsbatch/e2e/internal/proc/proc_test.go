package proc_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

// parent is a child that has a child.
type parent struct{ own *proc.Process }

func (p *parent) Own(_ int, pid *int) error {
	*pid = p.own.PID()
	return nil
}

func (p *parent) Fail(int, *int) error { return errors.New("as told") }

func startParent(json.RawMessage) (any, func(context.Context) error, error) {
	own, err := proc.Start("echo", "")
	return &parent{own}, nil, err
}

type echo struct{ text string }

func (e *echo) Echo(text string, reply *string) error {
	*reply = e.text + text
	return nil
}

func startEcho(args json.RawMessage) (any, func(context.Context) error, error) {
	e := new(echo)
	err := json.Unmarshal(args, &e.text)
	if e.text == "refuse" {
		err = errors.New("refused as told")
	}
	return e, func(context.Context) error {
		if e.text == "badly" {
			return errors.New("ended badly")
		}
		return nil
	}, err
}

func TestMain(m *testing.M) {
	proc.Main(map[string]proc.Role{"echo": startEcho, "parent": startParent})
	os.Exit(m.Run())
}

func start(t *testing.T, role, args string) *proc.Process {
	t.Helper()
	p, err := proc.Start(role, args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestCallAndTerminate(t *testing.T) {
	for args, fault := range map[string]string{"well": "", "badly": "ended badly"} {
		p := start(t, "echo", args)
		var reply string
		if err := p.Call("Echo", "!", &reply); err != nil || reply != args+"!" {
			t.Errorf("got %q, %v", reply, err)
		}
		if err := p.Terminate(); err != nil {
			t.Error(err)
		}
		if err := p.Wait(); (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: ended with %v", args, err)
		}
	}
}

func TestFailures(t *testing.T) {
	if _, err := proc.Start("echo", "refuse"); err == nil || !strings.Contains(err.Error(), "refused as told") {
		t.Errorf("a role that fails: %v", err)
	}
	if _, err := proc.Start("nobody", ""); err == nil || !strings.Contains(err.Error(), `no role "nobody"`) {
		t.Errorf("no such role: %v", err)
	}
	p := start(t, "parent", "")
	if err := p.Call("Fail", 0, new(int)); err == nil || !strings.Contains(err.Error(), "as told") {
		t.Errorf("a call that fails: %v", err)
	}
}

func TestKillWhileFrozen(t *testing.T) {
	p := start(t, "echo", "")
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	call := p.Go("Echo", "late", new(string))
	p.Kill()
	if err := <-call; err == nil {
		t.Error("a call to a killed process succeeded")
	}
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("ended with %v", err)
	}
}

func TestFrozenAnswersOnceThawed(t *testing.T) {
	p := start(t, "echo", "")
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	call := p.Go("Echo", "late", new(string))
	select {
	case err := <-call:
		t.Fatalf("a frozen process answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := p.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := <-call; err != nil {
		t.Error(err)
	}
}

func TestChildrenDieWithTheirParent(t *testing.T) {
	p := start(t, "parent", "")
	var pid int
	if err := p.Call("Own", 0, &pid); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	for syscall.Kill(pid, 0) == nil {
		if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(state), ") Z ") {
			return // dead, and waiting for whoever adopted it
		}
		time.Sleep(time.Millisecond)
	}
}
