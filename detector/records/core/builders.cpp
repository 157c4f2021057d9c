#include "builders.hpp"

namespace detector {
namespace {

constexpr std::int64_t kMicroseconds = 1'000'000;  // of a second

std::int64_t count_of(const Selection& selection) { return static_cast<std::int64_t>(selection.records.size()); }

const Value& value_of(const Selection& selection, std::int32_t record, std::size_t field) {
  return selection.file.value(static_cast<std::size_t>(record), field);
}

// The builder of a field's column.
class FieldBuilder : public Builder {
 public:
  FieldBuilder(std::size_t field, std::string name, Nullable nullable = Nullable::yes)
      : field_(field), name_(std::move(name)), nullable_(nullable) {}

 protected:
  std::size_t field_;
  std::string name_;
  Nullable nullable_;
};

class TimeBuilder : public FieldBuilder {
 public:
  using FieldBuilder::FieldBuilder;

  void push(const Selection& selection) override {
    for (const std::int32_t record : selection.records) {
      times_.push_back(selection.file.time(static_cast<std::size_t>(record)) * kMicroseconds);
    }
  }

  Column column(const Owner& owner) const override {
    return plain_column(owner, name_, nullable_, "tsu:",
                        {static_cast<std::int64_t>(times_.size()), 0, {nullptr, times_.data()}});
  }

 private:
  std::vector<std::int64_t> times_;
};

// What is null, or absent, is NULL; `notes_builder` tells them apart.
class TextBuilder : public FieldBuilder {
 public:
  using FieldBuilder::FieldBuilder;

  void push(const Selection& selection) override {
    if (!selection.file.has(field_)) return texts_.push_nulls(count_of(selection));
    for (const std::int32_t record : selection.records) {
      const Value& value = value_of(selection, record, field_);
      if (value.state == State::present) {
        texts_.push(selection.file.text(value, unescaped_));
      } else {
        texts_.push_null();
      }
    }
  }

  Column column(const Owner& owner) const override { return texts_.column(owner, name_, nullable_); }
  std::size_t bytes() const override { return texts_.bytes(); }

 private:
  TextColumn texts_;
  std::string unescaped_;
};

class RepeatingTextBuilder : public FieldBuilder {
 public:
  RepeatingTextBuilder(std::size_t field, std::string name, Seed seed)
      : FieldBuilder(field, std::move(name)), texts_(seed) {}

  void push(const Selection& selection) override {
    if (!selection.file.has(field_)) return texts_.push_nulls(count_of(selection));
    std::string_view last;  // as written; most values are those of the record before
    std::int32_t place = -1;
    for (const std::int32_t record : selection.records) {
      const Value& value = value_of(selection, record, field_);
      if (value.state != State::present) {
        texts_.push_null();
        continue;
      }
      const std::string_view raw = selection.file.raw(value);
      if (place < 0 || raw != last) place = texts_.place_of(selection.file.text(value, unescaped_));
      last = raw;
      texts_.push(place);
    }
  }

  Column column(const Owner& owner) const override { return texts_.column(owner, name_, nullable_); }
  std::size_t bytes() const override { return texts_.bytes(); }

 private:
  DictionaryColumn texts_;
  std::string unescaped_;
};

class BooleanBuilder : public FieldBuilder {
 public:
  using FieldBuilder::FieldBuilder;

  void push(const Selection& selection) override {
    if (!selection.file.has(field_)) return values_.push_nulls(count_of(selection));
    for (const std::int32_t record : selection.records) {
      const State state = value_of(selection, record, field_).state;
      if (state == State::absent) {
        values_.push_null();
      } else {
        values_.push(state == State::yes);
      }
    }
  }

  Column column(const Owner& owner) const override { return values_.column(owner, name_, nullable_); }

 private:
  BooleanColumn values_;
};

}  // namespace

BuilderPointer field_builder(const std::vector<Field>& fields, std::size_t place, Seed seed) {
  const Field& field = fields[place];
  if (field.role == Role::time) return std::make_unique<TimeBuilder>(place, field.name);
  if (field.kind == Kind::boolean) return std::make_unique<BooleanBuilder>(place, field.name);
  if (field.repeats) return std::make_unique<RepeatingTextBuilder>(place, field.name, seed);
  return std::make_unique<TextBuilder>(place, field.name);
}

BuilderPointer key_builder(std::size_t place) {
  return std::make_unique<TextBuilder>(place, "eventKey", Nullable::no);
}

}  // namespace detector
