// Log files as CloudTrail writes them to columns: of each day a batch, or one of all.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "arrow.hpp"
#include "builders.hpp"
#include "fields.hpp"
#include "hash.hpp"
#include "parsed_file.hpp"
#include "structures.hpp"

namespace detector {

// The rows of one UTC day.
class Day {
 public:
  explicit Day(std::vector<BuilderPointer> builders) : builders_(std::move(builders)) {}

  void push(const Selection& selection);
  std::size_t bytes() const;
  // All columns as one of structures, of which `day` keeps the values.
  static Column batch(const std::shared_ptr<const Day>& day);

 private:
  std::vector<BuilderPointer> builders_;
  std::int64_t rows_ = 0;
};

class Columns {
 public:
  // Fields in the order of the columns, as a ParsedFile takes them. All records have the one with the role `time`, and
  // the one with the role `key`.
  Columns(std::vector<Field> fields, bool by_day);

  // Adds the records of a file as rows; their number, or nothing when anything in the file is unusual: then no row is
  // added. `data` has to be followed by a NUL. `indexes` says of each record which one it is of the log file; nullptr:
  // `data` holds all of them.
  std::optional<std::int64_t> add(std::string_view data, std::string_view log_file,
                                  const std::int32_t* indexes = nullptr);

  std::size_t bytes() const { return bytes_; }
  std::size_t day_count() const { return days_.size(); }
  // Takes out the first day, which is a number of days from 1970-01-01; all rows, when they are not kept by day.
  std::pair<std::int64_t, Column> take();

 private:
  using RowsOfDays = std::vector<std::pair<std::int64_t, std::vector<std::int32_t>>>;

  bool group_by_day(RowsOfDays& days) const;
  bool has_room(const RowsOfDays& days, std::size_t file_bytes) const;
  Day& day(std::int64_t number);
  std::vector<BuilderPointer> make_builders() const;

  Seed seed_ = random_seed();
  ParsedFile file_;
  bool by_day_;
  std::size_t row_bytes_;  // of a row, without its texts
  std::map<std::int64_t, std::shared_ptr<Day>> days_;
  std::size_t bytes_ = 0;
  bool is_broken_ = false;  // memory ran out in the middle of a row
};

}  // namespace detector
