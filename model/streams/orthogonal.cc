#include "model/streams/orthogonal.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace samebits {
namespace {

// A matrix of `columns` columns, row-major.
struct Matrix {
  std::size_t columns;
  std::vector<double> values;

  double* Row(std::size_t i) { return values.data() + i * columns; }
};

struct Reflection {
  std::vector<double> v;  // of the rows k and later
  double tau = 0.0;
  double sign = 0.0;  // of R[k][k]
};

Reflection ReflectionOf(Matrix& a, std::size_t rows, std::size_t k) {
  Reflection reflection;
  double sum = 0.0;
  for (std::size_t i = k; i < rows; ++i) {
    const double x = a.Row(i)[k];
    reflection.v.push_back(x);
    sum += x * x;
  }
  if (sum == 0.0) return reflection;
  const double norm = std::sqrt(sum), first = reflection.v[0];
  reflection.sign = first < 0.0 ? 1.0 : -1.0;
  reflection.tau = 1.0 / (norm * (norm + std::fabs(first)));
  reflection.v[0] = first - reflection.sign * norm;
  return reflection;
}

// Reflects the columns `first` and later. Row by row: the sums of all columns grow side by side,
// which a compiler can vectorise without changing the order of any of them.
void Reflect(const Reflection& reflection, std::size_t k, std::size_t first, Matrix& a) {
  std::vector<double> w(a.columns, 0.0);
  for (std::size_t i = 0; i < reflection.v.size(); ++i) {
    const double* const row = a.Row(k + i);
    for (std::size_t j = first; j < a.columns; ++j) w[j] += reflection.v[i] * row[j];
  }
  for (double& x : w) x *= reflection.tau;
  for (std::size_t i = 0; i < reflection.v.size(); ++i) {
    double* const row = a.Row(k + i);
    for (std::size_t j = first; j < a.columns; ++j) row[j] -= reflection.v[i] * w[j];
  }
}

}  // namespace

void Orthogonalize(std::size_t rows, std::size_t columns, std::span<float> a) {
  Matrix r{columns, {a.begin(), a.end()}};
  std::vector<Reflection> reflections;
  for (std::size_t k = 0; k < columns; ++k) {
    reflections.push_back(ReflectionOf(r, rows, k));
    Reflect(reflections[k], k, k + 1, r);
  }
  Matrix q{columns, std::vector<double>(rows * columns, 0.0)};
  for (std::size_t k = 0; k < columns; ++k) q.Row(k)[k] = 1.0;
  for (std::size_t k = columns; k-- > 0;) Reflect(reflections[k], k, k, q);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t k = 0; k < columns; ++k) {
      a[i * columns + k] = static_cast<float>(q.Row(i)[k] * reflections[k].sign);
    }
  }
}

}  // namespace samebits
