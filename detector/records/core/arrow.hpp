// The Arrow C data interface: how columns are handed over without a copy.
// https://arrow.apache.org/docs/format/CDataInterface.html
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

extern "C" {

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

}  // extern "C"

namespace detector {

// Releases what a structure refers to, unless somebody else has taken that over, and the structure.
struct Released {
  template <class Structure>
  void operator()(Structure* structure) const {
    if (structure->release) structure->release(structure);
    delete structure;
  }
};

using SchemaPointer = std::unique_ptr<ArrowSchema, Released>;
using ArrayPointer = std::unique_ptr<ArrowArray, Released>;

// A column: its type and its values.
struct Column {
  SchemaPointer schema;
  ArrayPointer array;
};

// What lives as long as any column that was made of it.
using Owner = std::shared_ptr<const void>;

enum class Nullable { no, yes };

struct Values {
  std::int64_t length = 0;
  std::int64_t nulls = 0;
  std::vector<const void*> buffers;  // of the owner; the first one says which values are there, nullptr: all
};

// A column of a type without children, named as the interface names types.
Column plain_column(const Owner& owner, const std::string& name, Nullable nullable, const char* format, Values values);

// A column of 32-bit places in a dictionary of texts.
Column dictionary_column(const Owner& owner, const std::string& name, Nullable nullable, Values places, Values texts);

Column struct_column(const Owner& owner, const std::string& name, Nullable nullable, Values values,
                     std::vector<Column> members);

}  // namespace detector
