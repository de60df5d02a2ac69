// cuDNN's convolutions, through its backend interface (version 9).
#include "kernels/comparators/cudnn.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kernels/comparators/cudnn_library.h"
#include "kernels/comparators/layout.h"
#include "kernels/comparators/padding.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/error.h"
#include "kernels/core/steady_choice.h"
#include "kernels/cuda/stream.h"

namespace samebits::comparators {
namespace {

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    CheckCudnn(Cudnn().create(type, &descriptor_), "a descriptor");
  }
  ~Descriptor() {
    if (descriptor_ != nullptr) Cudnn().destroy(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <class T>
  void Set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    CheckCudnn(Cudnn().set(descriptor_, name, type, 1, &value), "an attribute");
  }
  template <class T>
  void SetAll(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
              const std::vector<T>& values) {
    CheckCudnn(Cudnn().set(descriptor_, name, type, std::ssize(values), values.data()),
               "an attribute");
  }
  void SetDescriptor(cudnnBackendAttributeName_t name, const Descriptor& value) {
    Set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.get());
  }

  bool TryFinalize() { return Cudnn().finalize(descriptor_) == CUDNN_STATUS_SUCCESS; }
  void Finalize(const char* what) { CheckCudnn(Cudnn().finalize(descriptor_), what); }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

// What the variant pack names the tensors by.
enum : std::int64_t { kInput = 1, kFilter, kOutput };  // x, w, y, or the gradients in their place

// Of four extents as cuDNN counts them (batch, channels, rows, columns), channels side by side.
Descriptor TensorOf(std::int64_t id, std::int64_t n, std::int64_t c, std::int64_t h,
                    std::int64_t w) {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.Set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
  tensor.Set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  tensor.Set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::int64_t{16});
  tensor.SetAll(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, std::vector{n, c, h, w});
  tensor.SetAll(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64,
                std::vector{h * w * c, std::int64_t{1}, w * c, c});
  tensor.Finalize("a tensor");
  return tensor;
}

Descriptor ConvolutionOf(const conv2d::Shape& s) {
  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const auto set = [&](cudnnBackendAttributeName_t name, std::int64_t rows, std::int64_t columns) {
    convolution.SetAll(name, CUDNN_TYPE_INT64, std::vector{rows, columns});
  };
  convolution.Set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  convolution.Set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
                  CUDNN_CROSS_CORRELATION);
  convolution.Set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::int64_t{2});
  set(CUDNN_ATTR_CONVOLUTION_DILATIONS, s.dilation_h, s.dilation_w);
  set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, s.stride_h, s.stride_w);
  set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, s.pad_top, s.pad_left);
  const auto behind = [](std::int64_t in, std::int64_t out, std::int64_t extent,
                         std::int64_t stride, std::int64_t before) {  // no less than none
    return std::max<std::int64_t>(0, PadBehind(in, out, extent, stride, before));
  };
  set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,
      behind(s.h, s.oh, s.dilation_h * (s.r - 1) + 1, s.stride_h, s.pad_top),
      behind(s.w, s.ow, s.dilation_w * (s.s - 1) + 1, s.stride_w, s.pad_left));
  convolution.Finalize("a convolution");
  return convolution;
}

// The attributes that differ between the three operations.
struct Names {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t alpha, beta, convolution, input, filter, output;
};

