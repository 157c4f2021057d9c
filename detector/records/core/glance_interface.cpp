// The functions by which detector/records/core/glance.py looks at files.
#include "glance.hpp"
#include "interface.hpp"

using detector::Glance;

namespace {

// A text and its size; nullptr and 0 where there is none.
void give(std::optional<std::string_view> text, const char** bytes, std::int64_t* size) {
  *bytes = text ? text->data() : nullptr;
  *size = text ? static_cast<std::int64_t>(text->size()) : 0;
}

}  // namespace

DETECTOR_EXPORT Glance* detector_glance_new(const std::vector<detector::Field>* fields) noexcept {
  return detector::make<Glance>(*fields);
}

DETECTOR_EXPORT void detector_glance_free(Glance* glance) noexcept { delete glance; }

// Looks at a file, which a NUL follows; the number of its records.
DETECTOR_EXPORT std::int64_t detector_glance_look(Glance* glance, const char* data, std::int64_t size) noexcept {
  return detector::guarded([&] { return glance->look(detector::view(data, size)).value_or(detector::kRefused); });
}

// How many different names there are so far, and how many places; the size of what is remembered, in bytes.
DETECTOR_EXPORT std::int64_t detector_glance_names(const Glance* glance) noexcept {
  return static_cast<std::int64_t>(glance->names().size());
}

DETECTOR_EXPORT std::int64_t detector_glance_places(const Glance* glance) noexcept {
  return static_cast<std::int64_t>(glance->places().size());
}

DETECTOR_EXPORT std::int64_t detector_glance_bytes(const Glance* glance) noexcept {
  return static_cast<std::int64_t>(glance->bytes());
}

// One of the texts of names, or of a place, which stays where it is until the next look.
DETECTOR_EXPORT void detector_glance_name(const Glance* glance, std::int32_t names, std::int32_t part,
                                          const char** bytes, std::int64_t* size) noexcept {
  give(glance->names().text(names, static_cast<std::size_t>(part)), bytes, size);
}

DETECTOR_EXPORT void detector_glance_place(const Glance* glance, std::int32_t place, std::int32_t part,
                                           const char** bytes, std::int64_t* size) noexcept {
  give(glance->places().text(place, static_cast<std::size_t>(part)), bytes, size);
}

DETECTOR_EXPORT std::int64_t detector_glance_judge(Glance* glance, std::int32_t names, std::int32_t is_wanted) noexcept {
  return detector::guarded([&]() -> std::int64_t {
    glance->judge(names, is_wanted != 0);
    return 0;
  });
}

// The records that are wanted: how many, and of each four numbers (its place, where its text starts and ends, its names).
DETECTOR_EXPORT std::int64_t detector_glance_wanted(Glance* glance, const std::int64_t** numbers) noexcept {
  static_assert(sizeof(Glance::Found) == 4 * sizeof(std::int64_t));
  return detector::guarded([&] {
    const auto& found = glance->wanted();
    *numbers = reinterpret_cast<const std::int64_t*>(found.data());
    return static_cast<std::int64_t>(found.size());
  });
}

// From when to when there are records: of how many places, and of each three numbers (the place, two moments).
DETECTOR_EXPORT std::int64_t detector_glance_spans(const Glance* glance, const std::int64_t** numbers) noexcept {
  static_assert(sizeof(Glance::Span) == 3 * sizeof(std::int64_t));
  *numbers = reinterpret_cast<const std::int64_t*>(glance->spans().data());
  return static_cast<std::int64_t>(glance->spans().size());
}
