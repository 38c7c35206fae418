#!/bin/sh
# Runs the built program in real pipelines and compares what comes out.
# Usage: cmd/batcher/e2e.sh, from anywhere. It needs go and a POSIX system.
set -eu

cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
go build -o "$dir/batcher" .
PATH=$dir:$PATH
failures=0

# expect NAME STATUS: compares $dir/out with standard input, and $status.
expect() {
	cat >"$dir/want"
	if ! diff "$dir/want" "$dir/out" >"$dir/diff" || [ "$status" != "$2" ]; then
		echo "FAIL $1: status $status, want $2; the output differs by:" >&2
		head -n 20 "$dir/diff" >&2
		failures=$((failures + 1))
		return
	fi
	echo "ok   $1"
}

status=0
seq 25 | batcher pipe --max-size 10 --delay 2s -- tr 0-9 a-j >"$dir/out" || status=$?
seq 25 | tr 0-9 a-j | expect 'batches of ten' 0

status=0
seq 200000 | batcher pipe --max-size 1000 --max-concurrent 4 -- tr 0-9 a-j >"$dir/out" || status=$?
seq 200000 | tr 0-9 a-j | expect 'four commands at once, in order' 0

status=0
seq 20000 | batcher pipe --max-size 1000 --max-concurrent 4 --unordered -- cat >"$dir/shuffled" || status=$?
sort -n "$dir/shuffled" >"$dir/out"
seq 20000 | expect 'four commands at once, as they come' 0

status=0
printf 'a b\0c\nd\0\0' | batcher pipe --null -- cat >"$dir/out" || status=$?
printf 'a b\0c\nd\0\0' | expect 'records end in NUL' 0

status=0
batcher pipe -- cat </dev/null >"$dir/out" || status=$?
expect 'no input' 0 </dev/null

status=0
seq 6 | batcher pipe --max-size 2 --manual -- \
	sh -c 'read first; echo $first; cat; [ $first != 3 ]' >"$dir/out" 2>&1 || status=$?
expect 'one batch fails' 1 <<'END'
1
2
batcher: line 3: sh: exit status 1
batcher: line 4: sh: exit status 1
5
6
END

status=0
yes | batcher pipe -- cat | head -n 2 >"$dir/out" 2>&1 || status=$?
printf 'y\ny\n' | expect 'nobody reads on' 0

status=0
seq 3 | batcher pipe -- no-such-command >"$dir/out" 2>/dev/null || status=$?
expect 'command not found' 127 </dev/null

status=0
seq 3 | batcher pipe --max-size ten -- cat >"$dir/out" 2>/dev/null || status=$?
expect 'wrong usage' 2 </dev/null

exit $((failures > 0))
