// The columns that are of no field: notes on nulls, and the place that a row is from.
#include "builders.hpp"

namespace detector {
namespace {

class NotesBuilder : public Builder {
 public:
  explicit NotesBuilder(const std::vector<Field>& fields) : fields_(fields) {}

  void push(const Selection& selection) override {
    for (const std::int32_t record : selection.records) {
      note(selection, record);
      if (notes_.empty()) {
        texts_.push_null();
      } else {
        texts_.push(notes_.append("}"));
      }
    }
  }

  Column column(const Owner& owner) const override { return texts_.column(owner, "extra", Nullable::yes); }
  std::size_t bytes() const override { return texts_.bytes(); }

 private:
  void note(const Selection& selection, std::int32_t record) {
    notes_.clear();
    for (std::size_t field = 0; field < fields_.size(); ++field) {
      if (fields_[field].kind != Kind::json) continue;
      const State state = selection.file.value(static_cast<std::size_t>(record), field).state;
      if (fields_[field].null == Null::explicit_null && state == State::absent) note(fields_[field], "\"absent\"");
      if (fields_[field].null == Null::absent && state == State::null) note(fields_[field], "null");
    }
  }

  void note(const Field& field, const char* text) {
    notes_.append(notes_.empty() ? "{\"" : ",\"").append(field.name).append("\":").append(text);
  }

  const std::vector<Field>& fields_;
  TextColumn texts_;
  std::string notes_;
};

class LogFileBuilder : public Builder {
 public:
  explicit LogFileBuilder(Seed seed) : uris_(seed) {}

  void push(const Selection& selection) override {
    uris_.push(uris_.place_of(selection.log_file), static_cast<std::int64_t>(selection.records.size()));
  }

  Column column(const Owner& owner) const override { return uris_.column(owner, "logFile", Nullable::no); }
  std::size_t bytes() const override { return uris_.bytes(); }

 private:
  DictionaryColumn uris_;
};

class LogFileIndexBuilder : public Builder {
 public:
  void push(const Selection& selection) override {
    for (const std::int32_t record : selection.records) {
      indexes_.push_back(selection.indexes ? selection.indexes[record] : record);
    }
  }

  Column column(const Owner& owner) const override {
    return plain_column(owner, "logFileIndex", Nullable::no, "i",
                        {static_cast<std::int64_t>(indexes_.size()), 0, {nullptr, indexes_.data()}});
  }

 private:
  std::vector<std::int32_t> indexes_;
};

}  // namespace

BuilderPointer notes_builder(const std::vector<Field>& fields) { return std::make_unique<NotesBuilder>(fields); }

BuilderPointer log_file_builder(Seed seed) { return std::make_unique<LogFileBuilder>(seed); }

BuilderPointer log_file_index_builder() { return std::make_unique<LogFileIndexBuilder>(); }

}  // namespace detector
