#include "glance.hpp"

#include <algorithm>
#include <cstring>

namespace detector {

std::int32_t Combinations::number_of(const std::vector<std::int32_t>& parts) {
  return combinations_.place_of(
      std::string_view(reinterpret_cast<const char*>(parts.data()), parts.size() * sizeof(std::int32_t)));
}

std::optional<std::string_view> Combinations::text(std::int32_t number, std::size_t part) const {
  std::int32_t place;
  std::memcpy(&place, combinations_[number].data() + part * sizeof place, sizeof place);
  if (place == kAbsent) return {};
  return texts_[place];
}

Glance::Glance(std::vector<Field> fields)
    : file_(std::move(fields), Others::pass_over, seed_), names_(seed_), places_(seed_) {
  for (std::size_t place = 0; place < file_.fields().size(); ++place) watch(file_.fields()[place], place);
}

void Glance::watch(const Field& field, std::size_t top) {
  if (field.role == Role::name) name_fields_.push_back({top, field.leaf});
  if (field.role == Role::place) place_fields_.push_back({top, field.leaf});
  for (const Field& member : field.members) watch(member, top);
}

std::optional<std::int64_t> Glance::look(std::string_view data) {
  start_ = data.data();
  names_of_.clear();
  spans_.clear();
  span_of_.clear();
  for (Watched& watched : name_fields_) watched = {watched.field, watched.leaf};
  for (Watched& watched : place_fields_) watched = {watched.field, watched.leaf};
  if (!file_.parse(data)) return {};
  for (std::size_t record = 0; record < file_.size(); ++record) {
    names_of_.push_back(number_of(record, name_fields_, names_));
    widen(number_of(record, place_fields_, places_), file_.time(record));
  }
  return static_cast<std::int64_t>(file_.size());
}

void Glance::judge(std::int32_t names, bool is_wanted) {
  const auto place = static_cast<std::size_t>(names);
  if (place >= is_wanted_.size()) is_wanted_.resize(place + 1, false);
  is_wanted_[place] = is_wanted;
}

const std::vector<Glance::Found>& Glance::wanted() {
  found_.clear();
  for (std::size_t record = 0; record < names_of_.size(); ++record) {
    const auto names = static_cast<std::size_t>(names_of_[record]);
    if (names >= is_wanted_.size() || !is_wanted_[names]) continue;
    const std::int64_t start = file_.record(record).data() - start_;
    const auto size = static_cast<std::int64_t>(file_.record(record).size());
    found_.push_back({static_cast<std::int64_t>(record), start, start + size, names_of_[record]});
  }
  return found_;
}

std::int32_t Glance::number_of(std::size_t record, std::vector<Watched>& watched, Combinations& combinations) {
  parts_.clear();
  for (Watched& one : watched) parts_.push_back(part(record, one, combinations));
  return combinations.number_of(parts_);
}

std::int32_t Glance::part(std::size_t record, Watched& watched, Combinations& combinations) {
  const Value& value = file_.value(record, watched.field);
  if (value.state == State::absent) return Combinations::kAbsent;
  const Structures* structures = file_.structures(watched.field);
  const Structure* structure = structures ? &(*structures)[value.start] : nullptr;
  if (structure && !structure->leaves[watched.leaf].is_there) return Combinations::kAbsent;
  const std::string_view raw = structure ? structure->value(watched.leaf) : file_.raw(value);
  if (watched.last_part == Combinations::kAbsent || raw != watched.last_raw) {
    watched.last_raw = raw;
    watched.last_part = combinations.part(structure ? raw : file_.text(value, unescaped_));
  }
  return watched.last_part;
}

void Glance::widen(std::int32_t place, std::int64_t time) {
  if (spans_.empty() || spans_[last_span_].place != place) {
    const auto [found, is_new] = span_of_.try_emplace(place, spans_.size());
    if (is_new) spans_.push_back({place, time, time});
    last_span_ = found->second;
  }
  Span& span = spans_[last_span_];
  span.first = std::min(span.first, time);
  span.last = std::max(span.last, time);
}

}  // namespace detector
