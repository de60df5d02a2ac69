// Names of what is built for one architecture only (kernels/CMakeLists.txt). On the others they are
// weak: declared, null, and never called, as the backend of their rows says that it is unavailable.
#pragma once

#if defined(__x86_64__)
#define SAMEBITS_X86_64
#else
#define SAMEBITS_X86_64 [[gnu::weak]]
#endif

#if defined(__aarch64__)
#define SAMEBITS_ARM64
#else
#define SAMEBITS_ARM64 [[gnu::weak]]
#endif
