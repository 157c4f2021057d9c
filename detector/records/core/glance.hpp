// A look at log files as CloudTrail writes them: which records they have, by a few fields, and from when to when.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "buffers.hpp"
#include "fields.hpp"
#include "hash.hpp"
#include "parsed_file.hpp"

namespace detector {

// Different combinations of the texts that some fields have, any of which may be absent; each has a number from 0 on.
class Combinations {
 public:
  explicit Combinations(Seed seed) : texts_(seed), combinations_(seed) {}

  static constexpr std::int32_t kAbsent = -1;
  // The number of a text, for `number_of`.
  std::int32_t part(std::string_view text) { return texts_.place_of(text); }
  // The number of a combination; all have as many texts.
  std::int32_t number_of(const std::vector<std::int32_t>& parts);
  // A text of a combination; nothing where it is absent.
  std::optional<std::string_view> text(std::int32_t number, std::size_t part) const;

  std::size_t size() const { return combinations_.size(); }
  std::size_t bytes() const { return texts_.bytes() + combinations_.bytes(); }

 private:
  Dictionary texts_;
  Dictionary combinations_;  // each the bytes of the numbers of its texts
};

class Glance {
 public:
  // The fields that are looked at, as a ParsedFile takes them; others are passed over. All records have the one with the
  // role `time`. Those with the role `name` make a record's names, those with `place` its place.
  explicit Glance(std::vector<Field> fields);

  // Looks at a file; the number of its records, or nothing when anything in it is unusual. `data` has to be followed by
  // a NUL.
  std::optional<std::int64_t> look(std::string_view data);

  // Names, and places, of all files so far.
  const Combinations& names() const { return names_; }
  const Combinations& places() const { return places_; }
  std::size_t bytes() const { return names_.bytes() + places_.bytes(); }
  // Whether records of these names are wanted. None are of names of which this was not said.
  void judge(std::int32_t names, bool is_wanted);

  // A record of the file that was looked at last, and where it stands there.
  struct Found {
    std::int64_t record, start, end, names;
  };
  const std::vector<Found>& wanted();

  // When the first and the last record of a place is, in seconds since 1970.
  struct Span {
    std::int64_t place, first, last;
  };
  const std::vector<Span>& spans() const { return spans_; }

 private:
  // A field that is looked at, or the leaf of one that is a structure; and what the record before has of it.
  struct Watched {
    std::size_t field, leaf;
    std::string_view last_raw = {};
    std::int32_t last_part = Combinations::kAbsent;
  };

  void watch(const Field& field, std::size_t top);
  // The number of the names, or of the place, of a record.
  std::int32_t number_of(std::size_t record, std::vector<Watched>& watched, Combinations& combinations);
  std::int32_t part(std::size_t record, Watched& watched, Combinations& combinations);
  void widen(std::int32_t place, std::int64_t time);

  Seed seed_ = random_seed();
  ParsedFile file_;
  std::vector<Watched> name_fields_, place_fields_;
  Combinations names_, places_;
  std::vector<bool> is_wanted_;  // by names
  const char* start_ = nullptr;  // of the file
  std::vector<std::int32_t> names_of_;  // by record
  std::vector<Found> found_;
  std::vector<Span> spans_;
  std::size_t last_span_ = 0;
  std::unordered_map<std::int32_t, std::size_t> span_of_;  // by place
  std::vector<std::int32_t> parts_;
  std::string unescaped_;
};

}  // namespace detector
