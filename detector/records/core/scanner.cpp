#include "scanner.hpp"

namespace detector {

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
