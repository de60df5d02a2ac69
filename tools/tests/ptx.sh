#!/usr/bin/env bash
# The GPU's kernels by their instructions: every rounding is to nearest, nothing is approximate,
# flushed or atomic; what they take of a processor stays within limits.
#   usage: ptx.sh PTXAS FILE.ptx...
set -uo pipefail
# shellcheck source=tools/tests/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
ptxas=$1
shift
readonly fewest_warps=8  # of the 64 that a processor holds

# forbidden FILE...: the instructions that a contract of rounded operations has no use for.
forbidden() {
  awk '
    { sub(/^[ \t]*(@!?%p[0-9]+[ \t]+)?/, "") }
    /^(atom|red)\./ || /^[a-z0-9.]*\.(ftz|approx|full)[. \t]/ { print FILENAME ": " $0; next }
    /^(add|sub|mul|fma|mad|div|sqrt|rcp)\.[a-z0-9.]*f(32|64)[ \t]/ && !/\.rn[.]/ { print FILENAME ": " $0 }
    /^cvt\.[a-z0-9.]*f32\.(f64|[su](32|64))[ \t]/ && !/^cvt\.rn\./ { print FILENAME ": " $0 }
  ' "$@"
}

found=$(forbidden "$@")
[[ -z $found ]] || fail "instructions that move bits:"$'\n'"$found"
operations=$(cat "$@" | grep -cE '\.rn\.f(32|64)')
((operations > 1000)) || fail "only $operations rounded operations: are these the kernels?"
printf '%s rounded operations, all to nearest\n' "$operations"

# The controls: one line each that must be caught.
control=$(mktemp)
trap 'rm -f "$control"' EXIT
while read -r line; do
  printf '\t@%%p1 %s;\n' "$line" >"$control"
  [[ -n $(forbidden "$control") ]] || fail "not caught: $line"
done <<'LINES'
add.f32 %f1, %f2, %f3
add.ftz.f32 %f1, %f2, %f3
fma.rz.f32 %f1, %f2, %f3, %f4
fma.rn.ftz.f32 %f1, %f2, %f3, %f4
mul.f64 %fd1, %fd2, %fd3
div.approx.f32 %f1, %f2, %f3
div.full.f32 %f1, %f2, %f3
sqrt.approx.f32 %f1, %f2
ex2.approx.f32 %f1, %f2
cvt.rz.f32.f64 %f1, %fd1
atom.global.add.f32 %f1, [%rd1], %f2
red.global.add.f32 [%rd1], %f2
LINES

# Registers, spills, shared memory, and the warps of a block and of a processor.
printf '%-6s %9s %6s %7s %6s %6s  %s\n' gpu registers spills shared block warps kernel
for architecture in 80 90 100; do
  for file in "$@"; do
    "$ptxas" -arch="sm_$architecture" -v -o /dev/null "$file" 2>&1 |
      awk -v gpu="$architecture" -v fewest="$fewest_warps" -v ptx="$file" '
        BEGIN {
          while ((getline line <ptx) > 0) {
            if (match(line, /\.entry [A-Za-z0-9_$]+/)) entry = substr(line, RSTART + 7, RLENGTH - 7)
            if (match(line, /\.maxntid [0-9]+/)) threads[entry] = substr(line, RSTART + 9, RLENGTH - 9)
          }
          memory = gpu == 80 ? 164 * 1024 : 228 * 1024
        }
        /error|fatal/ { print "FAILED " $0 }
        /Compiling entry function/ { split($0, part, "\047"); kernel = part[2] }
        /spill stores/ { for (i = 1; i <= NF; ++i) if ($i == "spill") { spills = $(i - 2); break } }
        /Used [0-9]+ registers/ {
          for (i = 1; i <= NF; ++i) {
            if ($(i + 1) ~ /^registers/) registers = $i
            if ($(i + 2) ~ /^smem/) shared = $i
          }
          # What a launch gives stands at the end of the name of kernels that take it.
          if (match(kernel, /MultiplyTiles.*Li[0-9]+EEEv/)) {
            given = substr(kernel, RSTART, RLENGTH)
            sub(/EEEv$/, "", given)
            sub(/.*Li/, "", given)
            shared += given
          }
          warps = threads[kernel] / 32
          blocks = int(64 / warps)
          by_registers = int(65536 / (int((registers * 32 + 255) / 256) * 256 * warps))
          by_memory = int(memory / (shared + 1024))
          if (by_registers < blocks) blocks = by_registers
          if (by_memory < blocks) blocks = by_memory
          if (blocks > 32) blocks = 32
          held = blocks * warps
          printf "sm_%-3s %9d %6d %7d %6d %6d  %s\n", gpu, registers, spills, shared, warps, held, kernel
          if (spills > 0) print "FAILED spills: " kernel
          if (held < fewest) print "FAILED fewer than " fewest " warps: " kernel
          shared = 0
        }'
  done
done | c++filt | sed -e 's/samebits::\|cuda::\|(anonymous namespace):://g' -e 's/^\(sm_.*\)void /\1/' >"$control"
cut -c1-132 "$control" | grep -v '^FAILED'
if grep -q '^FAILED' "$control"; then fail "$(grep '^FAILED' "$control")"; fi
(($(grep -c '^sm_' "$control") > 60)) || fail 'fewer kernels than there are'

exit $((failures > 0))
