#include "buffers.hpp"

#include <random>

namespace detector {
namespace {

constexpr std::int32_t kFree = -1;
constexpr std::size_t kFirstTableSize = 16;

Values values_of(const Validity& validity, std::vector<const void*> buffers) {
  buffers.insert(buffers.begin(), validity.data());
  return {validity.length(), validity.nulls(), std::move(buffers)};
}

}  // namespace

Seed random_seed() {
  std::random_device random;
  return Seed{random()} << 32 | random();
}

void Bits::push(bool bit, std::int64_t count) {
  for (; count && length_ % 8; --count) push(bit);
  bytes_.insert(bytes_.end(), static_cast<std::size_t>(count / 8), static_cast<std::uint8_t>(bit ? 0xff : 0));
  length_ += count / 8 * 8;
  for (count %= 8; count; --count) push(bit);
}

void Validity::push_bits(bool is_there, std::int64_t count) {
  if (!nulls_) bits_.push(true, length_);
  bits_.push(is_there, count);
  length_ += count;
  if (!is_there) nulls_ += count;
}

std::int32_t Dictionary::place_of(std::string_view text) {
  if (hashes_.size() * 2 >= table_.size()) grow();
  const auto hash = static_cast<std::uint32_t>(hash_of(text, seed_));
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const std::int32_t place = table_[at];
    if (place == kFree) break;
    if (hashes_[static_cast<std::size_t>(place)] == hash && (*this)[place] == text) return place;
  }
  const auto place = static_cast<std::int32_t>(texts_.size());
  texts_.push(text);
  hashes_.push_back(hash);
  std::size_t at = hash & mask;
  while (table_[at] != kFree) at = (at + 1) & mask;
  table_[at] = place;
  return place;
}

void Dictionary::grow() {
  std::vector<std::int32_t> table(table_.empty() ? kFirstTableSize : table_.size() * 2, kFree);
  const std::size_t mask = table.size() - 1;
  for (std::size_t place = 0; place < hashes_.size(); ++place) {
    std::size_t at = hashes_[place] & mask;
    while (table[at] != kFree) at = (at + 1) & mask;
    table[at] = static_cast<std::int32_t>(place);
  }
  table_ = std::move(table);
}

Column TextColumn::column(const Owner& owner, const std::string& name, Nullable nullable) const {
  return plain_column(owner, name, nullable, "u", values_of(validity_, {texts_.ends(), texts_.data()}));
}

Column DictionaryColumn::column(const Owner& owner, const std::string& name, Nullable nullable) const {
  const Texts& texts = dictionary_.texts();
  return dictionary_column(owner, name, nullable, values_of(validity_, {places_.data()}),
                           {static_cast<std::int64_t>(texts.size()), 0, {nullptr, texts.ends(), texts.data()}});
}

Column BooleanColumn::column(const Owner& owner, const std::string& name, Nullable nullable) const {
  return plain_column(owner, name, nullable, "b", values_of(validity_, {values_.data()}));
}

}  // namespace detector
