// The functions by which detector/records/core/interface.py says which fields there are.
#include "interface.hpp"

using detector::Field;

DETECTOR_EXPORT std::vector<Field>* detector_fields_new() noexcept { return new (std::nothrow) std::vector<Field>; }

DETECTOR_EXPORT void detector_fields_free(std::vector<Field>* fields) noexcept { delete fields; }

// Appends a field: at `depth` 0 to the record, else to the one that was last given at the depth above.
DETECTOR_EXPORT std::int64_t detector_fields_add(std::vector<Field>* fields, std::int32_t depth, const char* name,
                                                 std::int32_t kind, std::int32_t null, std::int32_t role,
                                                 std::int32_t is_required, std::int32_t repeats,
                                                 const char* no_event) noexcept {
  return detector::guarded([&]() -> std::int64_t {
    for (; depth; --depth) {
      if (fields->empty()) return detector::kRefused;
      fields = &fields->back().members;
    }
    Field field;
    field.name = name;
    field.kind = static_cast<detector::Kind>(kind);
    field.null = static_cast<detector::Null>(null);
    field.role = static_cast<detector::Role>(role);
    field.is_required = is_required;
    field.repeats = repeats;
    field.no_event = no_event;
    fields->push_back(std::move(field));
    return 0;
  });
}
