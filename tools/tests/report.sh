#!/usr/bin/env bash
# The report in a browser: no message on its console, nothing wider than the screen, every text
# readable, at 1280 and 390 pixels, light and dark.   usage: report.sh SAMEBITS
set -uo pipefail
samebits=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v chromium >/dev/null || {
  echo 'report: NOT RUN: no chromium; tools/setup --all installs it'
  exit 3
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2

# Few prices and cells, but of every kind: a library, none, and more threads than one.
"$samebits" price --filter '[ds]*_fwd_v1/n[46][46]*' --json >prices.json 2>/dev/null &&
  "$samebits" explain --json 'relu_fwd_v1/n7_seed812@portable#threads=2' >cells.jsonl &&
  "$samebits" explain --json 'softmax_fwd_v1/n64c10_logits_seed812@onednn#threads=2' >>cells.jsonl
"$samebits" train --data builtin --limit-samples 128 --out run >/dev/null 2>&1
"$samebits" repeat --data builtin --limit-samples 64 --epochs 1 --runs 30 --json >repeat.json 2>/dev/null
for ranks in 1 3; do
  "$samebits" all-reduce --ranks $ranks --from 1024 --to 65536 --rounds 3 --json >>allreduce.json 2>/dev/null
done
# As tools/verify_gpu leaves it, of a GPU that is the emulator.
gpu=evidence/some-gpu-2026-01-02
mkdir -p $gpu
echo 'GPU: none' >$gpu/summary.txt
"$samebits" matrix --from cells.jsonl --json >$gpu/gate.json
"$samebits" train --data builtin --limit-samples 64 --epochs 1 --json >$gpu/train.json 2>/dev/null
"$samebits" repeat-kernel --times 2 --json 'relu_fwd_v1/n7_seed812@portable#run=1' >$gpu/repeats.jsonl 2>/dev/null
"$samebits" price --device cuda_emulated --filter 'maxpool2d_bwd_v1/n64h13w13c32*' --json >$gpu/prices.json 2>/dev/null
"$samebits" report --out report --evidence evidence --prices prices.json --matrix cells.jsonl --history run \
  --repeat repeat.json --all-reduce allreduce.json >/dev/null ||
  exit 1

files=$(cd report && ls | tr '\n' ' ')
for file in index.html {prices,matrix,training,repeat,allreduce}.json {prices,ladder,matrix,training,batches,repeat,allreduce}.csv \
  {price,ladder,roofline,training,repeat,allreduce,allreduce_model}.png; do
  [[ " $files" == *" $file "* ]] || { echo "FAILED: no $file in: $files"; exit 1; }
done
if grep -qE '(src|href)="?(https?:)?//' report/index.html; then
  echo 'FAILED: the page asks for something from elsewhere'
  exit 1
fi

failures=0
cp "$here/report_check.html" check.html
for scheme in 0:dark 1:light; do
  chromium --headless --no-sandbox --disable-gpu --allow-file-access-from-files --disable-dev-shm-usage \
    --user-data-dir="$folder/profile" --enable-logging=stderr --window-size=1400,2000 \
    --blink-settings=preferredColorScheme="${scheme%:*}" --virtual-time-budget=5000 \
    --dump-dom "file://$folder/check.html" >dom 2>log
  result=$(sed -n 's/.*<pre id="result">\([^<]*\).*/\1/p' dom)
  if [[ $result != "fine, ${scheme#*:}" ]] || grep -q CONSOLE log; then
    failures=$((failures + 1))
    printf 'FAILED: %s: %s\n' "${scheme#*:}" "${result:-no result}"
    grep CONSOLE log
  fi
done
((failures == 0)) && echo 'the report: at 1280 and 390 pixels, light and dark: all fine'
((failures == 0))
