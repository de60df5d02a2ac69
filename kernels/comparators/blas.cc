// Matrix products of the BLAS libraries, as Debian installs them. Each is loaded by itself: all of
// them export the same names.
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "kernels/comparators/shared_library.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"

namespace samebits::comparators {
namespace {

// CBLAS' own numbers.
enum : int { kRowMajor = 101, kAsIs = 111, kTransposed = 112 };

using Sgemm = void(int order, int a_form, int b_form, int m, int n, int k, float alpha,
                   const float* a, int a_row, const float* b, int b_row, float beta, float* y,
                   int y_row);

struct Library : SharedLibrary {
  Library(const char* file, const char* of_threads, const char* package)
      : SharedLibrary(file, fmt::format(": Debian package {}", package)),
        use_threads(Find(of_threads)) {}

  Sgemm* multiply = Find("cblas_sgemm");
  void (*use_threads)(std::int64_t);  // libraries that take an int read its lower half
};

const Library& OpenBlas() {
  static const Library library("libopenblas.so.0", "openblas_set_num_threads",
                               "libopenblas0-openmp");
  return library;
}

const Library& Blis() {
  static const Library library("libblis.so.4", "bli_thread_set_num_threads", "libblis4-openmp");
  return library;
}

// y[m,n] = a[m,k] * b[k,n] + beta * y; a transposed factor lies by columns.
void Multiply(const Library& library, const Team& team, std::int64_t m, std::int64_t n,
              std::int64_t k, int a_form, const float* a, int b_form, const float* b, float beta,
              float* y) {
  library.use_threads(team.size());
  const auto row = [](int form, std::int64_t rows, std::int64_t columns) {
    return static_cast<int>(form == kAsIs ? columns : rows);
  };
  library.multiply(kRowMajor, a_form, b_form, static_cast<int>(m), static_cast<int>(n),
                   static_cast<int>(k), 1.0f, a, row(a_form, m, k), b, row(b_form, k, n), beta, y,
                   static_cast<int>(n));
}

// The bias is there before the product is added: one pass less.
template <const Library& (*library)()>
void Forward(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  float* const y = buffers.out(0);
  for (std::int64_t n = 0; n < s.n; ++n) std::copy_n(buffers.in(2), s.k, y + n * s.k);
  Multiply(library(), team, s.n, s.k, s.c, kAsIs, buffers.in(0), kAsIs, buffers.in(1), 1.0f, y);
  if (!s.relu) return;
  for (std::int64_t i = 0; i < s.n * s.k; ++i) y[i] = y[i] > 0 ? y[i] : 0.0f;
}

template <const Library& (*library)()>
void DataGradient(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  Multiply(library(), team, s.n, s.c, s.k, kAsIs, buffers.in(0), kTransposed, buffers.in(1), 0.0f,
           buffers.out(0));
}

template <const Library& (*library)()>
void WeightGradient(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  Multiply(library(), team, s.c, s.k, s.n, kTransposed, buffers.in(0), kAsIs, buffers.in(1), 0.0f,
           buffers.out(0));
}

}  // namespace

namespace openblas {

std::string Missing() { return OpenBlas().missing(); }
void DenseForward(const Case& c, const Buffers& b, Team& t) { Forward<OpenBlas>(c, b, t); }
void DenseDataGradient(const Case& c, const Buffers& b, Team& t) {
  DataGradient<OpenBlas>(c, b, t);
}
void DenseWeightGradient(const Case& c, const Buffers& b, Team& t) {
  WeightGradient<OpenBlas>(c, b, t);
}

}  // namespace openblas

namespace blis {

std::string Missing() { return Blis().missing(); }
void DenseForward(const Case& c, const Buffers& b, Team& t) { Forward<Blis>(c, b, t); }
void DenseDataGradient(const Case& c, const Buffers& b, Team& t) { DataGradient<Blis>(c, b, t); }
void DenseWeightGradient(const Case& c, const Buffers& b, Team& t) {
  WeightGradient<Blis>(c, b, t);
}

}  // namespace blis

}  // namespace samebits::comparators