Names NamesOf(const Op& op) {
  if (&op == &conv2d::kForward) {
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
  }
  if (&op == &conv2d::kDataGradient) {
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
}

// Without a handle of no GPU.
Descriptor GraphOf(const Op& op, const conv2d::Shape& s, cudnnHandle_t handle) {
  const Descriptor input = TensorOf(kInput, s.n, s.c, s.h, s.w);
  const Descriptor filter = TensorOf(kFilter, s.k, s.c, s.r, s.s);
  const Descriptor output = TensorOf(kOutput, s.n, s.k, s.oh, s.ow);
  const Descriptor convolution = ConvolutionOf(s);
  const Names names = NamesOf(op);
  Descriptor operation(names.operation);
  operation.Set(names.alpha, CUDNN_TYPE_FLOAT, 1.0f);
  operation.Set(names.beta, CUDNN_TYPE_FLOAT, 0.0f);
  operation.SetDescriptor(names.convolution, convolution);
  operation.SetDescriptor(names.input, input);
  operation.SetDescriptor(names.filter, filter);
  operation.SetDescriptor(names.output, output);
  operation.Finalize("an operation");
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (handle != nullptr) graph.Set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph.SetDescriptor(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.Finalize("a graph");
  return graph;
}

// A GPU that may be elsewhere, by its properties.
Descriptor DeviceOf(const std::string& properties) {
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  CheckCudnn(Cudnn().set(device.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                         std::ssize(properties), properties.data()),
             "properties of a GPU");
  if (!device.TryFinalize()) {
    throw UserError("these are no properties of a GPU as cuDNN writes them");
  }
  return device;
}

// What the heuristics offer, best first; then what they fall back to. For a device, or (null) for
// that of the graph's handle.
std::vector<Descriptor> OffersFor(const Descriptor& graph, const Descriptor* device) {
  constexpr std::int64_t kMostOffers = 64;
  std::vector<Descriptor> offers;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristic.SetDescriptor(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristic.Set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    if (device != nullptr) heuristic.SetDescriptor(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device);
    if (!heuristic.TryFinalize()) continue;
    std::vector<Descriptor> configurations;
    std::vector<cudnnBackendDescriptor_t> filled;
    for (std::int64_t i = 0; i < kMostOffers; ++i) {
      filled.push_back(configurations.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
    }
    std::int64_t count = 0;
    CheckCudnn(Cudnn().get(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                           CUDNN_TYPE_BACKEND_DESCRIPTOR, kMostOffers, &count, filled.data()),
               "engines");
    count = std::min(count, kMostOffers);
    for (std::int64_t i = 0; i < count; ++i) {
      offers.push_back(std::move(configurations[static_cast<std::size_t>(i)]));
    }
  }
  return offers;
}

// What an engine says of itself.
CudnnOffer OfferOf(const Descriptor& configuration) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t filled = engine.get();
  std::int64_t count = 0;
  CheckCudnn(Cudnn().get(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                         CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &filled),
             "an engine");
  CudnnOffer offer;
  CheckCudnn(Cudnn().get(filled, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &count,
                         &offer.engine),
             "an engine's number");
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes;
  CheckCudnn(Cudnn().get(filled, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                         std::ssize(notes), &count, notes.data()),
             "an engine's notes");
  const auto says = [&](cudnnBackendNumericalNote_t note) {
    return std::find(notes.begin(), notes.begin() + count, note) != notes.begin() + count;
  };
  offer.moves = says(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
  offer.narrows = says(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                  says(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) ||
                  says(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION);
  return offer;
}

// A way to run a convolution: what the heuristics offer, and the plan made of it.
struct Way {
  explicit Way(Descriptor offered)
      : configuration(std::move(offered)), offer(OfferOf(configuration)) {}

  Descriptor configuration;
  CudnnOffer offer;
  bool was_tried = false;
  std::optional<Descriptor> plan;  // none: it does not run on this GPU, or needs too much memory
  std::int64_t workspace = 0;      // bytes
};

void TryPlan(Way& way) {
  constexpr std::int64_t kMostWorkspace = std::int64_t{1} << 30;
  if (std::exchange(way.was_tried, true)) return;
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.Set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, CudnnHandle());
  plan.SetDescriptor(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, way.configuration);
  if (!plan.TryFinalize()) return;
  std::int64_t count = 0;
  CheckCudnn(Cudnn().get(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                         &count, &way.workspace),
             "a workspace");
  if (way.workspace <= kMostWorkspace) way.plan = std::move(plan);
}

// Of one call: in cuDNN's layouts.
struct Tensors {
  void *input, *filter, *output;
};

cudnnStatus_t Execute(const Way& way, const Tensors& tensors, void* workspace) {
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.SetAll(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
              std::vector<std::int64_t>{kInput, kFilter, kOutput});
  pack.SetAll(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
              std::vector{tensors.input, tensors.filter, tensors.output});
  pack.Set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  pack.Finalize("a call");
  return Cudnn().execute(CudnnHandle(), way.plan->get(), pack.get());
}

void CheckCuda(cudaError_t error) {
  if (error != cudaSuccess) {
    throw std::runtime_error(fmt::format("cuDNN: {}", cudaGetErrorString(error)));
  }
}

// The fastest of those that run here.
const Way& FastestWay(const std::vector<Way*>& offered, const Tensors& tensors,
                      DeviceStream& stream) {
  std::vector<const Way*> ways;
  std::int64_t most = 1;
  for (Way* const way : offered) {
    TryPlan(*way);
    if (!way->plan) continue;
    ways.push_back(way);
    most = std::max(most, way->workspace);
  }
  // Not the stream's: that is the call's own, and the same at every call.
  void* workspace = nullptr;
  CheckCuda(cudaMalloc(&workspace, static_cast<std::size_t>(most)));
  const std::unique_ptr<void, cudaError_t (*)(void*)> owned(workspace, cudaFree);
  const auto run = [&](const Way& way) {
    const cudnnStatus_t status = Execute(way, tensors, workspace);
    CheckCuda(cudaStreamSynchronize(static_cast<cudaStream_t>(stream.handle())));
    return status == CUDNN_STATUS_SUCCESS;
  };
  std::erase_if(ways, [&](const Way* way) { return !run(*way); });
  if (ways.empty()) throw UnavailableError("cuDNN offers no such engine for this case");
  return *ways[FastestOf(ways.size(), [&](std::size_t i) { run(*ways[i]); })];
}

const Way& FirstWay(const std::vector<Way*>& offered) {
  for (Way* const way : offered) {
    TryPlan(*way);
    if (way->plan) return *way;
  }
  throw UnavailableError("cuDNN offers no such engine for this case");
}

// How a case is run by some of the engines, always the same once it was.
const Way& WayOf(const Op& op, const std::string& case_id, const conv2d::Shape& s,
                 CudnnEngines engines, bool steady, const Tensors& tensors, DeviceStream& stream) {
  thread_local std::map<std::pair<const Op*, std::string>, std::vector<Way>> offered;
  thread_local std::map<std::tuple<const Op*, std::string, CudnnEngines, bool>, const Way*> chosen;
  const Way*& way = chosen[{&op, case_id, engines, steady}];
  if (way != nullptr) return *way;
  const auto [place, is_new] = offered.try_emplace({&op, case_id});
  if (is_new) {
    for (Descriptor& offer : OffersFor(GraphOf(op, s, CudnnHandle()), nullptr)) {
      place->second.emplace_back(std::move(offer));
    }
  }
  std::vector<Way*> ways;
  for (Way& candidate : place->second) {
    if (IsAmong(candidate.offer, engines)) ways.push_back(&candidate);
  }
  way = steady ? &FirstWay(ways) : &FastestWay(ways, tensors, stream);
  return *way;
}

void Convolve(const Op& op, CudnnEngines engines, bool steady, const Case& c,
              const Buffers& buffers, DeviceStream& stream) {
  CheckCudnn(Cudnn().set_stream(CudnnHandle(), static_cast<cudaStream_t>(stream.handle())),
             "a stream");
  const conv2d::Shape s = conv2d::ShapeOf(c);
  const std::int64_t terms = s.r * s.s * s.c;  // of a filter: ours [terms, k], cuDNN's [k, terms]
  float* const filter = stream.Scratch(terms * s.k);
  const bool forward = &op == &conv2d::kForward, to_filter = &op == &conv2d::kWeightGradient;
  void *const first = const_cast<void*>(buffers.inputs[0]), *const out = buffers.outputs[0];
  const Tensors tensors = forward     ? Tensors{first, filter, out}
                          : to_filter ? Tensors{first, filter, const_cast<void*>(buffers.inputs[1])}
                                      : Tensors{out, filter, first};
  if (!to_filter) cuda::Transpose(terms, s.k, buffers.in(1), filter, stream);
  const Way& way = WayOf(op, c.id(), s, engines, steady, tensors, stream);
  void* const workspace = stream.ScratchBytes(static_cast<std::size_t>(way.workspace));
  CheckCudnn(Execute(way, tensors, workspace), "a convolution");
  if (to_filter) cuda::Transpose(s.k, terms, filter, buffers.out(0), stream);
  if (forward) {
    cuda::AddBias(s.n * s.oh * s.ow, s.k, buffers.in(2), s.relu, buffers.out(0), stream);
  }
}

}  // namespace

void RunCudnnConvolution(const Op& op, CudnnEngines engines, const Case& c,
                         const Buffers& buffers) {
  Cudnn().Require();
  // Asked here, as a session may run it later.
  const bool steady = ChoicesAreSteady();
  RunOnGpu(op, c, buffers, [&op, engines, steady, c](const Buffers& device, DeviceStream& stream) {
    Convolve(op, engines, steady, c, device, stream);
  });
}

std::vector<CudnnOffer> CudnnOffers(const Op& op, const Case& c, const std::string& device) {
  Cudnn().Require();
  const Descriptor properties = DeviceOf(device);
  std::vector<CudnnOffer> offers;
  for (const Descriptor& offer : OffersFor(GraphOf(op, conv2d::ShapeOf(c), nullptr), &properties)) {
    offers.push_back(OfferOf(offer));
  }
  return offers;
}

std::string CudnnDevice() {
  Cudnn().Require();
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.Set(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, std::int32_t{0});
  if (!device.TryFinalize()) throw UnavailableError("cuDNN finds no GPU");
  std::int64_t size = 0;
  const auto get = [&](std::int64_t most, char* text) {
    CheckCudnn(Cudnn().get(device.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                           most, &size, text),
               "properties of a GPU");
  };
  get(0, nullptr);  // only tells how long it is
  std::string text(static_cast<std::size_t>(size), ' ');
  get(size, text.data());
  return text;
}

std::int64_t CudnnEngineCount(const Op& op, const Case& c) {
  Cudnn().Require();
  const Descriptor graph = GraphOf(op, conv2d::ShapeOf(c), nullptr);
  std::int64_t count = 0, engines = 0;
  CheckCudnn(Cudnn().get(graph.get(), CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT,
                         CUDNN_TYPE_INT64, 1, &count, &engines),
             "a count of engines");
  return engines;
}

}  // namespace samebits::comparators
