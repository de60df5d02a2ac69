# Sourced by the tests of this folder: counts what failed, and says it.
failures=0

fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$*"
}
