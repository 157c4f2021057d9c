// What the functions of the core that others call have in common. They are C functions, keep no state but that which they
// are given, and let no exception out.
#pragma once

#include <cstdint>
#include <new>
#include <string_view>
#include <vector>

#include "fields.hpp"

#define DETECTOR_EXPORT extern "C" __attribute__((visibility("default")))

namespace detector {

constexpr std::int64_t kRefused = -1;  // something in the file is unusual: nothing has come of it
constexpr std::int64_t kFailed = -2;   // for want of memory: what the function was given is of no more use

template <class Work>
std::int64_t guarded(Work work) noexcept {
  try {
    return work();
  } catch (...) {
    return kFailed;
  }
}

// Makes an object of fields; nullptr when that is not possible.
template <class Object, class... Settings>
Object* make(const std::vector<Field>& fields, Settings... settings) noexcept {
  try {
    return are_usable(fields) ? new Object(fields, settings...) : nullptr;
  } catch (...) {
    return nullptr;
  }
}

inline std::string_view view(const char* bytes, std::int64_t size) {
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace detector
