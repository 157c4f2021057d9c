// JSON text (RFC 8259, and nothing beyond it), scanned where it lies, without building objects and without recursion.
//
// A text ends with a NUL that is not part of it, as Python's `bytes` do: no token holds one, so that looking at the next
// byte never leaves the text. The scanner's functions return false where the text is not JSON, or is unusual; what it
// points to means nothing then.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace detector {

constexpr int kMostDepth = 256;  // of values inside a value that is passed over

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline bool is_hex_digit(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

// A JSON string, without its quotes.
struct JsonString {
  std::string_view raw;  // as written
  bool is_escaped = false;
};

// What nearly all bytes of a file go through stands here, where others can be compiled with it. These functions take and
// return where they are in a text, nullptr when what they are to pass over is not there: it stays in a register.

inline const char* past_space(const char* at) {
  if (static_cast<unsigned char>(*at) > ' ') return at;  // as nearly always
  while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') ++at;
  return at;
}

// A byte inside a string at which something ends or begins: a quote, a backslash, or what may not stand there.
inline bool is_special(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

inline const char* next_special(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes);
    const __m128i found =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)), is_control);
    if (const int mask = _mm_movemask_epi8(found)) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (!is_special(*at)) ++at;  // the NUL behind the text is one
  return at;
}

// Past an escape, from behind its backslash.
const char* past_escape(const char* at);

inline const char* past_string(const char* at, const char* end, bool& is_escaped) {
  is_escaped = false;
  if (*at != '"') return nullptr;
  for (at = next_special(at + 1, end); *at == '\\'; at = next_special(at, end)) {
    is_escaped = true;
    at = past_escape(at + 1);
    if (!at) return nullptr;
  }
  return *at == '"' ? at + 1 : nullptr;
}

// Past any value, with white space before it.
const char* past_value(const char* at, const char* end);

class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  const char* at() const { return at_; }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

  void skip_space() { at_ = past_space(at_); }
  // Passes over bytes that are known to be a value.
  void pass(std::size_t bytes) { at_ += bytes; }
  bool skip_value() { return go_to(past_value(at_, end_)); }

  // Passes over white space; false when the next byte is another.
  bool take(char expected) {
    skip_space();
    if (*at_ != expected) return false;
    ++at_;
    return true;
  }

  bool at_end() {
    skip_space();
    return at_ == end_;
  }

  bool string(JsonString& text) {
    skip_space();
    const char* start = at_ + 1;
    if (!go_to(past_string(at_, end_, text.is_escaped))) return false;
    text.raw = {start, static_cast<std::size_t>(at_ - 1 - start)};
    return true;
  }

  // Passes over a key without escapes, and its colon.
  bool key(std::string_view& name) {
    JsonString text;
    if (!string(text) || text.is_escaped || !take(':')) return false;
    name = text.raw;
    skip_space();
    return true;
  }

  bool boolean(bool& value);
  // Passes over any value, and says what is written there.
  bool value(std::string_view& raw);

 private:
  bool go_to(const char* at) {
    if (at) at_ = at;
    return at;
  }

  const char* at_;
  const char* end_;
};

// Takes an object member by member: `on_member` gets each key, with the scanner before its value, and takes that.
template <class OnMember>
bool each_member(Scanner& scanner, OnMember on_member) {
  if (!scanner.take('{')) return false;
  if (scanner.take('}')) return true;
  do {
    std::string_view name;
    if (!scanner.key(name) || !on_member(name)) return false;
  } while (scanner.take(','));
  return scanner.take('}');
}

// Takes `{"Records":[…]}` record by record: `on_record` takes each from the scanner.
template <class OnRecord>
bool each_record(Scanner& scanner, OnRecord on_record) {
  std::string_view name;
  if (!scanner.take('{') || !scanner.key(name) || name != "Records" || !scanner.take('[')) return false;
  if (!scanner.take(']')) {
    do {
      scanner.skip_space();
      if (!on_record()) return false;
    } while (scanner.take(','));
    if (!scanner.take(']')) return false;
  }
  return scanner.take('}') && scanner.at_end();
}

// The value of a string; false when it has a lone surrogate, which has no form in UTF-8.
bool unescape(std::string_view raw, std::string& value);

bool is_utf8(std::string_view text);

}  // namespace detector
