#!/usr/bin/env bash
# The samebits command as a user meets it: what it writes, and what bad input gets: one clear line,
# the documented exit code, no half-written file.   usage: commands.sh SAMEBITS SOURCE_DIRECTORY
set -uo pipefail
# shellcheck source=tools/tests/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
samebits=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
checks=0

# expect CODE PATTERN ARGUMENT...: exit code, and on standard error exactly one line like PATTERN
# (nothing is asked of it where PATTERN is empty).
expect() {
  local code=$1 pattern=$2 got=0
  shift 2
  checks=$((checks + 1))
  "$samebits" "$@" >stdout 2>stderr </dev/null || got=$?
  [[ $got == "$code" ]] || fail "$*: exit code $got, not $code: $(<stderr)"
  [[ -z $pattern ]] && return
  [[ $(wc -l <stderr) == 1 ]] || fail "$*: not one line: $(<stderr)"
  grep -qE -- "$pattern" stderr || fail "$*: no '$pattern' in: $(<stderr)"
}

# A sound data set of a few images, to be broken in one way at a time.
sound() {
  rm -rf data && mkdir data
  local part count
  for part in train:5 t10k:3; do
    count=${part#*:} part=${part%:*}
    { printf '\x00\x00\x08\x03\x00\x00\x00\x0'"$count"'\x00\x00\x00\x04\x00\x00\x00\x04'
      head -c $((count * 16)) /dev/zero; } >"data/$part-images-idx3-ubyte"
    { printf '\x00\x00\x08\x01\x00\x00\x00\x0'"$count"; head -c "$count" /dev/zero; } \
      >"data/$part-labels-idx1-ubyte"
  done
}

train=(train --data data --steps 1 --threads 1 --out run)

# bad FILE PATTERN COMMAND...: COMMAND breaks the sound data; training names FILE and the cause.
bad() {
  local file=$1 pattern=$2
  shift 2
  sound
  (cd data && eval "$*")
  expect 2 "$file.*($pattern)" "${train[@]}"
  [[ ! -e run ]] || fail "$*: left a run behind"
  rm -rf run
}

sound
expect 0 '' "${train[@]}"
[[ $(ls run) == $'digests.jsonl\nenvironment.json\nhistory.json\nweights.npz' ]] || fail "files: $(ls run)"
grep -qE '^\{"step":1,"loss":[0-9.]+,"loss_bits":"[0-9a-f]{8}","weights":"[0-9a-f]{64}"\}$' \
  run/digests.jsonl || fail "digests.jsonl: $(<run/digests.jsonl)"
expect 2 'run: is not empty' "${train[@]}"
rm -rf run

images=train-images-idx3-ubyte labels=train-labels-idx1-ubyte
bad 'data' "neither $images" rm $images
bad $images 'empty|truncated|header' ": >$images"
bad $images 'truncated|bytes' "truncate -s -1 $images"
bad $images 'truncated|header' "truncate -s 9 $images"
bad $images 'trailing|more|bytes' "printf x >>$images"
bad $images 'magic' "printf '\\x00\\x00\\x08\\x01' | dd of=$images conv=notrunc status=none"
bad $images 'memory|bytes|size|GiB' "printf '\\xff\\xff\\xff\\xff' | dd of=$images bs=1 seek=4 conv=notrunc status=none"
bad $labels 'magic' "printf '\\x00\\x00\\x08\\x03' | dd of=$labels conv=notrunc status=none"
bad $labels 'label' "printf '\\x0a' | dd of=$labels bs=1 seek=9 conv=notrunc status=none"
bad labels 'count|labels' "printf '\\x04' | dd of=$labels bs=1 seek=7 conv=notrunc status=none; truncate -s 12 $labels"
bad $images 'gzip|compress' "gzip $images; truncate -s -3 $images.gz"
bad $images 'gzip|compress|CRC|sum' "gzip $images; printf 'xxxx' | dd of=$images.gz bs=1 seek=\$((\$(stat -c %s $images.gz) - 8)) conv=notrunc status=none"

sound
gzip data/*
expect 0 '' "${train[@]}"
rm -rf run
expect 2 'nowhere' train --data nowhere --out run
[[ ! -e run ]] || fail 'data that is not there left a run behind'

expect 2 'banana' train --isa banana
expect 2 'recipe' train --recipe bread
expect 2 'seed' train --seed -1
expect 2 'leaves: 3 is not a power of two' train --leaves 3
expect 2 'seed' train --seed 4294967296
expect 2 'batch' train --batch 0
expect 2 'threads' train --threads 0
expect 2 'epochs' train --epochs many
expect 2 'steps' train --steps -1
expect 2 'frobnicate' train --frobnicate
expect 2 '' frobnicate
expect 2 'subcommand' 
expect 0 '' --help
expect 0 '' train --help
touch file
expect 2 'file: is not a directory' train --data builtin --steps 1 --out file
expect 2 'cannot be created' train --data builtin --steps 1 --out file/run
expect 2 'cannot be created|not writable' train --data builtin --steps 1 --out /proc/run
grep -qw avx2 /proc/cpuinfo || expect 3 'AVX2' train --data builtin --isa avx2

# The initial weights, one line of JSON, and comparisons.
expect 0 '' train --data builtin --steps 0 --json --out zero
[[ $(wc -l <stdout) == 1 ]] || fail 'train --json is not one line'
expect 0 '' train --data builtin --steps 2 --threads 1 --isa portable --out two
expect 0 '' train --data builtin --steps 2 --threads 3 --out again
expect 0 '' train --data builtin --steps 2 --seed 42 --out other
expect 0 '' compare two again
expect 1 '' compare two other
grep -q 'first divergence: step 1 loss_bits' stdout || fail "compare: $(<stdout)"
grep -qx 'environment: settings/seed: 812 and 42' stdout || fail "compare: $(<stdout)"
grep -q 'environment: cpu' stdout && fail "compare: $(<stdout)"
cp -r other broken
cp two/environment.json broken
expect 1 '' compare two broken
grep -qx 'environment: the records do not differ' stdout || fail "compare: $(<stdout)"
expect 1 '' compare two zero
expect 1 '' compare two zero --json
sed -i '2s/"weights":"./"weights":"x/' again/digests.jsonl
expect 1 '' compare two again
grep -q 'first divergence: step 2 weights' stdout || fail "compare: $(<stdout)"
expect 2 'nowhere' compare two nowhere
echo 'not json' >again/history.json
expect 2 'history.json.*not JSON' compare two again
# Checkpoints and seeds.
expect 2 'give --out' train --data builtin --steps 1 --save-every 1
expect 2 'two/checkpoint.npz: is missing' train --resume two
expect 0 '' train --data builtin --steps 2 --save-every 1 --out saved
expect 0 '' train --resume saved --steps 3 --out longer
[[ $(ls longer) == $'checkpoint.npz\ndigests.jsonl\nenvironment.json\nhistory.json\nweights.npz' ]] ||
  fail "files of a resumed run: $(ls longer)"
expect 2 'its run has batch 64, not 32' train --resume saved --batch 32
expect 2 'its run has seeds/numpy 812, not 1' train --resume saved --numpy-seed 1
expect 2 'has done 2 steps already' train --resume saved --steps 1
expect 2 'out longer: is not empty' train --resume saved --out longer
printf x >>longer/checkpoint.npz
expect 2 'longer/checkpoint.npz' train --resume longer
expect 0 '^seed [0-9]+$' train --data builtin --steps 0 --seed random
expect 2 'seed' train --backend-seed 4294967296
expect 0 '' train --data builtin --steps 1 --seed 812 --backend-seed 5 --out shuffled
expect 1 '' compare two shuffled

# Weaker claims: a run's own libraries where there are any, recorded and priced.
weak=(train --data builtin --limit-samples 256 --steps 4)
expect 0 '' "${weak[@]}" --out strong
expect 0 '' "${weak[@]}" --determinism machine --out machine
expect 0 '' compare strong machine
expect 0 '' "${weak[@]}" --determinism run --out weak
grep -qE '^determinism run: [0-9.]+ ms a step, everywhere [0-9.]+, in 15 turns: [0-9.]+ times$' stdout ||
  fail "train --determinism run: $(<stdout)"
expect 0 '' "${weak[@]}" --determinism run --out weak2
expect 0 '' compare weak weak2
if grep -q '"conv2d_fwd_v1": "onednn"' weak/environment.json; then
  expect 1 '' compare strong weak
else
  expect 0 '' compare strong weak
fi
expect 0 '' "${weak[@]}" --determinism none --json
python3 -c '
import json
run = json.load(open("stdout"))
assert run["determinism"] == "none" and run["price_of_determinism"]["ratio"] > 0
assert set(run["kernels"]) > {"conv2d_fwd_v1", "dense_wgrad_v1", "adam_v1"}
' || fail "train --determinism none --json: $(<stdout)"
expect 2 'determinism sometimes: there is no such claim' train --determinism sometimes

# Storage in 16 bits: other bits, the same for every kernel.
expect 2 "precision 'half' is not known; there are: float32 bfloat16 float16" train --precision half
for precision in bfloat16 float16; do
  expect 0 '' "${weak[@]}" --precision $precision --out $precision
  expect 0 '' "${weak[@]}" --precision $precision --isa portable --threads 1 --out portable_$precision
  expect 0 '' compare $precision portable_$precision
  expect 1 '' compare strong $precision
  grep -q "^environment: settings/precision: \"float32\" and \"$precision\"$" stdout || fail "compare: $(<stdout)"
done

# A scale that follows the gradients: skips what overflows, and is resumed where it was.
scaled=(train --data builtin --limit-samples 256 --precision float16 --loss-scale dynamic:16777216:2)
expect 2 "loss scale '3': not a power of two from 1" train --precision float16 --loss-scale 3
expect 2 'loss-scale: gradients are scaled in float16 alone' train --loss-scale dynamic
expect 0 '' "${scaled[@]}" --steps 10 --out scaled
grep -qE '^loss scale [0-9]+ at the end, [1-9][0-9]* steps skipped$' stdout || fail "--loss-scale: $(<stdout)"
expect 1 '' compare float16 scaled
expect 0 '' "${scaled[@]}" --steps 5 --save-every 2 --out scaled_again
expect 2 'run has loss_scale "dynamic:16777216:2", not "1024"' train --resume scaled_again --loss-scale 1024
expect 0 '' train --resume scaled_again --steps 10 --ranks 3 --map round-robin
expect 0 '' compare scaled scaled_again

# The published page: its objects, its training, and its next start.
page=(train --recipe keras-page --data builtin --limit-samples 64 --epochs 1)
expect 0 '' "${page[@]}" --out page
grep -qE '^RandomNormal +0.05609520897269249 +the same bits$' stdout || fail "keras-page: $(<stdout)"
grep -qx 'two GlorotNormal(seed=42): equal; two without a seed: not equal' stdout || fail "keras-page: $(<stdout)"
before=$(<page/history.json)
expect 0 '' "${page[@]}" --out page --threads 1
grep -qx "history: every key equal to page's" stdout || fail "keras-page again: $(<stdout)"
expect 1 '' "${page[@]}" --out page --seed 42
grep -q "^history differs from page's: history loss of epoch 1: " stdout || fail "keras-page, other seed: $(<stdout)"
[[ $(<page/history.json) == "$before" ]] || fail 'keras-page wrote over its history'

# The same training many times.
few=(repeat --data builtin --limit-samples 64 --epochs 1)
expect 0 '' "${few[@]}" --runs 3 --seed 42
grep -qx '3 runs with seed 42: the same bits' stdout || fail "repeat: $(<stdout)"
expect 0 '' "${few[@]}" --runs 3
grep -qx '3 runs with seeds of their own: 3 different results' stdout || fail "repeat: $(<stdout)"
expect 0 '' "${few[@]}" --runs 30 --json
python3 -c '
import json, math, statistics
found = json.load(open("stdout"))
values = [run["metrics"]["loss"] for run in found["runs"]]
s = found["statistics"]["loss"]
error = statistics.stdev(values) / math.sqrt(30)
quartiles = statistics.quantiles(values, n=4, method="inclusive")
wanted = [statistics.mean(values), statistics.stdev(values), error, min(values), *quartiles,
          max(values), statistics.mean(values) - 1.96 * error]
got = [s["mean"], s["standard_deviation"], s["standard_error"], s["min"], s["first_quartile"],
       s["median"], s["third_quartile"], s["max"], s["confidence_interval"][0]]
assert len(set(values)) > 20
assert all(math.isclose(a, b, rel_tol=1e-12) for a, b in zip(wanted, got, strict=True))
' || fail "repeat --json: not the statistics of Python"
expect 0 '' "${few[@]}" --runs 2 --each-source
grep -qE '^none +1 +- ' stdout || fail "repeat --each-source: $(<stdout)"
grep -qE '^embedding +1 +- ' stdout || fail "repeat --each-source, of a recipe without: $(<stdout)"
[[ $(grep -cE '^(initialisation|dropout|shuffle|order) +2 +1 ' stdout) == 4 ]] ||
  fail "repeat --each-source: $(<stdout)"
expect 2 'runs' repeat --runs 1
expect 0 '' env --json
python3 -c '
import json
env = json.load(open("stdout"))
for key in ("gpu", "cuda", "cudnn", "nccl", "mpi"): env[key]
gpu = env["gpu"]
assert gpu is None or all(g["name"] and g["driver"] for g in gpu)
' || fail "env --json: $(<stdout)"
checks=$((checks + 1))
"$samebits" env >/dev/full 2>stderr
[[ $? == 2 && $(<stderr) == 'samebits: standard output: cannot be written: No space left on device' ]] ||
  fail "env on a full disk: $(<stderr)"
expect 2 'free bread: there is no such source' train --free bread
expect 2 'free dropout=x: the seed is not' train --free dropout=x
expect 2 'no case matches' golden list nonsense
expect 1 '' golden diff "$source/golden" "$folder"
expect 0 '' golden diff "$source/golden" "$source/golden"

# Cells: judged, explained, repeated, counted.
cell=relu_fwd_v1/n7_seed812@portable
expect 0 '' explain "$cell#threads=3"
grep -qx 'verdict  match' stdout || fail "explain: $(<stdout)"
expect 0 '' explain --json "$cell#batch=2"
grep -q '"verdict":"match"' stdout || fail "explain --json: $(<stdout)"
expect 2 "cell 'relu': not of the form" explain relu
expect 2 'no such operation' explain "bread_v1/n7@portable#run=1"
expect 2 'no such kernel' explain "relu_fwd_v1/n7@nobody#run=1"
expect 2 'no such axis' explain "$cell#moon=1"
expect 2 'from 1 to 4;' explain "$cell#floatstate=5"
expect 2 'from 1 to 1024;' explain "$cell#threads=0"
expect 2 'has no axis batch' explain "mse_v1/n1c1_seed812@portable#batch=1"
expect 2 'n is below 1' explain "relu_fwd_v1/n0_seed812@portable#run=1"
expect 2 'CELL' explain
expect 1 '' explain "relu_fwd_v1/n8_seed812@portable#run=1"
grep -q 'verdict  no golden' stdout || fail "explain without a golden: $(<stdout)"
grep -qw avx512f /proc/cpuinfo || expect 3 'AVX-512' repeat-kernel "relu_fwd_v1/n7_seed812@avx512#run=1"
expect 0 '' repeat-kernel --times 20 "$cell#run=1" "$cell#threads=2"
[[ $(grep -c '20 runs, the same bits' stdout) == 2 ]] || fail "repeat-kernel: $(<stdout)"
expect 0 '' repeat-kernel --times 2 --no-load --json "$cell#run=1"
grep -q '"same":true' stdout || fail "repeat-kernel --json: $(<stdout)"
expect 2 'times' repeat-kernel --times 0 "$cell#run=1"
expect 2 'not of the form' repeat-kernel relu
expect 2 'CELL' repeat-kernel
expect 2 'no operation has it' repeat-kernel --kernel x
expect 0 '' repeat-kernel --kernel portable --times 2
(($(grep -c '_seed812@portable#run=1: 2 runs, the same bits' stdout) > 40)) ||
  fail "repeat-kernel --kernel: $(<stdout)"
expect 0 '' matrix "*relu_fwd_v1/*"
grep -qE '^relu_fwd_v1 +portable( +[0-9]+){6} ' stdout || fail "matrix: $(<stdout)"
expect 2 'no cell matches' matrix nonsense
expect 2 'cannot read nowhere' matrix --from nowhere
echo '{}' >lines.jsonl
expect 2 'lines.jsonl:1: not a line' matrix --from lines.jsonl
printf '{"cell":"%s","verdict":"%s","reason":""}\n' "$cell#run=1" match "$cell#run=2" mismatch >lines.jsonl
expect 1 '' matrix --from lines.jsonl
grep -q ' 1/2! ' stdout || fail "matrix --from: $(<stdout)"
expect 1 '' matrix --from lines.jsonl --json
# Accuracy: fixed point is closer where a line's values are of one size, chains where they are not.
expect 0 '' accuracy n8c512_k8_seed1 n8c512_k8_range24_seed1 --json
python3 - <<'END' || fail "accuracy: $(<stdout)"
import json
even, wide = (json.loads(line) for line in open("stdout"))
largest = lambda row, operation: row[operation]["largest"]
assert 0 < largest(even, "dense_exact_v1") < largest(even, "dense_fwd_v1"), even
assert 0 < largest(wide, "dense_fwd_v1") < largest(wide, "dense_exact_v1"), wide
END
expect 2 'infinities and NaNs have no error' accuracy n6c300_k40_nonfinite_seed1
expect 2 'or c above 131072' accuracy n1c131073_k1_seed1
expect 2 'nowhere.json: cannot be read' engines --device-properties nowhere.json
# Prices: lists as files, and one against another.
expect 2 "no timed case matches 'nonsense'" price --filter nonsense
expect 2 'nowhere: cannot be read' price --from nowhere
expect 2 'nowhere: cannot be read' price --against nowhere --filter 'softmax_fwd_v1/n64c10_*'
expect 0 '' price --filter 'softmax_fwd_v1/n64c10_*' --json
[[ $(wc -l <stdout) == 1 ]] || fail 'price --json is not one object'
keys='"group":"softmax","operation":"softmax_fwd_v1","case":"n64c10_logits_seed812","threads":1,"claim":"none"'
grep -qF "$keys" stdout || fail "price --json: $(<stdout)"
[[ $(grep -oE '"claim":"(none|run|machine|everywhere)"' stdout | wc -l) == 8 ]] || fail "rungs: $(<stdout)"
cp stdout prices.json
expect 0 '' price --from prices.json
grep -qE '^softmax_fwd_v1 +n64c10_logits +2 ' stdout || fail "price --from: $(<stdout)"
expect 2 'budget' price --budget 0
expect 0 '' price --from prices.json --against prices.json
grep -q '8 prices in both, 0 faster, 0 slower' stdout || fail "price --against: $(<stdout)"
sed -E 's/"low":[^,]+,"high":[^,]+/"low":1e9,"high":2e9/g' prices.json >better.json
expect 1 '' price --from prices.json --against better.json
grep -qE '8 prices in both, 0 faster, [48] slower' stdout || fail "price --against: $(<stdout)"
sed 's/softmax_fwd_v1/relu_fwd_v1/g' prices.json >others.json
expect 2 'others.json: has no price of this list' price --from prices.json --against others.json
echo '{}' >bad.json
expect 2 'bad.json: not a list of samebits price' price --from prices.json --against bad.json
mkdir goldens
SAMEBITS_GOLDEN=$PWD/goldens expect 1 '' price --filter 'softmax_fwd_v1/n64c10_*' --json
grep -q 'NOT TIMED: softmax_fwd_v1/n64c10_logits_seed812@.*no golden' stderr || fail "wrong bits: $(<stderr)"
grep -q '"rows":\[\],' stdout || fail "prices of wrong bits: $(<stdout)"
expect 0 '' price --help

expect 2 'file: is not a directory' report --out file
expect 2 'nowhere: cannot be read' report --out none --matrix nowhere
expect 2 'nowhere: cannot be read' report --out none2 --prices nowhere
expect 2 'run' report --out none3 --history nowhere
expect 2 'nowhere: cannot be read' report --out none4 --history strong --repeat nowhere
echo '{"statistics":{"loss":{"mean":1}},"runs":[]}' >bad.json
expect 2 'bad.json: not what samebits repeat --json prints' report --out none5 --history strong --repeat bad.json
expect 0 '' report --help

expect 0 '' explain --help
expect 0 '' matrix --help
expect 0 '' repeat-kernel --help

# Initializers: the published numbers, both streams; options; files.
# shows TEXT ARGUMENT...: exactly this on standard output.
shows() {
  local text=$1
  shift
  expect 0 '' "$@"
  [[ $(<stdout) == "$text" ]] || fail "$*: $(<stdout)"
}
shows 0.05609520897269249 init RandomNormal --seed 42 --shape 1,1 --stream keras-jax
shows 0.000790853810030967 init RandomNormal --seed 42 --shape 1,1 --stream keras-tensorflow
shows 1.2784210443496704 init GlorotUniform --seed 42
shows 1.8079603910446167 init HeUniform --seed 42 --shape 1
shows -1.065855622291565 init HeUniform --seed 42 --shape '' --stream keras-tensorflow
shows 1.0 init Orthogonal --seed 42
shows 2.0 init Orthogonal --seed 42 --gain 2
shows 1.2784210443496704 init VarianceScaling --seed 42 --mode fan_avg --distribution uniform
shows '{"initializer":"HeNormal","stream":"keras-jax","seed":42,"shape":[1,1],"values":[1.6819592714309692]}' \
  init HeNormal --seed 42 --json --npy values.npy
[[ $(tail -c 4 values.npy | od -An -tx4) == ' 3fd74a71' ]] || fail "init --npy: $(od -tx1 values.npy)"
expect 0 '' init RandomUniform --shape 2,3 --minval 0 --maxval 1
[[ $(wc -lw <stdout | tr -s ' ') == ' 2 6' ]] || fail "init of two rows: $(<stdout)"
expect 2 "initializer 'Bread' is not known; there are: RandomNormal .* Orthogonal" init Bread
expect 2 "stream 'torch' is not known; there are: keras-jax keras-tensorflow" init HeNormal --stream torch
expect 2 'HeNormal takes no stddev; it takes: no options' init HeNormal --stddev 1
expect 2 "mode 'fan' is not known; there are: fan_in fan_out fan_avg" init VarianceScaling --mode fan
expect 2 "distribution 'flat' is not known" init VarianceScaling --distribution flat
expect 2 "scale '0' is not above 0" init VarianceScaling --scale 0
expect 2 "mean '' is not a number" init RandomNormal --mean ''
expect 2 "shape '3,,5': give sizes" init HeNormal --shape 3,,5
expect 2 "shape '3x5': give sizes" init HeNormal --shape 3x5
expect 2 'shape 3,0: give sizes from 1' init HeNormal --shape 3,0
expect 2 'at most 268435456 elements' init HeNormal --shape 99999,99999
expect 2 'two sizes or more' init Orthogonal --shape 5
expect 2 'seed' init HeNormal --seed -1
expect 2 'nowhere/values.npy' init HeNormal --npy nowhere/values.npy
expect 2 'NAME' init
expect 0 '' init --help

printf '%d checks, %d failed\n' "$checks" "$failures"
((failures == 0))
