#include "scanner.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace detector {
namespace {

// A byte inside a string at which something ends or begins: a quote, a backslash, or what may not stand there.
bool is_special(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

const char* next_special(const char* at, const char* end) {
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

}  // namespace

bool Scanner::skip_string(bool& is_escaped) {
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

bool Scanner::string(JsonString& text) {
  skip_space();
  const char* start = at_ + 1;
  if (!skip_string(text.is_escaped)) return false;
  text.raw = {start, static_cast<std::size_t>(at_ - 1 - start)};
  return true;
}

bool Scanner::key(std::string_view& name) {
  JsonString text;
  if (!string(text) || text.is_escaped || !take(':')) return false;
  name = text.raw;
  skip_space();
  return true;
}

bool Scanner::skip_key() {
  bool is_escaped;
  skip_space();
  return skip_string(is_escaped) && take(':');
}

bool Scanner::skip_word(std::string_view word) {
  for (const char c : word) {
    if (*at_ != c) return false;
    ++at_;
  }
  return true;
}

bool Scanner::boolean(bool& value) {
  skip_space();
  value = *at_ == 't';
  return skip_word(value ? "true" : "false");
}

void Scanner::skip_digits() {
  while (is_digit(*at_)) ++at_;
}

bool Scanner::skip_number() {
  if (*at_ == '-') ++at_;
  if (!is_digit(*at_)) return false;
  if (*at_ == '0') {
    ++at_;
  } else {
    skip_digits();
  }
  if (*at_ == '.') {
    ++at_;
    if (!is_digit(*at_)) return false;
    skip_digits();
  }
  if (*at_ == 'e' || *at_ == 'E') {
    ++at_;
    if (*at_ == '+' || *at_ == '-') ++at_;
    if (!is_digit(*at_)) return false;
    skip_digits();
  }
  return true;
}

bool Scanner::skip_scalar() {
  bool is_escaped;
  switch (*at_) {
    case '"': return skip_string(is_escaped);
    case 't': return skip_word("true");
    case 'f': return skip_word("false");
    case 'n': return skip_word("null");
    default: return skip_number();
  }
}

bool Scanner::skip_value() {
  char closers[kMostDepth];  // of the values that are open
  int depth = 0;
  for (;;) {
    skip_space();
    if (*at_ == '{' || *at_ == '[') {
      const char closer = *at_ == '{' ? '}' : ']';
      ++at_;
      if (!take(closer)) {
        if (depth == kMostDepth) return false;
        closers[depth++] = closer;
        if (closer == '}' && !skip_key()) return false;
        continue;
      }
    } else if (!skip_scalar()) {
      return false;
    }
    // A value has ended, and perhaps others with it.
    while (depth && !take(',')) {
      if (!take(closers[--depth])) return false;
    }
    if (!depth) return true;
    if (closers[depth - 1] == '}' && !skip_key()) return false;
  }
}

bool Scanner::value(std::string_view& raw) {
  skip_space();
  const char* start = at_;
  if (!skip_value()) return false;
  raw = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

}  // namespace detector
