#!/bin/sh
# Runs each fuzz target for a while, one after the other, and ends with a table of executions. What a target finds is in the testdata/fuzz of
# its package, as a seed that every test run repeats. Usage: fuzz.sh TIME [NAME]: 60s for each target, of the packages whose path has NAME.
# An input that reaches something new is made smaller at most a hundred times, not for a minute, which is Go's default: on a busy machine
# that is all that a short run does.
set -eu
time=${1:-60s}
name=${2:-}
cd "$(dirname "$0")/.."
table=$(mktemp)
trap 'rm -f "$table"' EXIT
failed=0
for target in $(grep -rn --include='*_test.go' '^func Fuzz' . | sed 's|^\./\(.*\)/[^/]*:[0-9]*:func \(Fuzz[A-Za-z0-9]*\).*|\1:\2|' | sort); do
	package=${target%%:*}
	fuzz=${target##*:}
	case $package in *"$name"*) ;; *) continue ;; esac
	echo "fuzz: $package $fuzz, $time"
	log=$(mktemp)
	if go test "./$package" -run '^$' -fuzz "^$fuzz\$" -fuzztime "$time" -fuzzminimizetime 100x >"$log" 2>&1; then
		result=ok
	else
		result=FAILED
		failed=1
		cat "$log"
	fi
	printf '%-32s %-16s %12s %s\n' "$package" "$fuzz" "$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$log" | tail -n 1)" "$result" >>"$table"
	rm -f "$log"
done
cat "$table"
exit "$failed"
