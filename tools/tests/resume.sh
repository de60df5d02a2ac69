#!/usr/bin/env bash
# A run killed at any moment and resumed, several times over, ends with the bits of the run that
# never stopped; so does one that a full disk stopped, which says so in one line.
# usage: resume.sh SAMEBITS [RUNS]
set -uo pipefail
# shellcheck source=tools/tests/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
samebits=$1 runs=${2:-5}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
killed=0
RANDOM=812  # the moments; what they hit differs from machine to machine

# start_and_kill ARGUMENT...: somewhere in its first seconds.
start_and_kill() {
  "$samebits" "$@" >/dev/null 2>&1 &
  sleep "$(printf '0.%03d' $((RANDOM % 900)))"
  kill -9 $! 2>/dev/null && killed=$((killed + 1))
  wait $! 2>/dev/null
}

# Into a second epoch, so that some are killed in the validation.
train=(train --data builtin --steps 40)
"$samebits" "${train[@]}" --out whole --json >whole.json 2>/dev/null ||
  fail 'the run that is not stopped'
# What is promised are 128 MB beyond data, activations and weights: with them it is less.
peak=$(sed -n 's/.*"peak_memory_bytes":\([0-9]*\).*/\1/p' whole.json)
((peak > 0 && peak < 128000000)) || fail "training takes $peak bytes of memory"
for ((i = 1; i <= runs; ++i)); do
  until [[ -e stopped/checkpoint.npz ]]; do
    rm -rf stopped
    start_and_kill "${train[@]}" --save-every $((1 + i % 4)) --out stopped
  done
  start_and_kill train --resume stopped --threads $((1 + i % 3))
  "$samebits" train --resume stopped >/dev/null 2>&1 || fail "run $i cannot be resumed"
  "$samebits" compare whole stopped >comparison || fail "run $i: $(<comparison)"
  leftovers=$(find stopped -name '*.tmp' -size 0)
  [[ -z $leftovers ]] || fail "run $i left $leftovers"
  rm -rf stopped
done
# A disk with room for one checkpoint, not for the next before the first is replaced.
mkdir disk
# shellcheck disable=SC2016  # for the shell behind it
if unshare -Urm bash -c 'mount -t tmpfs -o size=400k none disk && "$@" --out disk/run 2>full.log
  echo $? >code && cp -r disk/run kept' - "$samebits" "${train[@]}" --save-every 1 >/dev/null 2>&1; then
  [[ $(<code) == 2 ]] || fail "on a full disk: exit code $(<code)"
  grep -v '^epoch ' full.log >complaint
  [[ $(wc -l <complaint) == 1 ]] || fail "on a full disk not one line: $(<complaint)"
  grep -q 'checkpoint.npz: cannot be written: No space left on device; make room' complaint ||
    fail "on a full disk: $(<complaint)"
  "$samebits" train --resume kept --out rest >/dev/null 2>&1 || fail 'a full disk: cannot be resumed'
  "$samebits" compare whole rest >comparison || fail "a full disk: $(<comparison)"
else
  echo 'a full disk: NOT RUN: this machine mounts no file system of a few pages for it'
fi

((killed > 0)) || fail "nothing was killed in $runs runs"
((failures == 0)) || exit 1
printf '%d runs, %d times killed: the bits of the run that never stopped\n' "$runs" "$killed"
