// cuDNN's functions, loaded when they are first asked for.
#pragma once

#include <cudnn.h>

#include <fmt/format.h>

#include "kernels/comparators/shared_library.h"

namespace samebits::comparators {

struct CudnnLibrary : SharedLibrary {
  CudnnLibrary() : SharedLibrary(fmt::format("libcudnn.so.{}", CUDNN_MAJOR)) {}

  decltype(&cudnnCreate) create_handle = Find("cudnnCreate");
  decltype(&cudnnSetStream) set_stream = Find("cudnnSetStream");
  decltype(&cudnnGetErrorString) error_string = Find("cudnnGetErrorString");

  decltype(&cudnnBackendCreateDescriptor) create = Find("cudnnBackendCreateDescriptor");
  decltype(&cudnnBackendDestroyDescriptor) destroy = Find("cudnnBackendDestroyDescriptor");
  decltype(&cudnnBackendSetAttribute) set = Find("cudnnBackendSetAttribute");
  decltype(&cudnnBackendGetAttribute) get = Find("cudnnBackendGetAttribute");
  decltype(&cudnnBackendFinalize) finalize = Find("cudnnBackendFinalize");
  decltype(&cudnnBackendExecute) execute = Find("cudnnBackendExecute");

  decltype(&cudnnCreateTensorDescriptor) create_tensor = Find("cudnnCreateTensorDescriptor");
  decltype(&cudnnDestroyTensorDescriptor) destroy_tensor = Find("cudnnDestroyTensorDescriptor");
  decltype(&cudnnSetTensor4dDescriptor) set_tensor = Find("cudnnSetTensor4dDescriptor");
  decltype(&cudnnCreatePoolingDescriptor) create_pooling = Find("cudnnCreatePoolingDescriptor");
  decltype(&cudnnDestroyPoolingDescriptor) destroy_pooling = Find("cudnnDestroyPoolingDescriptor");
  decltype(&cudnnSetPooling2dDescriptor) set_pooling = Find("cudnnSetPooling2dDescriptor");
  decltype(&cudnnGetPooling2dForwardOutputDim) pooling_output =
      Find("cudnnGetPooling2dForwardOutputDim");
  decltype(&cudnnCreateActivationDescriptor) create_activation =
      Find("cudnnCreateActivationDescriptor");
  decltype(&cudnnDestroyActivationDescriptor) destroy_activation =
      Find("cudnnDestroyActivationDescriptor");
  decltype(&cudnnSetActivationDescriptor) set_activation = Find("cudnnSetActivationDescriptor");
  decltype(&cudnnPoolingForward) pool = Find("cudnnPoolingForward");
  decltype(&cudnnPoolingBackward) pool_backward = Find("cudnnPoolingBackward");
  decltype(&cudnnActivationForward) activate = Find("cudnnActivationForward");
  decltype(&cudnnActivationBackward) activate_backward = Find("cudnnActivationBackward");
  decltype(&cudnnSoftmaxForward) softmax = Find("cudnnSoftmaxForward");
  decltype(&cudnnSoftmaxBackward) softmax_backward = Find("cudnnSoftmaxBackward");
};

inline const CudnnLibrary& Cudnn() {
  static const CudnnLibrary library;
  return library;
}

// Throws UnavailableError: a library that fails at a case proves nothing against other kernels.
inline void CheckCudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw UnavailableError(fmt::format("cuDNN: {}: {}", what, Cudnn().error_string(status)));
}

// A thread's own: handles are not shared.
inline cudnnHandle_t CudnnHandle() {
  thread_local cudnnHandle_t handle = nullptr;
  if (handle == nullptr) CheckCudnn(Cudnn().create_handle(&handle), "a handle");
  return handle;
}

}  // namespace samebits::comparators
