// The fields of a record and the columns that hold them: what detector/records/schema.py says, told through the interface.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace detector {

enum class Kind : std::int32_t { text, boolean, json, structure };

// What NULL in a column means: the field is absent, it is null, or, in a member, always that it is absent.
enum class Null : std::int32_t { absent, explicit_null, never };

// What a field says, beside what it is.
enum class Role : std::int32_t {
  none,
  time,   // when, in the exact form
  key,    // a UUID, by which the event is known
  name,   // one of those by which it is told whether a record is wanted
  place,  // one of those that tell where a record is from
};

// What is done with fields that are not known.
enum class Others { refuse, pass_over };

struct Field {
  std::string name;
  Kind kind = Kind::text;
  Null null = Null::absent;
  Role role = Role::none;
  bool is_required = false;          // each record has it
  bool repeats = false;              // its texts do: they are kept once
  std::string no_event;              // the text of what is no event; empty: there is none
  std::vector<Field> members;        // of a structure
  std::size_t leaf = 0, group = 0;   // of a member: which leaf, or which structure, of its column it is
};

constexpr std::size_t kMostFields = 64;
constexpr std::size_t kNone = SIZE_MAX;  // a place that there is not

// Whether a file can be read to these: bits of a word stand for fields, leaves and structures.
inline bool are_usable(const std::vector<Field>& fields) {
  const auto count_members = [](const auto& count, const Field& field) -> std::size_t {
    std::size_t members = 1;
    for (const Field& member : field.members) members += count(count, member);
    return members;
  };
  for (const Field& field : fields) {
    if (count_members(count_members, field) > kMostFields) return false;
  }
  return fields.size() <= kMostFields;
}

// The place of a name among fields. They mostly come in order: `next` is where the search begins, and then the place after
// that which was found.
inline std::size_t place_of(const std::vector<Field>& fields, std::string_view name, std::size_t& next) {
  for (std::size_t step = 0; step < fields.size(); ++step) {
    if (next >= fields.size()) next = 0;
    const std::size_t place = next++;
    if (fields[place].name == name) return place;
  }
  return kNone;
}

}  // namespace detector
