// The matrix behind the initializer Orthogonal, by a contract of its own: Keras leaves its QR to
// the backend's library, whose bits depend on that library's blocking.
//
// q (rows x columns, rows >= columns, row-major) is the Q of a = QR with every R[k][k] > 0, by
// Householder's reflections in binary64, each sum in ascending order of the row, nothing fused.
// For k = 0 .. columns - 1, with x = a[k.., k]:
//   norm = sqrt(sum of x_i * x_i); sign = x_0 < 0 ? -1 : +1
//   v = x, but v_0 = x_0 + sign * norm; tau = 1 / (norm * (norm + |x_0|))
//   for each later column j: w = tau * (sum of v_i * a_ij); a_ij = a_ij - v_i * w
// Then, from q = the first columns of the identity, for k = columns - 1 .. 0 the same reflection
// of the columns k and later of q; q_ik is multiplied by -sign of step k, the sign of R[k][k], and
// rounded to binary32. A column whose norm is 0 is not reflected, and its sign is 0, as in Keras.
#pragma once

#include <cstddef>
#include <span>

namespace samebits {

// Replaces the matrix by its q. The columns of q are orthogonal to 1e-6 where a has full rank.
void Orthogonalize(std::size_t rows, std::size_t columns, std::span<float> a);

}  // namespace samebits
