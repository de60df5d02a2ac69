#include "model/recipe.h"

#include <string>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

using enum LayerKind;

constexpr int kFifth = 200000;

constexpr Layer kCnnLayers[] = {
    {.kind = kConv2d, .units = 32, .window = 3, .relu = true},
    {.kind = kMaxPool, .window = 2},
    {.kind = kDropout, .rate = kFifth},
    {.kind = kConv2d, .units = 32, .window = 3, .relu = true},
    {.kind = kMaxPool, .window = 2},
    {.kind = kDropout, .rate = kFifth},
    {.kind = kConv2d, .units = 32, .window = 3, .relu = true},
    {.kind = kGlobalAveragePool},
    {.kind = kDense, .units = 64, .relu = true},
    {.kind = kDropout, .rate = kFifth},
    {.kind = kDense, .units = 10},
};

constexpr Recipe kCnn{"cnn", 32, 32, 1, 10, kCnnLayers};

}  // namespace

const Recipe& CnnRecipe() { return kCnn; }

const Recipe& FindRecipe(std::string_view name) {
  if (name == kCnn.name) return kCnn;
  throw UserError(fmt::format("recipe '{}' is not known; there is: {}", name, kCnn.name));
}

}  // namespace samebits
