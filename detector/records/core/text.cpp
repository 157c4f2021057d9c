// Bytes to characters: escapes of JSON strings, and whether bytes are UTF-8.
#include <cstdint>
#include <cstring>

#include "scanner.hpp"

namespace detector {
namespace {

bool is_surrogate(std::uint32_t unit) { return unit >= 0xd800 && unit < 0xe000; }

// Four hexadecimal digits, which the scanner has seen.
std::uint32_t hex_of(const char* digits) {
  std::uint32_t value = 0;
  for (int digit = 0; digit < 4; ++digit) {
    const char c = digits[digit];
    value = value << 4 | static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

void append_utf8(std::string& value, std::uint32_t character) {
  const auto rest = [&](int shift) { value.push_back(static_cast<char>(0x80 | (character >> shift & 0x3f))); };
  if (character < 0x80) {
    value.push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    value.push_back(static_cast<char>(0xc0 | character >> 6));
    rest(0);
  } else if (character < 0x10000) {
    value.push_back(static_cast<char>(0xe0 | character >> 12));
    rest(6);
    rest(0);
  } else {
    value.push_back(static_cast<char>(0xf0 | character >> 18));
    rest(12);
    rest(6);
    rest(0);
  }
}

char escaped_character(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

// The character of `\uXXXX`, or of a pair of them, at the start of `text`; its length in bytes, 0 for a lone surrogate.
std::size_t take_unicode_escape(std::string_view text, std::uint32_t& character) {
  character = hex_of(text.data() + 2);
  if (!is_surrogate(character)) return 6;
  if (character >= 0xdc00 || text.size() < 12 || text[6] != '\\' || text[7] != 'u') return 0;
  const std::uint32_t low = hex_of(text.data() + 8);
  if (low < 0xdc00 || !is_surrogate(low)) return 0;
  character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
  return 12;
}

// The length of the character that starts at `at`, which is not ASCII; 0 when there is none. Table 3-7 of Unicode 16.
int length_of_character(const unsigned char* at, const unsigned char* end) {
  const int lead = at[0];
  const int length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (!length || end - at < length) return 0;
  const int least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const int most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < least || at[1] > most) return 0;
  for (int place = 2; place < length; ++place) {
    if ((at[place] & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool unescape(std::string_view raw, std::string& value) {
  value.clear();
  while (!raw.empty()) {
    const std::size_t plain = raw.find('\\');
    value.append(raw.substr(0, plain));
    if (plain == std::string_view::npos) break;
    raw.remove_prefix(plain);
    if (raw[1] != 'u') {
      value.push_back(escaped_character(raw[1]));
      raw.remove_prefix(2);
      continue;
    }
    std::uint32_t character;
    const std::size_t length = take_unicode_escape(raw, character);
    if (!length) return false;
    append_utf8(value, character);
    raw.remove_prefix(length);
  }
  return true;
}

bool is_utf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = at + text.size();
  while (at < end) {
    std::uint64_t four[4];
    while (end - at >= 32) {
      std::memcpy(four, at, 32);
      if ((four[0] | four[1] | four[2] | four[3]) & kHighBits) break;
      at += 32;
    }
    for (const auto* stop = end - at >= 32 ? at + 32 : end; at < stop;) {
      const int length = *at < 0x80 ? 1 : length_of_character(at, end);
      if (!length) return false;
      at += length;
    }
  }
  return true;
}

}  // namespace detector
