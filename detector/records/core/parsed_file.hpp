// The records of a log file: where each value stands in its text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fields.hpp"
#include "scanner.hpp"
#include "structures.hpp"

namespace detector {

constexpr std::size_t kMostFileBytes = std::size_t{1} << 28;

enum class State : std::uint8_t { absent, present, null, no, yes };

// What a record has of a field.
struct Value {
  std::uint32_t start = 0;  // in the file; of a structure: its place among those that are known
  std::uint32_t size = 0;
  State state = State::absent;
  bool is_escaped = false;
};

class ParsedFile {
 public:
  // At most kMostFields; as many leaves of a structure, and as many structures inside one.
  ParsedFile(std::vector<Field> fields, Others others, Seed seed);

  // False when anything in the file is unusual. `data` has to live, and to be followed by a NUL.
  bool parse(std::string_view data);

  const std::vector<Field>& fields() const { return fields_; }
  // Those that files had in a field; nullptr when the field is no structure.
  const Structures* structures(std::size_t field) const { return structures_[field].get(); }

  // What follows is of the file that was parsed last.
  std::size_t size() const { return records_.size(); }
  std::int64_t time(std::size_t record) const { return times_[record]; }
  const Value& value(std::size_t record, std::size_t field) const { return values_[record * fields_.size() + field]; }
  std::string_view raw(const Value& value) const { return data_.substr(value.start, value.size); }
  // Whether any record has the field.
  bool has(std::size_t field) const { return present_ >> field & 1; }
  std::string_view record(std::size_t record) const { return records_[record]; }
  // What a text says; `unescaped` keeps it where it is not written so.
  std::string_view text(const Value& value, std::string& unescaped) const;

 private:
  bool take_record(Scanner& scanner);
  bool take_value(Scanner& scanner, std::size_t field, Value& value);
  bool take_text(Scanner& scanner, const Field& field, Value& value);
  void point_to(std::string_view raw, Value& value) const;

  std::vector<Field> fields_;
  Others others_;
  std::vector<std::unique_ptr<Structures>> structures_;  // by field
  std::string_view data_;
  std::vector<std::string_view> records_;
  std::vector<Value> values_;  // record by record
  std::vector<std::int64_t> times_;
  std::uint64_t present_ = 0;
  std::string unescaped_;
};

}  // namespace detector
