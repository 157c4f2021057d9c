// JSON text (RFC 8259, and nothing beyond it), scanned where it lies, without building objects and without recursion.
//
// A text ends with a NUL that is not part of it, as Python's `bytes` do: no token holds one, so that looking at the next
// byte never leaves the text. All functions return false where the text is not JSON, or is unusual; what the scanner
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

class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  const char* at() const { return at_; }

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

  // Passes over a key without escapes, and its colon.
  bool key(std::string_view& name);
  bool string(JsonString& text);
  bool boolean(bool& value);
  // Passes over any value, and says what is written there.
  bool value(std::string_view& raw);
  bool skip_value();

  void skip_space() {
    if (static_cast<unsigned char>(*at_) > ' ') return;  // as nearly always
    while (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t') ++at_;
  }

 private:
  bool skip_string(bool& is_escaped);
  bool skip_key();
  bool skip_scalar();
  bool skip_number();
  bool skip_word(std::string_view word);
  void skip_digits();

  const char* at_;
  const char* end_;
};

// What nearly all bytes of a file go through: it is worth its place here, where others can be compiled with it.

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

inline bool Scanner::skip_string(bool& is_escaped) {
  is_escaped = false;
  if (*at_ != '"') return false;
  ++at_;
  for (;;) {
    at_ = next_special(at_, end_);
    if (*at_ == '"') {
      ++at_;
      return true;
    }
    if (*at_ != '\\') return false;
    is_escaped = true;
    ++at_;
    switch (*at_) {
      case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        ++at_;
        break;
      case 'u':
        ++at_;
        for (int digit = 0; digit < 4; ++digit, ++at_) {
          if (!is_hex_digit(*at_)) return false;
        }
        break;
      default:
        return false;
    }
  }
}

inline bool Scanner::string(JsonString& text) {
  skip_space();
  const char* start = at_ + 1;
  if (!skip_string(text.is_escaped)) return false;
  text.raw = {start, static_cast<std::size_t>(at_ - 1 - start)};
  return true;
}

inline bool Scanner::key(std::string_view& name) {
  JsonString text;
  if (!string(text) || text.is_escaped || !take(':')) return false;
  name = text.raw;
  skip_space();
  return true;
}

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
