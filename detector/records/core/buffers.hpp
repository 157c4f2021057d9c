// The values of columns while rows are added to them, in the layout that Arrow wants.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arrow.hpp"
#include "hash.hpp"

namespace detector {

// A bit a row, least significant first.
class Bits {
 public:
  void push(bool bit) {
    if (length_ % 8 == 0) bytes_.push_back(0);
    bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | bit << length_ % 8);
    ++length_;
  }
  void push(bool bit, std::int64_t count);

  std::int64_t length() const { return length_; }
  const void* data() const { return bytes_.data(); }

 private:
  std::vector<std::uint8_t> bytes_;
  std::int64_t length_ = 0;
};

// Which rows have a value. No bits are kept as long as all have.
class Validity {
 public:
  void push(bool is_there) {
    if (nulls_ || !is_there) {
      push_bit(is_there);
    } else {
      ++length_;
    }
  }
  void push(bool is_there, std::int64_t count) {
    if (!count) return;
    if (nulls_ || !is_there) {
      push_bits(is_there, count);
    } else {
      length_ += count;
    }
  }

  std::int64_t length() const { return length_; }
  std::int64_t nulls() const { return nulls_; }
  const void* data() const { return nulls_ ? bits_.data() : nullptr; }

 private:
  void push_bit(bool is_there) {
    if (!nulls_) bits_.push(true, length_);
    bits_.push(is_there);
    ++length_;
    nulls_ += !is_there;
  }
  void push_bits(bool is_there, std::int64_t count);

  Bits bits_;
  std::int64_t length_ = 0;
  std::int64_t nulls_ = 0;
};

// Texts one behind the other, and where each ends. All of them together stay below 2 GiB: the caller sees to it.
class Texts {
 public:
  void push(std::string_view text) {
    bytes_.append(text);
    push_end();
  }
  void push_end() { ends_.push_back(static_cast<std::int32_t>(bytes_.size())); }
  void push_ends(std::int64_t count) { ends_.insert(ends_.end(), static_cast<std::size_t>(count), ends_.back()); }

  std::string_view operator[](std::size_t place) const {
    const auto start = static_cast<std::size_t>(ends_[place]);
    return std::string_view(bytes_).substr(start, static_cast<std::size_t>(ends_[place + 1]) - start);
  }
  std::size_t size() const { return ends_.size() - 1; }
  std::size_t bytes() const { return bytes_.size(); }
  const void* ends() const { return ends_.data(); }
  const void* data() const { return bytes_.data(); }

 private:
  std::string bytes_;
  std::vector<std::int32_t> ends_{0};
};

// Distinct texts, and the place of each.
class Dictionary {
 public:
  explicit Dictionary(Seed seed) : seed_(seed) {}

  std::int32_t place_of(std::string_view text);

  std::string_view operator[](std::int32_t place) const { return texts_[static_cast<std::size_t>(place)]; }
  std::size_t size() const { return texts_.size(); }
  std::size_t bytes() const { return texts_.bytes(); }
  const Texts& texts() const { return texts_; }

 private:
  void grow();

  Seed seed_;
  Texts texts_;
  std::vector<std::uint32_t> hashes_;  // of each text
  std::vector<std::int32_t> table_;    // places by hash, a power of two of them; kFree: none
};

// A column of texts that seldom repeat.
class TextColumn {
 public:
  void push(std::string_view text) {
    texts_.push(text);
    validity_.push(true);
  }
  void push_null() {
    texts_.push_end();
    validity_.push(false);
  }
  void push_nulls(std::int64_t count) {
    texts_.push_ends(count);
    validity_.push(false, count);
  }
  std::size_t bytes() const { return texts_.bytes(); }
  Column column(const Owner& owner, const std::string& name, Nullable nullable) const;

 private:
  Texts texts_;
  Validity validity_;
};

// A column of texts that repeat.
class DictionaryColumn {
 public:
  explicit DictionaryColumn(Seed seed) : dictionary_(seed) {}

  std::int32_t place_of(std::string_view text) { return dictionary_.place_of(text); }
  void push(std::int32_t place) {
    places_.push_back(place);
    validity_.push(true);
  }
  void push(std::int32_t place, std::int64_t count) {
    places_.insert(places_.end(), static_cast<std::size_t>(count), place);
    validity_.push(true, count);
  }
  void push_null() {
    places_.push_back(0);
    validity_.push(false);
  }
  void push_nulls(std::int64_t count) {
    places_.insert(places_.end(), static_cast<std::size_t>(count), 0);
    validity_.push(false, count);
  }
  std::size_t bytes() const { return dictionary_.bytes(); }
  Column column(const Owner& owner, const std::string& name, Nullable nullable) const;

 private:
  Dictionary dictionary_;
  std::vector<std::int32_t> places_;
  Validity validity_;
};

class BooleanColumn {
 public:
  void push(bool value) {
    values_.push(value);
    validity_.push(true);
  }
  void push_null() {
    values_.push(false);
    validity_.push(false);
  }
  void push_nulls(std::int64_t count) {
    values_.push(false, count);
    validity_.push(false, count);
  }
  Column column(const Owner& owner, const std::string& name, Nullable nullable) const;

 private:
  Bits values_;
  Validity validity_;
};

}  // namespace detector
