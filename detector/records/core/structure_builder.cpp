// The columns of objects with known fields: one a leaf, and for each object which rows have it.
#include "builders.hpp"

namespace detector {
namespace {

class StructureBuilder : public Builder {
 public:
  StructureBuilder(std::size_t place, const Field& field, const Structures& structures, Seed seed)
      : place_(place),
        field_(field),
        structures_(structures),
        leaves_(structures.leaf_count(), DictionaryColumn(seed)),
        groups_(structures.group_count()) {}

  void push(const Selection& selection) override {
    const std::uint64_t leaves_there = look_up(selection);
    for (std::size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
      if (leaves_there >> leaf & 1) {
        push_leaf(leaf);
      } else {
        leaves_[leaf].push_nulls(static_cast<std::int64_t>(rows_.size()));
      }
    }
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      for (const Known* known : rows_) groups_[group].push(known && known->groups >> group & 1);
    }
  }

  Column column(const Owner& owner) const override { return column_of(owner, field_); }

  std::size_t bytes() const override {
    std::size_t bytes = 0;
    for (const DictionaryColumn& leaf : leaves_) bytes += leaf.bytes();
    return bytes;
  }

 private:
  // A structure that this column has: the place of each leaf's text, kAbsent where it has none.
  struct Known {
    std::vector<std::int32_t> places;
    std::uint64_t leaves = 0, groups = 0;  // a bit for each that is there
  };
  static constexpr std::int32_t kAbsent = -1;

  // Finds the structure of each row; which leaves any of them has.
  std::uint64_t look_up(const Selection& selection) {
    if (generation_ != structures_.generation()) known_.clear();
    generation_ = structures_.generation();
    known_.resize(structures_.size());
    rows_.clear();
    std::uint64_t leaves = 0;
    for (const std::int32_t record : selection.records) {
      const Value& value = selection.file.value(static_cast<std::size_t>(record), place_);
      if (value.state == State::absent) {
        rows_.push_back(nullptr);
        continue;
      }
      Known& known = known_[value.start];
      if (known.places.empty()) know(known, structures_[value.start]);
      leaves |= known.leaves;
      rows_.push_back(&known);
    }
    return leaves;
  }

  void know(Known& known, const Structure& structure) {
    known.groups = structure.groups;
    for (std::size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
      const bool is_there = structure.leaves[leaf].is_there;
      known.places.push_back(is_there ? leaves_[leaf].place_of(structure.value(leaf)) : kAbsent);
      if (is_there) known.leaves |= std::uint64_t{1} << leaf;
    }
  }

  void push_leaf(std::size_t leaf) {
    for (const Known* known : rows_) {
      if (known && known->places[leaf] != kAbsent) {
        leaves_[leaf].push(known->places[leaf]);
      } else {
        leaves_[leaf].push_null();
      }
    }
  }

  Column column_of(const Owner& owner, const Field& field) const {
    std::vector<Column> members;
    for (const Field& member : field.members) {
      members.push_back(member.kind == Kind::structure
                            ? column_of(owner, member)
                            : leaves_[member.leaf].column(owner, member.name, Nullable::yes));
    }
    const Validity& validity = groups_[field.group];
    return struct_column(owner, field.name, Nullable::yes, {validity.length(), validity.nulls(), {validity.data()}},
                         std::move(members));
  }

  std::size_t place_;
  const Field& field_;
  const Structures& structures_;
  std::vector<DictionaryColumn> leaves_;
  std::vector<Validity> groups_;
  std::vector<Known> known_;  // by place among `structures_`
  std::vector<const Known*> rows_;
  std::uint64_t generation_ = 0;
};

}  // namespace

BuilderPointer structure_builder(const std::vector<Field>& fields, std::size_t place, const Structures& structures,
                                 Seed seed) {
  return std::make_unique<StructureBuilder>(place, fields[place], structures, seed);
}

}  // namespace detector
