#!/usr/bin/env bash
# tools/verify_gpu, rehearsed on the emulator from its pack in a tree that lies elsewhere, as on a
# machine that has nothing but a GPU: it takes that tree's goldens, finds what is wrong, and leaves
# what the report reads.   usage: verify_gpu.sh SOURCE BUILD
set -uo pipefail
source=$1 build=$2
source "$source/tools/tests/checks.sh"
[[ $build == "$source/build" ]] || {
  echo 'verify_gpu: NOT RUN: it packs build/, and this is another one'
  exit 3
}
grep -q '^SAMEBITS_CUDART:FILEPATH=/' "$build/CMakeCache.txt" || {
  echo 'verify_gpu: NOT RUN: built without CUDA'
  exit 3
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

mkdir -p "$folder"/{tools,build,evidence}
XZ_OPT=-0 "$source/tools/verify_gpu" --pack >"$folder/said" 2>&1 || {
  fail "--pack: $(<"$folder/said")"
  exit 1
}
mv "$build/gpu-pack.tar.xz" "$folder/build/"
cp "$source/tools/verify_gpu" "$folder/tools/"
cp -r "$source/golden" "$folder/"
cd "$folder" || exit 2

# expect CODE COMMAND...
expect() {
  local code=0
  "${@:2}" >said 2>&1 || code=$?
  ((code == $1)) || fail "${*:2}: exit $code, not $1: $(<said)"
}

expect 3 env PATH=/usr/bin:/bin tools/verify_gpu
expect 2 tools/verify_gpu --unknown

mv golden/dense_fwd_v1.golden .
expect 1 tools/verify_gpu --rehearse
grep -qE '^gate.json +exit 1, .* no golden' build/rehearsal/summary.txt ||
  fail "a missing golden: $(<build/rehearsal/summary.txt)"

mv dense_fwd_v1.golden golden/
expect 0 tools/verify_gpu --rehearse
for part in gate.json train.json step-run.json step-none.json prices.json prices.txt repeats.jsonl; do
  [[ -s build/rehearsal/$part ]] || fail "there is no $part"
  grep -q "^$part *exit 0" build/rehearsal/summary.txt ||
    fail "$part: $(<build/rehearsal/summary.txt)"
done
[[ ! -e build/rehearsal.part ]] || fail 'parts are left behind'

# What the report makes of it, and of none.
"$build/bin/samebits" train --data builtin --limit-samples 64 --epochs 1 --out run >/dev/null 2>&1
"$build/bin/samebits" explain --json 'relu_fwd_v1/n7_seed812@portable#threads=2' >cells.jsonl
rehearsed=$folder/build/rehearsal
mkdir evidence/cut-2026-01-01.part
expect 0 "$build/bin/samebits" report --out none --evidence evidence --history run \
  --matrix cells.jsonl --prices "$rehearsed/prices.json"
grep -q "no GPU's evidence is on file" none/index.html || fail 'a report without evidence'
cp -r "$rehearsed" evidence/some-gpu-2026-01-02
expect 0 "$build/bin/samebits" report --out some --evidence evidence --history run \
  --matrix cells.jsonl --prices "$rehearsed/prices.json"
for text in some-gpu-2026-01-02 '47 of 47' 'atomic_emulated' 'everywhere [0-9.]* ms'; do
  grep -q "$text" some/index.html || fail "the report's evidence lacks: $text"
done
echo '{' >evidence/some-gpu-2026-01-02/train.json
expect 2 "$build/bin/samebits" report --out bad --evidence evidence --history run \
  --matrix cells.jsonl --prices "$rehearsed/prices.json"

((failures == 0)) && echo 'verify_gpu: rehearsed'
((failures == 0))
