// Objects with known fields, such as userIdentity. Few callers make most of the calls: what was taken apart is remembered.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "buffers.hpp"
#include "fields.hpp"
#include "hash.hpp"
#include "scanner.hpp"

namespace detector {

// One object, taken apart.
struct Structure {
  struct Leaf {
    bool is_there = false;
    std::uint32_t start = 0, size = 0;  // in `values`
  };

  std::string_view value(std::size_t leaf) const {
    return std::string_view(values).substr(leaves[leaf].start, leaves[leaf].size);
  }

  std::string raw;               // as written
  std::string values;            // of all leaves
  std::vector<Leaf> leaves;      // its texts, also those of structures inside it, depth first
  std::uint64_t groups = 0;      // a bit for itself and each structure inside it, depth first: whether it is there
};

class Structures {
 public:
  // Numbers the members of `field`. What it says of members that are not known holds at any depth.
  Structures(Field& field, Others others, Seed seed);

  std::size_t leaf_count() const { return leaf_count_; }
  std::size_t group_count() const { return group_count_; }
  std::size_t size() const { return known_.size(); }
  const Structure& operator[](std::size_t place) const { return known_[place]; }

  // Takes an object, and returns its place; kNone when it does not fit the fields.
  std::size_t take(Scanner& scanner);
  // Forgets all when there are many; places from before mean nothing then, and `generation` is another.
  void forget_many();
  std::uint64_t generation() const { return generation_; }

 private:
  struct Hash {
    Seed seed;
    std::size_t operator()(std::string_view text) const { return hash_of(text, seed); }
  };

  std::size_t place_of(std::string_view raw);
  // Where it is noted which of those that begin like a text was seen last.
  std::size_t* seen_last(std::string_view text);
  void number(Field& field);
  bool take_apart(Scanner& scanner, const Field& field, Structure& structure);
  bool take_leaf(Scanner& scanner, const Field& field, Structure& structure);

  const Field* field_;
  Others others_;
  std::size_t leaf_count_ = 0, group_count_ = 0;
  std::uint64_t generation_ = 0;
  std::vector<std::size_t> seen_last_;
  std::deque<Structure> known_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string_view, std::size_t, Hash> places_;  // by what is written in `known_`
  std::string unescaped_;
};

}  // namespace detector
