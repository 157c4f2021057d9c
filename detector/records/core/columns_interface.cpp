// The functions by which detector/records/core/columns.py makes columns.
#include "columns.hpp"
#include "interface.hpp"

using detector::Columns;

DETECTOR_EXPORT Columns* detector_columns_new(const std::vector<detector::Field>* fields,
                                              std::int32_t by_day) noexcept {
  return detector::make<Columns>(*fields, by_day != 0);
}

DETECTOR_EXPORT void detector_columns_free(Columns* columns) noexcept { delete columns; }

// Adds a file, which a NUL follows; the number of its records. `indexes` has one for each, or is nullptr.
DETECTOR_EXPORT std::int64_t detector_columns_add(Columns* columns, const char* data, std::int64_t size,
                                                  const char* log_file, std::int64_t log_file_size,
                                                  const std::int32_t* indexes) noexcept {
  return detector::guarded([&] {
    return columns->add(detector::view(data, size), detector::view(log_file, log_file_size), indexes)
        .value_or(detector::kRefused);
  });
}

// What is not yet taken, in bytes.
DETECTOR_EXPORT std::int64_t detector_columns_bytes(const Columns* columns) noexcept {
  return static_cast<std::int64_t>(columns->bytes());
}

// How many days are not yet taken.
DETECTOR_EXPORT std::int64_t detector_columns_days(const Columns* columns) noexcept {
  return static_cast<std::int64_t>(columns->day_count());
}

// Takes out the first day, of which there has to be one: which it is, in days from 1970-01-01, and its columns; all rows,
// when they are not kept by day.
DETECTOR_EXPORT std::int64_t detector_columns_take(Columns* columns, std::int64_t* day, ArrowSchema* schema,
                                                   ArrowArray* array) noexcept {
  return detector::guarded([&]() -> std::int64_t {
    auto [number, batch] = columns->take();
    *day = number;
    *schema = *batch.schema;
    *array = *batch.array;
    batch.schema->release = nullptr;
    batch.array->release = nullptr;
    return 0;
  });
}
