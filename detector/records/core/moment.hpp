// Moments, as CloudTrail writes them.
#pragma once

#include <cstdint>
#include <string_view>

namespace detector {

constexpr std::int64_t kSecondsOfADay = 86'400;

// `YYYY-MM-DDTHH:MM:SSZ` to seconds since 1970; false when it is anything else.
bool exact_time(std::string_view text, std::int64_t& seconds);

// The day that a moment is in, counted from 1970-01-01.
inline std::int64_t day_of(std::int64_t seconds) {
  return seconds / kSecondsOfADay - (seconds % kSecondsOfADay < 0);
}

}  // namespace detector
