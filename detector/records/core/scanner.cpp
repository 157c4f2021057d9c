#include "scanner.hpp"

namespace detector {
namespace {

const char* past_word(const char* at, std::string_view word) {
  for (const char c : word) {
    if (*at != c) return nullptr;
    ++at;
  }
  return at;
}

const char* past_digits(const char* at) {
  if (!is_digit(*at)) return nullptr;
  while (is_digit(*at)) ++at;
  return at;
}

const char* past_number(const char* at) {
  if (*at == '-') ++at;
  at = *at == '0' ? at + 1 : past_digits(at);
  if (at && *at == '.') at = past_digits(at + 1);
  if (at && (*at == 'e' || *at == 'E')) {
    ++at;
    if (*at == '+' || *at == '-') ++at;
    at = past_digits(at);
  }
  return at;
}

inline const char* past_scalar(const char* at, const char* end) {
  bool is_escaped;
  switch (*at) {
    case '"': return past_string(at, end, is_escaped);
    case 't': return past_word(at, "true");
    case 'f': return past_word(at, "false");
    case 'n': return past_word(at, "null");
    default: return past_number(at);
  }
}

// Past a key and its colon, with white space before each.
inline const char* past_key(const char* at, const char* end) {
  bool is_escaped;
  at = past_string(past_space(at), end, is_escaped);
  if (!at) return nullptr;
  at = past_space(at);
  return *at == ':' ? at + 1 : nullptr;
}

}  // namespace

const char* past_escape(const char* at) {
  switch (*at) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
      return at + 1;
    case 'u':
      ++at;
      for (int digit = 0; digit < 4; ++digit, ++at) {
        if (!is_hex_digit(*at)) return nullptr;
      }
      return at;
    default:
      return nullptr;
  }
}

const char* past_value(const char* at, const char* end) {
  char closers[kMostDepth];  // of the values that are open
  int depth = 0;
  for (;;) {
    at = past_space(at);
    if (*at == '{' || *at == '[') {
      const char closer = *at == '{' ? '}' : ']';
      at = past_space(at + 1);
      if (*at != closer) {
        if (depth == kMostDepth) return nullptr;
        closers[depth++] = closer;
        if (closer == '}' && !(at = past_key(at, end))) return nullptr;
        continue;
      }
      ++at;
    } else if (!(at = past_scalar(at, end))) {
      return nullptr;
    }
    // A value has ended, and perhaps others with it.
    for (; depth; ++at) {
      at = past_space(at);
      if (*at == ',') break;
      if (*at != closers[--depth]) return nullptr;
    }
    if (!depth) return at;
    ++at;  // the comma
    if (closers[depth - 1] == '}' && !(at = past_key(at, end))) return nullptr;
  }
}

bool Scanner::boolean(bool& value) {
  skip_space();
  value = *at_ == 't';
  return go_to(past_word(at_, value ? "true" : "false"));
}

bool Scanner::value(std::string_view& raw) {
  skip_space();
  const char* start = at_;
  if (!skip_value()) return false;
  raw = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

}  // namespace detector
