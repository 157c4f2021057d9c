#include "parsed_file.hpp"

#include "moment.hpp"

namespace detector {
namespace {

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
    if (is_dash ? text[at] != '-' : !is_hex_digit(text[at])) return false;
  }
  return true;
}

}  // namespace

ParsedFile::ParsedFile(std::vector<Field> fields, Others others, Seed seed)
    : fields_(std::move(fields)), others_(others), structures_(fields_.size()) {
  for (std::size_t place = 0; place < fields_.size(); ++place) {
    if (fields_[place].kind != Kind::structure) continue;
    structures_[place] = std::make_unique<Structures>(fields_[place], others, seed);
  }
}

bool ParsedFile::parse(std::string_view data) {
  for (const auto& structures : structures_) {
    if (structures) structures->forget_many();
  }
  data_ = data;
  records_.clear();
  values_.clear();
  times_.clear();
  present_ = 0;
  if (data.size() > kMostFileBytes || !is_utf8(data)) return false;
  Scanner scanner(data);
  return each_record(scanner, [&] { return take_record(scanner); });
}

std::string_view ParsedFile::text(const Value& value, std::string& unescaped) const {
  if (!value.is_escaped) return raw(value);
  unescape(raw(value), unescaped);
  return unescaped;
}

bool ParsedFile::take_record(Scanner& scanner) {
  const char* start = scanner.at();
  const std::size_t first = values_.size();
  values_.resize(first + fields_.size());
  times_.push_back(0);
  std::size_t next = 0;
  const bool is_usual = each_member(scanner, [&](std::string_view name) {
    const std::size_t field = place_of(fields_, name, next);
    if (field == kNone && others_ == Others::pass_over) return scanner.skip_value();
    if (field == kNone || values_[first + field].state != State::absent) return false;
    present_ |= std::uint64_t{1} << field;
    return take_value(scanner, field, values_[first + field]);
  });
  if (!is_usual) return false;
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    if (fields_[field].is_required && values_[first + field].state == State::absent) return false;
  }
  records_.push_back(std::string_view(start, static_cast<std::size_t>(scanner.at() - start)));
  return true;
}

bool ParsedFile::take_value(Scanner& scanner, std::size_t field, Value& value) {
  value.state = State::present;
  std::string_view raw;
  switch (fields_[field].kind) {
    case Kind::text:
      return take_text(scanner, fields_[field], value);
    case Kind::boolean: {
      bool is_true;
      if (!scanner.boolean(is_true)) return false;
      value.state = is_true ? State::yes : State::no;
      return true;
    }
    case Kind::json:
      if (!scanner.value(raw)) return false;
      point_to(raw, value);
      if (raw == "null") value.state = State::null;
      return true;
    case Kind::structure: {
      const std::size_t place = structures_[field]->take(scanner);
      value.start = static_cast<std::uint32_t>(place);
      return place != kNone;
    }
  }
  return false;
}

bool ParsedFile::take_text(Scanner& scanner, const Field& field, Value& value) {
  JsonString text;
  if (!scanner.string(text)) return false;
  if (text.is_escaped && !unescape(text.raw, unescaped_)) return false;
  point_to(text.raw, value);
  value.is_escaped = text.is_escaped;
  const std::string_view plain = text.is_escaped ? std::string_view(unescaped_) : text.raw;
  if (!field.no_event.empty() && plain == field.no_event) return false;
  if (field.role == Role::time) return exact_time(text.raw, times_.back());
  return field.role != Role::key || is_uuid(text.raw);
}

void ParsedFile::point_to(std::string_view raw, Value& value) const {
  value.start = static_cast<std::uint32_t>(raw.data() - data_.data());
  value.size = static_cast<std::uint32_t>(raw.size());
}

}  // namespace detector
