// cuDNN through its backend interface (version 9), loaded when it is first asked for.
#include "kernels/comparators/cudnn.h"

#include <cuda_runtime.h>
#include <cudnn.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kernels/comparators/layout.h"
#include "kernels/comparators/padding.h"
#include "kernels/comparators/shared_library.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/error.h"
#include "kernels/core/steady_choice.h"
#include "kernels/cuda/stream.h"

namespace samebits::comparators {
namespace {

struct Library : SharedLibrary {
  Library() : SharedLibrary(fmt::format("libcudnn.so.{}", CUDNN_MAJOR)) {}

  decltype(&cudnnCreate) create_handle = Find("cudnnCreate");
  decltype(&cudnnSetStream) set_stream = Find("cudnnSetStream");
  decltype(&cudnnGetErrorString) error_string = Find("cudnnGetErrorString");
  decltype(&cudnnBackendCreateDescriptor) create = Find("cudnnBackendCreateDescriptor");
  decltype(&cudnnBackendDestroyDescriptor) destroy = Find("cudnnBackendDestroyDescriptor");
  decltype(&cudnnBackendSetAttribute) set = Find("cudnnBackendSetAttribute");
  decltype(&cudnnBackendGetAttribute) get = Find("cudnnBackendGetAttribute");
  decltype(&cudnnBackendFinalize) finalize = Find("cudnnBackendFinalize");
  decltype(&cudnnBackendExecute) execute = Find("cudnnBackendExecute");
};

const Library& TheLibrary() {
  static const Library library;
  return library;
}

void Check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw std::runtime_error(fmt::format("cuDNN: {}: {}", what, TheLibrary().error_string(status)));
}

// A thread's own: handles are not shared.
cudnnHandle_t Handle() {
  thread_local cudnnHandle_t handle = nullptr;
  if (handle == nullptr) Check(TheLibrary().create_handle(&handle), "a handle");
  return handle;
}

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    Check(TheLibrary().create(type, &descriptor_), "a descriptor");
  }
  ~Descriptor() {
    if (descriptor_ != nullptr) TheLibrary().destroy(descriptor_);
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
    Check(TheLibrary().set(descriptor_, name, type, 1, &value), "an attribute");
  }
  template <class T>
  void SetAll(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
              const std::vector<T>& values) {
    Check(TheLibrary().set(descriptor_, name, type, std::ssize(values), values.data()),
          "an attribute");
  }
  void SetDescriptor(cudnnBackendAttributeName_t name, const Descriptor& value) {
    Set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.get());
  }

  bool TryFinalize() { return TheLibrary().finalize(descriptor_) == CUDNN_STATUS_SUCCESS; }
  void Finalize(const char* what) { Check(TheLibrary().finalize(descriptor_), what); }

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
  Check(TheLibrary().set(device.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
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
    Check(TheLibrary().get(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
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
  Check(TheLibrary().get(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                         CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &filled),
        "an engine");
  CudnnOffer offer;
  Check(TheLibrary().get(filled, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &count,
                         &offer.engine),
        "an engine's number");
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes;
  Check(TheLibrary().get(filled, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
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

struct Plan {
  Descriptor descriptor;
  std::int64_t workspace;  // bytes
};

// Of one call: in cuDNN's layouts.
struct Tensors {
  void *input, *filter, *output;
};

void Execute(const Plan& plan, const Tensors& tensors, DeviceStream& stream) {
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.SetAll(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
              std::vector<std::int64_t>{kInput, kFilter, kOutput});
  pack.SetAll(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
              std::vector{tensors.input, tensors.filter, tensors.output});
  void* const workspace = stream.ScratchBytes(static_cast<std::size_t>(plan.workspace));
  pack.Set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  pack.Finalize("a call");
  Check(TheLibrary().execute(Handle(), plan.descriptor.get(), pack.get()), "a convolution");
}

void Wait(DeviceStream& stream) {
  const auto handle = static_cast<cudaStream_t>(stream.handle());
  if (const cudaError_t error = cudaStreamSynchronize(handle); error != cudaSuccess) {
    throw std::runtime_error(fmt::format("cuDNN: {}", cudaGetErrorString(error)));
  }
}

// The fastest of the first few that may run.
Plan FastestPlan(const Op& op, const conv2d::Shape& s, CudnnEngines engines, const Tensors& tensors,
                 DeviceStream& stream) {
  constexpr std::size_t kMostPlans = 8;
  constexpr std::int64_t kMostWorkspace = std::int64_t{1} << 30;
  std::vector<Plan> plans;
  for (const Descriptor& offer : OffersFor(GraphOf(op, s, Handle()), nullptr)) {
    if (plans.size() == kMostPlans || (!plans.empty() && ChoicesAreSteady())) break;
    if (!IsAmong(OfferOf(offer), engines)) continue;
    Plan plan{Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR), 0};
    plan.descriptor.Set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, Handle());
    plan.descriptor.SetDescriptor(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, offer);
    if (!plan.descriptor.TryFinalize()) continue;  // not on this GPU
    std::int64_t count = 0;
    Check(TheLibrary().get(plan.descriptor.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                           CUDNN_TYPE_INT64, 1, &count, &plan.workspace),
          "a workspace");
    if (plan.workspace <= kMostWorkspace) plans.push_back(std::move(plan));
  }
  if (plans.empty()) throw UnavailableError("cuDNN offers no such engine for this case");
  const auto run = [&](std::size_t i) {
    Execute(plans[i], tensors, stream);
    Wait(stream);
  };
  return std::move(plans[FastestOf(plans.size(), run)]);
}

void Convolve(const Op& op, CudnnEngines engines, const Case& c, const Buffers& buffers,
              DeviceStream& stream) {
  Check(TheLibrary().set_stream(Handle(), static_cast<cudaStream_t>(stream.handle())), "a stream");
  const conv2d::Shape s = conv2d::ShapeOf(c);
  const std::int64_t terms = s.r * s.s * s.c;  // of a filter: ours [terms, k], cuDNN's [k, terms]
  float* const filter = stream.Scratch(terms * s.k);
  const bool forward = &op == &conv2d::kForward, to_filter = &op == &conv2d::kWeightGradient;
  void *const first = const_cast<void*>(buffers.inputs[0]), *const out = buffers.outputs[0];
  const Tensors tensors = forward     ? Tensors{first, filter, out}
                          : to_filter ? Tensors{first, filter, const_cast<void*>(buffers.inputs[1])}
                                      : Tensors{out, filter, first};
  if (!to_filter) cuda::Transpose(terms, s.k, buffers.in(1), filter, stream);
  thread_local std::map<std::tuple<const Op*, std::string, CudnnEngines>, Plan> plans;
  const std::tuple key(&op, c.id(), engines);
  auto plan = plans.find(key);
  if (plan == plans.end()) {
    plan = plans.emplace(key, FastestPlan(op, s, engines, tensors, stream)).first;
  }
  Execute(plan->second, tensors, stream);
  if (to_filter) cuda::Transpose(s.k, terms, filter, buffers.out(0), stream);
  if (forward) {
    cuda::AddBias(s.n * s.oh * s.ow, s.k, buffers.in(2), s.relu, buffers.out(0), stream);
  }
}

}  // namespace

void RunCudnn(const Op& op, CudnnEngines engines, const Case& c, const Buffers& buffers) {
  TheLibrary().Require();
  RunOnGpu(op, c, buffers, [&op, engines, c](const Buffers& device, DeviceStream& stream) {
    Convolve(op, engines, c, device, stream);
  });
}

std::vector<CudnnOffer> CudnnOffers(const Op& op, const Case& c, const std::string& device) {
  TheLibrary().Require();
  const Descriptor properties = DeviceOf(device);
  std::vector<CudnnOffer> offers;
  for (const Descriptor& offer : OffersFor(GraphOf(op, conv2d::ShapeOf(c), nullptr), &properties)) {
    offers.push_back(OfferOf(offer));
  }
  return offers;
}

std::string CudnnDevice() {
  TheLibrary().Require();
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.Set(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, std::int32_t{0});
  if (!device.TryFinalize()) throw UnavailableError("cuDNN finds no GPU");
  std::int64_t size = 0;
  const auto get = [&](std::int64_t most, char* text) {
    Check(TheLibrary().get(device.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                           most, &size, text),
          "properties of a GPU");
  };
  get(0, nullptr);  // only tells how long it is
  std::string text(static_cast<std::size_t>(size), ' ');
  get(size, text.data());
  return text;
}

std::int64_t CudnnEngineCount(const Op& op, const Case& c) {
  TheLibrary().Require();
  const Descriptor graph = GraphOf(op, conv2d::ShapeOf(c), nullptr);
  std::int64_t count = 0, engines = 0;
  Check(TheLibrary().get(graph.get(), CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT,
                         CUDNN_TYPE_INT64, 1, &count, &engines),
        "a count of engines");
  return engines;
}

}  // namespace samebits::comparators
