// cuDNN's layers other than convolutions, through its calls for them.
#include <cuda_runtime.h>

#include <memory>

#include "kernels/activation/activation.h"
#include "kernels/comparators/cudnn.h"
#include "kernels/comparators/cudnn_library.h"
#include "kernels/cuda/stream.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"

namespace samebits::comparators {
namespace {

constexpr float kOne = 1.0f, kZero = 0.0f;  // out = one * result + zero * out

// [n, h, w, c], channels side by side.
class TensorShape {
 public:
  TensorShape(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
    CheckCudnn(Cudnn().create_tensor(&descriptor_), "a tensor");
    const auto size = [](std::int64_t extent) { return static_cast<int>(extent); };
    CheckCudnn(Cudnn().set_tensor(descriptor_, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, size(n),
                                  size(c), size(h), size(w)),
               "a tensor");
  }
  ~TensorShape() { Cudnn().destroy_tensor(descriptor_); }
  TensorShape(const TensorShape&) = delete;
  TensorShape& operator=(const TensorShape&) = delete;

  cudnnTensorDescriptor_t get() const { return descriptor_; }

 private:
  cudnnTensorDescriptor_t descriptor_ = nullptr;
};

class Pooling {
 public:
  Pooling(const pool2d::Shape& s, cudnnPoolingMode_t mode)
      : x(s.n, s.h, s.w, s.c), y(s.n, s.oh, s.ow, s.c) {
    CheckCudnn(Cudnn().create_pooling(&descriptor_), "a pooling");
    const auto size = [](std::int64_t extent) { return static_cast<int>(extent); };
    CheckCudnn(Cudnn().set_pooling(descriptor_, mode, CUDNN_PROPAGATE_NAN, size(s.r), size(s.s),
                                   size(s.pad), size(s.pad), size(s.stride), size(s.stride)),
               "a pooling");
  }
  ~Pooling() { Cudnn().destroy_pooling(descriptor_); }
  Pooling(const Pooling&) = delete;
  Pooling& operator=(const Pooling&) = delete;

  void Forward(const void* in, void* out) const {
    CheckCudnn(Cudnn().pool(CudnnHandle(), descriptor_, &kOne, x.get(), in, &kZero, y.get(), out),
               "a pooling");
  }
  void Backward(const void* x_data, const void* y_data, const void* dy, void* dx) const {
    CheckCudnn(Cudnn().pool_backward(CudnnHandle(), descriptor_, &kOne, y.get(), y_data, y.get(),
                                     dy, x.get(), x_data, &kZero, x.get(), dx),
               "a pooling");
  }
  cudnnPoolingDescriptor_t get() const { return descriptor_; }

  const TensorShape x, y;

 private:
  cudnnPoolingDescriptor_t descriptor_ = nullptr;
};

bool IsCaptured(DeviceStream& stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaStreamIsCapturing(static_cast<cudaStream_t>(stream.handle()), &status);
  return status != cudaStreamCaptureStatusNone;
}

void Pool(const Op& op, bool deterministic, const pool2d::Shape& s, const Buffers& buffers,
          DeviceStream& stream) {
  if (&op == &pool2d::kMaxBackward) {
    const Pooling pooling(s, deterministic ? CUDNN_POOLING_MAX_DETERMINISTIC : CUDNN_POOLING_MAX);
    float* const y = stream.Scratch(s.n * s.oh * s.ow * s.c);
    if (!IsCaptured(stream)) pooling.Forward(buffers.inputs[0], y);
    return pooling.Backward(buffers.inputs[0], y, buffers.inputs[1], buffers.outputs[0]);
  }
  if (&op == &pool2d::kMaxForward) {
    return Pooling(s, CUDNN_POOLING_MAX).Forward(buffers.inputs[0], buffers.outputs[0]);
  }
  const Pooling average(s, CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING);
  if (&op == &pool2d::kAverageForward || &op == &pool2d::kGlobalAverageForward) {
    return average.Forward(buffers.inputs[0], buffers.outputs[0]);
  }
  // It reads neither x nor y, but wants them.
  average.Backward(buffers.outputs[0], buffers.inputs[0], buffers.inputs[0], buffers.outputs[0]);
}

void Relu(const Op& op, std::int64_t elements, const Buffers& buffers) {
  const TensorShape shape(1, 1, 1, elements);
  cudnnActivationDescriptor_t relu = nullptr;
  CheckCudnn(Cudnn().create_activation(&relu), "an activation");
  const std::unique_ptr<cudnnActivationStruct, cudnnStatus_t (*)(cudnnActivationDescriptor_t)>
      owned(relu, Cudnn().destroy_activation);
  CheckCudnn(Cudnn().set_activation(relu, CUDNN_ACTIVATION_RELU, CUDNN_PROPAGATE_NAN, 0.0),
             "an activation");
  const void *const in = buffers.inputs[0], *const dy = buffers.inputs[1];
  if (&op == &activation::kReluForward) {
    CheckCudnn(Cudnn().activate(CudnnHandle(), relu, &kOne, shape.get(), in, &kZero, shape.get(),
                                buffers.outputs[0]),
               "an activation");
  } else {  // of relu y tells as much as x
    CheckCudnn(
        Cudnn().activate_backward(CudnnHandle(), relu, &kOne, shape.get(), in, shape.get(), dy,
                                  shape.get(), in, &kZero, shape.get(), buffers.outputs[0]),
        "an activation");
  }
}

void Softmax(const Op& op, const softmax::Shape& s, const Buffers& buffers) {
  const TensorShape shape(s.n, 1, 1, s.c);
  const auto algorithm = CUDNN_SOFTMAX_ACCURATE;
  const auto mode = CUDNN_SOFTMAX_MODE_INSTANCE;
  const void *const in = buffers.inputs[0], *const dy = buffers.inputs[1];
  if (&op == &softmax::kForward) {
    CheckCudnn(Cudnn().softmax(CudnnHandle(), algorithm, mode, &kOne, shape.get(), in, &kZero,
                               shape.get(), buffers.outputs[0]),
               "a softmax");
  } else {
    CheckCudnn(Cudnn().softmax_backward(CudnnHandle(), algorithm, mode, &kOne, shape.get(), in,
                                        shape.get(), dy, &kZero, shape.get(), buffers.outputs[0]),
               "a softmax");
  }
}

}  // namespace

void RunCudnnLayer(const Op& op, bool deterministic, const Case& c, const Buffers& buffers) {
  Cudnn().Require();
  RunOnGpu(op, c, buffers, [&op, deterministic, c](const Buffers& device, DeviceStream& stream) {
    CheckCudnn(Cudnn().set_stream(CudnnHandle(), static_cast<cudaStream_t>(stream.handle())),
               "a stream");
    if (&op == &activation::kReluForward || &op == &activation::kReluBackward) {
      Relu(op, c.Get("n"), device);
    } else if (&op == &softmax::kForward || &op == &softmax::kBackward) {
      Softmax(op, softmax::ShapeOf(c), device);
    } else {
      Pool(op, deterministic, pool2d::ShapeOf(c), device, stream);
    }
  });
}

std::pair<int, int> CudnnPoolingOutput(const Case& c) {
  Cudnn().Require();
  const Pooling pooling(pool2d::ShapeOf(c), CUDNN_POOLING_MAX);
  int n = 0, channels = 0, h = 0, w = 0;
  CheckCudnn(Cudnn().pooling_output(pooling.get(), pooling.x.get(), &n, &channels, &h, &w),
             "a pooling");
  return {h, w};
}

}  // namespace samebits::comparators
