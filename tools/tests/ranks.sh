#!/usr/bin/env bash
# Training over ranks: whatever their number and whatever happens to them, the bits of one.
# usage: ranks.sh SAMEBITS [KILLS]
# Exit code: 0 holds, 1 something failed, 3 no MPI here: what needs it was not run.
set -uo pipefail
# shellcheck source=tools/tests/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
samebits=$1 kills=${2:-2}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
RANDOM=812  # who dies, and when
train=(train --data builtin --batch 24 --threads 1 --bucket 20000 --deadline 8)

# mpi RANKS ARGUMENT...: with more ranks than processors, if need be.
mpi() {
  local ranks=$1
  shift
  mpirun --allow-run-as-root --oversubscribe -n "$ranks" "$samebits" "$@" --ranks mpi
}

same() { "$samebits" compare whole "$1" >comparison 2>&1 || fail "$2: $(<comparison)"; }

"$samebits" "${train[@]}" --steps 6 --out whole >/dev/null 2>&1 || fail 'one rank'

# Threads of one process; a rank in turns; ranks that change on the way.
for ranks in 2 3 4 5 7 8; do
  "$samebits" "${train[@]}" --steps 6 --ranks "$ranks" --out "local$ranks" >/dev/null 2>&1 ||
    fail "$ranks ranks"
  same "local$ranks" "$ranks ranks in one process"
done
for map in reversed round-robin; do
  "$samebits" "${train[@]}" --steps 6 --ranks 3 --map $map --out $map >/dev/null 2>&1 || fail "$map"
  same $map "3 ranks, $map"
done
"$samebits" "${train[@]}" --steps 6 --accumulate 5 --out turns >/dev/null 2>&1 || fail 'turns'
same turns 'one rank in five turns'
"$samebits" "${train[@]}" --steps 6 --ranks 2 --accumulate 3 --out turns2 >/dev/null 2>&1 ||
  fail 'ranks with turns'
same turns2 'two ranks in three turns each'
"$samebits" "${train[@]}" --steps 2 --ranks 8 --save-every 2 --out elastic >/dev/null 2>&1
"$samebits" train --resume elastic --steps 4 --ranks 3 --map reversed >/dev/null 2>&1
"$samebits" train --resume elastic --steps 6 --ranks 1 >/dev/null 2>&1 || fail '8, 3, 1 ranks'
same elastic '8, 3 and then 1 ranks'
"$samebits" train --data builtin --steps 1 --ranks 9 >/dev/null 2>error
(($? == 2)) && grep -q '9 ranks, but a batch has 8 leaves' error || fail "9 ranks: $(<error)"

# More ranks than any machine here has processors.
many=(train --recipe embedding --batch 1024 --leaves 1024 --steps 2)
"$samebits" "${many[@]}" --out one >/dev/null 2>&1
"$samebits" "${many[@]}" --ranks 1024 --out many >/dev/null 2>&1
"$samebits" compare one many >comparison 2>&1 || fail "1,024 ranks: $(<comparison)"

# A bit that flips in one rank's gradient.
flip() {
  local ranks=$1 fault=$2 want=$3
  SAMEBITS_FAULT=$fault "$samebits" "${train[@]}" --steps 6 --check-every 2 --ranks "$ranks" \
    >/dev/null 2>error
  (($? == 1)) && grep -q "$want" error || fail "$fault: $(<error)"
}
flip 3 flip:1:4:w4 'rank 1: .*w4 .*step 4'
flip 2 flip:0:2:w9 'rank 0: .*w9 .*step 2'
"$samebits" "${train[@]}" --steps 6 --check-every 2 --ranks 3 --out checked >/dev/null 2>&1 ||
  fail 'digests of sound ranks'
same checked 'checked ranks'

finish() {
  ((failures == 0)) || exit 1
  exit "$1"
}

if ! command -v mpirun >/dev/null || ! mpi 1 train --data builtin --steps 0 >/dev/null 2>error; then
  printf 'NOT RUN: MPI: %s\n' "$(grep samebits: error || printf 'no mpirun here')" >&2
  finish 3
fi

for ranks in 1 2 3 4 5 7 8; do
  mpi "$ranks" "${train[@]}" --steps 6 --out "mpi$ranks" >log 2>&1 || fail "$ranks: $(<log)"
  same "mpi$ranks" "$ranks ranks over MPI"
