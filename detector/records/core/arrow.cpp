#include "arrow.hpp"

namespace detector {
namespace {

constexpr std::int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE

template <class Structure>
using Children = std::vector<std::unique_ptr<Structure, Released>>;

// What a schema or an array points to; its consumer may have moved children out of it, which are empty then.
template <class Structure>
struct Below {
  explicit Below(Children<Structure> given, std::unique_ptr<Structure, Released> of_texts)
      : children(std::move(given)), dictionary(std::move(of_texts)) {
    for (const auto& child : children) pointers.push_back(child.get());
  }

  Children<Structure> children;
  std::unique_ptr<Structure, Released> dictionary;
  std::vector<Structure*> pointers;
};

struct SchemaContent {
  std::string format;
  std::string name;
  Below<ArrowSchema> below;
};

struct ArrayContent {
  Owner owner;
  std::vector<const void*> buffers;
  Below<ArrowArray> below;
};

template <class Content, class Structure>
void release(Structure* structure) {
  delete static_cast<Content*>(structure->private_data);
  structure->release = nullptr;
}

SchemaPointer make_schema(std::string format, std::string name, Nullable nullable, Children<ArrowSchema> children = {},
                          SchemaPointer dictionary = nullptr) {
  auto content = std::make_unique<SchemaContent>(
      SchemaContent{std::move(format), std::move(name), Below<ArrowSchema>(std::move(children), std::move(dictionary))});
  SchemaPointer schema(new ArrowSchema{});
  schema->format = content->format.c_str();
  schema->name = content->name.c_str();
  schema->flags = nullable == Nullable::yes ? kNullable : 0;
  schema->n_children = static_cast<std::int64_t>(content->below.pointers.size());
  schema->children = content->below.pointers.data();
  schema->dictionary = content->below.dictionary.get();
  schema->release = release<SchemaContent, ArrowSchema>;
  schema->private_data = content.release();
  return schema;
}

ArrayPointer make_array(Owner owner, Values values, Children<ArrowArray> children = {},
                        ArrayPointer dictionary = nullptr) {
  auto content = std::make_unique<ArrayContent>(ArrayContent{
      std::move(owner), std::move(values.buffers), Below<ArrowArray>(std::move(children), std::move(dictionary))});
  ArrayPointer array(new ArrowArray{});
  array->length = values.length;
  array->null_count = values.nulls;
  array->n_buffers = static_cast<std::int64_t>(content->buffers.size());
  array->buffers = content->buffers.data();
  array->n_children = static_cast<std::int64_t>(content->below.pointers.size());
  array->children = content->below.pointers.data();
  array->dictionary = content->below.dictionary.get();
  array->release = release<ArrayContent, ArrowArray>;
  array->private_data = content.release();
  return array;
}

}  // namespace

Column plain_column(const Owner& owner, const std::string& name, Nullable nullable, const char* format,
                    Values values) {
  return {make_schema(format, name, nullable), make_array(owner, std::move(values))};
}

Column dictionary_column(const Owner& owner, const std::string& name, Nullable nullable, Values places, Values texts) {
  return {make_schema("i", name, nullable, {}, make_schema("u", "", Nullable::yes)),
          make_array(owner, std::move(places), {}, make_array(owner, std::move(texts)))};
}

Column struct_column(const Owner& owner, const std::string& name, Nullable nullable, Values values,
                     std::vector<Column> members) {
  Children<ArrowSchema> schemas;
  Children<ArrowArray> arrays;
  for (Column& member : members) {
    schemas.push_back(std::move(member.schema));
    arrays.push_back(std::move(member.array));
  }
  return {make_schema("+s", name, nullable, std::move(schemas)),
          make_array(owner, std::move(values), std::move(arrays))};
}

}  // namespace detector
