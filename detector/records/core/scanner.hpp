// JSON text (RFC 8259, and nothing beyond it), scanned where it lies, without building objects and without recursion.
//
// A text ends with a NUL that is not part of it, as Python's `bytes` do: no token holds one, so that looking at the next
// byte never leaves the text. All functions return false where the text is not JSON, or is unusual; what the scanner
// points to means nothing then.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace detector {

constexpr int kMostDepth = 256;  // of values inside a value that is passed over

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

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

inline bool is_hex_digit(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

}  // namespace detector
