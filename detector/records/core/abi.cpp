// Which interface the core has. `ABI` in library.py is the same number; both are raised when a function or a layout changes.
#include <cstdint>

extern "C" __attribute__((visibility("default"))) std::int32_t detector_core_abi() noexcept { return 2; }
