#!/usr/bin/env bash
# What an installation offers: the commands away from the source, find_package(samebits), and a
# user's own kernel under `samebits check`.   usage: install.sh BUILD_DIRECTORY SOURCE_DIRECTORY
set -uo pipefail
# shellcheck source=tools/tests/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
build=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2

# expect CODE PATTERN ARGUMENT...: the installed samebits' exit code, and a line like PATTERN.
expect() {
  local code=$1 pattern=$2 got=0
  shift 2
  prefix/bin/samebits "$@" >output 2>&1 </dev/null || got=$?
  [[ $got == "$code" ]] || fail "$*: exit code $got, not $code: $(<output)"
  grep -qE -- "$pattern" output || fail "$*: no '$pattern' in: $(<output)"
}

quietly() {
  "$@" >log 2>&1 || { fail "$*: $(tail -n 20 log)"; exit 1; }
}
quietly cmake --install "$build" --prefix "$folder/prefix"
# The same compilers as the libraries', or theirs may not link.
quietly cmake -G Ninja -S "$source/tools/examples" -B examples -DCMAKE_PREFIX_PATH="$folder/prefix" \
  -DCMAKE_CXX_COMPILER="$(sed -n 's/^CMAKE_CXX_COMPILER:[^=]*=//p' "$build/CMakeCache.txt")"
quietly cmake --build examples

expect 0 '^dense_fwd_v1 +reference ' matrix 'dense_fwd_v1/n5c257*@reference#*'
expect 0 '^[0-9]+ match$' check examples/libmine.so --quick
expect 0 '"verdict":"match"' check examples/libmine.so --json '*process=2'
expect 1 'it has the bits of: one long chain' check examples/libwrong.so --quick
expect 1 '^order .*one long chain' explain --library examples/libwrong.so \
  'dense_fwd_v1/n3c4097_k5_cancel_seed812@wrong#process=2'
expect 2 "cannot load nowhere.so" check nowhere.so
expect 2 "no cell matches" check examples/libmine.so nonsense
examples/judge dense_fwd_v1 n5c257_k15_cancel_seed812 >output || fail "judge: $(<output)"
grep -q '^portable: match$' output || fail "judge: $(<output)"

# library TEXT: a library of that kernel list, to be refused.
library() {
  printf '#include "samebits/kernel.h"\n#include <stdlib.h>\n%s\n' "$1" >bad.c
  quietly cc -shared -fPIC -I prefix/include bad.c -o bad.so
}
list='const samebits_kernel* samebits_kernels(int32_t i) { (void)i; static const samebits_kernel k[] ='
run='static int32_t run(const samebits_call* c) {'
library 'int other;'
expect 2 'exports no samebits_kernels' check bad.so
library 'const samebits_kernel* samebits_kernels(int32_t i) { (void)i; return 0; }'
expect 2 'was not made for interface 1' check bad.so
library "$list {{0}}; return k; }"
expect 2 'lists no kernel' check bad.so
library "$run (void)c; return 0; } $list {{\"bread_v1\", \"mine\", run}, {0}}; return k; }"
expect 2 'no operation is named bread_v1' check bad.so
library "$run (void)c; return 0; } $list {{\"relu_fwd_v1\", \"portable\", run}, {0}}; return k; }"
expect 2 'has a kernel portable already' check bad.so
library "$run (void)c; return 0; } $list {{\"relu_fwd_v1\", \"No!\", run}, {0}}; return k; }"
expect 2 "'No!' is no name" check bad.so
library "$run (void)c; return 7; } $list {{\"relu_fwd_v1\", \"mine\", run}, {0}}; return k; }"
expect 3 'no cell ran' check bad.so --quick
library "$run (void)c; abort(); } $list {{\"relu_fwd_v1\", \"mine\", run}, {0}}; return k; }"
expect 1 'crashed the process.*relu_fwd_v1' check bad.so --quick
# One that writes behind its output, and one that writes nothing.
library "$run float* y = c->outputs[0].data; y[c->setting(c, \"n\", 0)] = 1; return 0; }
  $list {{\"relu_fwd_v1\", \"mine\", run}, {0}}; return k; }"
expect 1 'wrote outside of y' check bad.so --quick
library "$run (void)c; return 0; } $list {{\"relu_fwd_v1\", \"mine\", run}, {0}}; return k; }"
expect 1 'mismatch' check bad.so --quick

((failures == 0)) || exit 1
printf 'installed, linked, checked\n'