done
mpi 8 "${train[@]}" --steps 2 --save-every 2 --out elastic2 >/dev/null 2>&1
mpi 3 train --resume elastic2 --threads 1 --steps 4 >/dev/null 2>&1
mpi 1 train --resume elastic2 --threads 1 --steps 6 >/dev/null 2>&1 || fail '8, 3, 1 over MPI'
same elastic2 '8, 3 and then 1 ranks over MPI'

# The control: all-reduces whose bits are others with four ranks than with one, and ours.
mpi 4 all-reduce --to 0 --json >log 2>&1 || fail "all-reduce: $(<log)"
grep -q '"tree","runs":true,"sizes":true,"fusing":true,"ranks":true' log || fail "tree: $(<log)"
for algorithm in 1_basic_linear 4_ring 5_segmented_ring; do
  grep -q "\"mpi_$algorithm\",[^}]*\"ranks\":false" log || fail "MPI's $algorithm: $(<log)"
done

# The same control on a whole training run: its digests are others, and it says whose sums it had.
for algorithm in mpi_1_basic_linear mpi_4_ring mpi_5_segmented_ring; do
  mpi 4 "${train[@]}" --steps 6 --all-reduce $algorithm --out $algorithm >log 2>&1 || fail "$algorithm: $(<log)"
  "$samebits" compare whole $algorithm >comparison 2>&1
  (($? == 1)) && grep -q "settings/all_reduce: \"tree\" and \"$algorithm\"" comparison ||
    fail "training by $algorithm: $(<comparison)"
done
mpi 2 "${train[@]}" --steps 1 --all-reduce nobody >log 2>&1
(($? == 2)) && grep -q "all-reduce 'nobody': .*there are: mpi_default" log || fail "nobody: $(<log)"
mpi 3 "${train[@]}" --steps 6 --map round-robin --out mapped >log 2>&1 || fail "map over MPI: $(<log)"
same mapped '3 ranks over MPI, round-robin'

# Ranks that were not started alike: the second one is another program, or has other options.
refuses() {
  local want=$1 program=$2
  shift 2
  mpirun --allow-run-as-root --oversubscribe -n 1 "$samebits" "${train[@]}" --ranks mpi --steps 2 : \
    -n 1 "$program" "${train[@]}" --ranks mpi --steps 2 "$@" >log 2>&1
  (($? == 2)) && grep -q "$want" log || fail "$program $*: $(<log)"
}
refuses 'rank 1 has run/seeds/python 7, rank 0 has 812' "$samebits" --seed 7
refuses 'rank 1 has run/leaves 16, rank 0 has 8' "$samebits" --leaves 16
refuses 'rank 1 has limit_samples 100' "$samebits" --limit-samples 100
mkdir bin
cp "$samebits" "$(dirname "$samebits")/samebits_mpi.so" bin
printf 'other' >>bin/samebits
refuses 'rank 1 has program' bin/samebits
mpi 9 "${train[@]}" --steps 1 >log 2>&1
(($? == 2)) && grep -q '9 ranks, but a batch has 8 leaves' log || fail "9 ranks: $(<log)"

# A rank that dies or hangs: the others say so in time, and nothing is lost.
for ((i = 1; i <= kills; ++i)); do
  ranks=$((2 + RANDOM % 4)) kind=kill
  ((i % 4 == 0)) && kind=stop  # takes until the deadline
  rank=$((RANDOM % ranks)) step=$((2 + RANDOM % 5))
  fault=$kind:$rank:$step begin=$SECONDS
  SAMEBITS_FAULT=$fault mpi "$ranks" "${train[@]}" --steps 6 --save-every 1 --out "lost$i" >log 2>&1
  (($? != 0)) || fail "$fault of $ranks: nobody noticed"
  ((SECONDS - begin < 30)) || fail "$fault of $ranks: took $((SECONDS - begin)) s"
  lines=$(grep -c "^samebits: rank $rank .* at step $step" log)
  ((lines == 1)) || fail "$fault of $ranks: $(<log)"
  mpi $((1 + i % 3)) train --resume "lost$i" --threads 1 >log 2>&1 || fail "$fault: $(<log)"
  same "lost$i" "$fault of $ranks, resumed"
done
finish 0
