package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// programVar makes this test's own program one that squares numbers, and
// misbehaves at 13 as its value says.
const programVar = "GATEWAY_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if how, ok := os.LookupEnv(programVar); ok {
		square(how)
		return
	}
	os.Exit(m.Run())
}

func square(how string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var numbers []int
		if err := json.Unmarshal(in.Bytes(), &numbers); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		squares := make([]int, len(numbers))
		bad := false
		for i, n := range numbers {
			squares[i] = n * n
			bad = bad || n == 13
			if n < 0 {
				squares[i] = os.Getpid()
			}
		}
		line, _ := json.Marshal(squares)
		if bad {
			misbehave(how, string(line))
			continue
		}
		fmt.Println(string(line))
	}
}

func misbehave(how, line string) {
	switch how {
	case "crash":
		os.Exit(3)
	case "hang":
		hang()
	case "noise before":
		fmt.Println("Loading 100%")
		fmt.Println(line)
	case "noise after":
		fmt.Println(line + "\n[1]")
	case "half":
		fmt.Print(line[:1])
		os.Exit(0)
	case "short":
		fmt.Println("[]")
	case "object":
		fmt.Println("{}")
	case "long":
		fmt.Println("[" + strings.Repeat(" ", 10000) + line[1:])
	case "NaN":
		fmt.Println(strings.Replace(line, "169", "NaN", 1))
	case "last":
		fmt.Println(line)
		os.Exit(0)
	case "closed":
		os.Stdin.Close()
		hang()
	case "noise later":
		fmt.Println(line)
		time.AfterFunc(20*time.Millisecond, func() { fmt.Println("noise") })
	case "slow":
		time.Sleep(200 * time.Millisecond)
		fmt.Println(line)
	case "slower":
		time.Sleep(time.Second)
		fmt.Println(line)
	}
}

// hang is not select {}, which the runtime takes for a deadlock where nothing else,
// such as cgo, runs.
func hang() {
	for {
		time.Sleep(time.Hour)
	}
}
