// A column of one day while log files are added to it: one builder for each kind of column.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arrow.hpp"
#include "buffers.hpp"
#include "fields.hpp"
#include "parsed_file.hpp"
#include "structures.hpp"

namespace detector {

// Some records of a log file.
struct Selection {
  const ParsedFile& file;
  std::string_view log_file;               // its URI
  const std::vector<std::int32_t>& records;  // places in what was parsed, in order
  const std::int32_t* indexes;               // by place, that in the log file; nullptr: the same
};

class Builder {
 public:
  virtual ~Builder() = default;
  virtual void push(const Selection& selection) = 0;
  // The column, of which `owner` keeps the builder alive.
  virtual Column column(const Owner& owner) const = 0;
  // Of texts; what each row takes besides is the same in all columns.
  virtual std::size_t bytes() const { return 0; }
};

using BuilderPointer = std::unique_ptr<Builder>;

// The column of the field at `place`, which is no structure.
BuilderPointer field_builder(const std::vector<Field>& fields, std::size_t place, Seed seed);
// That of a structure. Fields and structures have to live as long.
BuilderPointer structure_builder(const std::vector<Field>& fields, std::size_t place, const Structures& structures,
                                 Seed seed);
// `extra`: where NULL in a column of JSON is not what it usually means.
BuilderPointer notes_builder(const std::vector<Field>& fields);
// `eventKey`: the texts of the field at `place`, which all records have.
BuilderPointer key_builder(std::size_t place);
BuilderPointer log_file_builder(Seed seed);
BuilderPointer log_file_index_builder();

}  // namespace detector
