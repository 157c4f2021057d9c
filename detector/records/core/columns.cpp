#include "columns.hpp"

#include <algorithm>
#include <new>

#include "moment.hpp"

namespace detector {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // of columns that are not yet taken: offsets have 31 bits
constexpr std::size_t kMostDays = 256;                    // that are not yet taken: each has all columns
constexpr std::size_t kMostDaysOfAFile = 8;               // CloudTrail's own have two

}  // namespace

void Day::push(const Selection& selection) {
  for (const BuilderPointer& builder : builders_) builder->push(selection);
  rows_ += static_cast<std::int64_t>(selection.records.size());
}

std::size_t Day::bytes() const {
  std::size_t bytes = 0;
  for (const BuilderPointer& builder : builders_) bytes += builder->bytes();
  return bytes;
}

Column Day::batch(const std::shared_ptr<const Day>& day) {
  std::vector<Column> columns;
  for (const BuilderPointer& builder : day->builders_) columns.push_back(builder->column(day));
  return struct_column(day, "", Nullable::no, {day->rows_, 0, {nullptr}}, std::move(columns));
}

Columns::Columns(std::vector<Field> fields, bool by_day)
    : file_(std::move(fields), Others::refuse, seed_), by_day_(by_day) {
  std::size_t columns = file_.fields().size();
  for (std::size_t place = 0; place < file_.fields().size(); ++place) {
    if (const Structures* structures = file_.structures(place)) columns += structures->leaf_count();
  }
  row_bytes_ = columns * sizeof(std::int32_t);
}

std::optional<std::int64_t> Columns::add(std::string_view data, std::string_view log_file,
                                         const std::int32_t* indexes) {
  if (is_broken_) throw std::bad_alloc();
  RowsOfDays days;
  if (!file_.parse(data) || !group_by_day(days) || !has_room(days, data.size() + log_file.size())) return {};
  is_broken_ = true;
  for (const auto& [number, records] : days) {
    Day& rows = day(number);
    const std::size_t before = rows.bytes();
    rows.push({file_, log_file, records, indexes});
    bytes_ += rows.bytes() - before + records.size() * row_bytes_;
  }
  is_broken_ = false;
  return static_cast<std::int64_t>(file_.size());
}

std::pair<std::int64_t, Column> Columns::take() {
  if (is_broken_) throw std::bad_alloc();
  const auto first = days_.begin();
  const std::int64_t number = first->first;
  Column batch = Day::batch(first->second);
  days_.erase(first);
  if (days_.empty()) bytes_ = 0;
  return {number, std::move(batch)};
}

bool Columns::group_by_day(RowsOfDays& days) const {
  auto current = days.end();
  for (std::size_t record = 0; record < file_.size(); ++record) {
    const std::int64_t number = by_day_ ? day_of(file_.time(record)) : 0;
    if (current == days.end() || current->first != number) {
      current = std::find_if(days.begin(), days.end(), [&](const auto& day) { return day.first == number; });
      if (current == days.end()) {
        if (days.size() == kMostDaysOfAFile) return false;
        days.push_back({number, {}});
        current = std::prev(days.end());
      }
    }
    current->second.push_back(static_cast<std::int32_t>(record));
  }
  return true;
}

bool Columns::has_room(const RowsOfDays& days, std::size_t file_bytes) const {
  const auto is_new = [&](const auto& day) { return days_.find(day.first) == days_.end(); };
  const auto new_days = static_cast<std::size_t>(std::count_if(days.begin(), days.end(), is_new));
  return days_.size() + new_days <= kMostDays && bytes_ + 2 * file_bytes <= kMostBytes;
}

Day& Columns::day(std::int64_t number) {
  std::shared_ptr<Day>& day = days_[number];
  if (!day) day = std::make_shared<Day>(make_builders());
  return *day;
}

std::vector<BuilderPointer> Columns::make_builders() const {
  const std::vector<Field>& fields = file_.fields();
  std::vector<BuilderPointer> builders;
  std::size_t key = kNone;
  for (std::size_t place = 0; place < fields.size(); ++place) {
    if (fields[place].role == Role::key) key = place;
    const Structures* structures = file_.structures(place);
    builders.push_back(structures ? structure_builder(fields, place, *structures, seed_)
                                  : field_builder(fields, place, seed_));
  }
  builders.push_back(notes_builder(fields));
  builders.push_back(key_builder(key));
  builders.push_back(log_file_builder(seed_));
  builders.push_back(log_file_index_builder());
  return builders;
}

}  // namespace detector
