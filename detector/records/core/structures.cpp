#include "structures.hpp"

#include <algorithm>
#include <cstring>

namespace detector {
namespace {

constexpr std::size_t kFirstBuckets = 64;
constexpr std::size_t kMost = 2'048;              // that are remembered from file to file
constexpr std::size_t kMostBytes = 16'000'000;  // of them, as written
constexpr std::size_t kBeginning = 64;            // bytes of an object in which callers differ
constexpr std::size_t kBeginnings = 512;          // that are told apart

}  // namespace

Structures::Structures(Field& field, Others others, Seed seed)
    : field_(&field), others_(others), seen_last_(kBeginnings, kNone), places_(kFirstBuckets, Hash{seed}) {
  number(field);
}

void Structures::number(Field& field) {
  field.group = group_count_++;
  for (Field& member : field.members) {
    if (member.kind == Kind::structure) {
      number(member);
    } else {
      member.leaf = leaf_count_++;
    }
  }
}

std::size_t Structures::take(Scanner& scanner) {
  scanner.skip_space();
  const std::string_view rest = scanner.rest();
  std::size_t* last = seen_last(rest);
  if (last && *last != kNone) {
    // An object ends with itself: what begins with all of one is that one, and need not be scanned.
    const std::string& raw = known_[*last].raw;
    if (rest.size() >= raw.size() && !std::memcmp(rest.data(), raw.data(), raw.size())) {
      scanner.pass(raw.size());
      return *last;
    }
  }
  std::string_view raw;
  if (!scanner.value(raw)) return kNone;
  const std::size_t place = place_of(raw);
  if (last && place != kNone && raw.size() >= kBeginning) *last = place;
  return place;
}

std::size_t* Structures::seen_last(std::string_view text) {
  if (text.size() < kBeginning) return nullptr;
  return &seen_last_[places_.hash_function()(text.substr(0, kBeginning)) % kBeginnings];
}

std::size_t Structures::place_of(std::string_view raw) {
  if (const auto found = places_.find(raw); found != places_.end()) return found->second;
  Structure structure;
  structure.raw = raw;  // which ends with a NUL, unlike that which stands in the file
  structure.leaves.resize(leaf_count_);
  Scanner scanner(structure.raw);
  if (!take_apart(scanner, *field_, structure)) return kNone;
  const std::size_t place = known_.size();
  bytes_ += raw.size();
  known_.push_back(std::move(structure));
  places_.emplace(known_.back().raw, place);
  return place;
}

void Structures::forget_many() {
  if (known_.size() <= kMost && bytes_ <= kMostBytes) return;
  places_.clear();
  known_.clear();
  std::fill(seen_last_.begin(), seen_last_.end(), kNone);
  bytes_ = 0;
  ++generation_;
}

bool Structures::take_apart(Scanner& scanner, const Field& field, Structure& structure) {
  structure.groups |= std::uint64_t{1} << field.group;
  std::uint64_t seen = 0;
  std::size_t next = 0;
  return each_member(scanner, [&](std::string_view name) {
    const std::size_t place = detector::place_of(field.members, name, next);
    if (place == kNone && others_ == Others::pass_over) return scanner.skip_value();
    if (place == kNone || seen >> place & 1) return false;
    seen |= std::uint64_t{1} << place;
    const Field& member = field.members[place];
    return member.kind == Kind::structure ? take_apart(scanner, member, structure)
                                          : take_leaf(scanner, member, structure);
  });
}

bool Structures::take_leaf(Scanner& scanner, const Field& field, Structure& structure) {
  std::string_view value;
  if (field.kind == Kind::json) {
    if (!scanner.value(value)) return false;
  } else {
    JsonString text;
    if (!scanner.string(text)) return false;
    if (text.is_escaped && !unescape(text.raw, unescaped_)) return false;
    value = text.is_escaped ? std::string_view(unescaped_) : text.raw;
  }
  structure.leaves[field.leaf] = {true, static_cast<std::uint32_t>(structure.values.size()),
                                  static_cast<std::uint32_t>(value.size())};
  structure.values.append(value);
  return true;
}

}  // namespace detector
