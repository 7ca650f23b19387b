#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/nearest.hpp"
#include "config/problems.hpp"
#include "config/yaml.hpp"
#include "sync/time.hpp"

// One description of a file's shape serves the strict reader and the JSON Schema, in the manner of LLVM's
// YamlIO:
//
//   void describe(Shape& shape, Window& window) {
//     shape.about("When actions may run.");
//     shape.place(window.place);
//     shape.required("days", window.days, "On which days.", list_of(one_of<Day>({{"mon", Day::mon}, …})));
//     shape.optional("count", window.count, "How many at most.", in_range(0, 1000));
//     shape.optional("wait", window.wait, "How long to wait before.");  // std::optional<Duration>
//     if (window.days.empty()) shape.refuse("days", "at least one day is needed");
//   }
//   std::optional<Window> window = read_described<Window>(document, problems);
//   std::string schema = schema_of<Window>("usersyncd window file");
//
// A key that is not described is an error that names the nearest one; so is a missing required key, null
// anywhere, and a value of the wrong type. A key that is not written leaves the value as it was: as its
// default.

namespace usersyncd {

/// Where codecs report what they cannot read.
struct Reading {
  const YamlDocument& document;
  Problems& problems;
  /// Something was wrong with the shape and not only with a value: an unknown key, a missing one, a null.
  /// Then nobody can tell what was meant.
  bool misshapen = false;

  /// Nothing where it was said already what is wrong: only the first complaint is about what was written.
  void error(const YamlNode& node, std::string message) {
    misshapen = misshapen || node.kind == YamlNode::Kind::null;
    if (node.told) return;
    problems.add(document.place_of(node), std::move(message));
  }
};

/// For messages: "the text `abc`", "a list", "a map", "nothing (null)".
std::string found_text(const YamlNode& node);

/// True for a scalar that may be taken as text: quoted, or plain and neither `true` nor `false`. Otherwise
/// reports that `expected` was expected.
bool expect_text(Reading& reading, const YamlNode& node, std::string_view expected);

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

/// How a type is read and described. `read` reports a problem and returns false if `node` is not such a
/// value. The primary template is for structs with a `describe(Shape&, T&)` next to them. They must not be
/// recursive.
template <class T>
struct Codec {
  bool read(Reading& reading, const YamlNode& node, T& value) const;
  boost::json::object schema() const;
};

/// Describes one struct, either to read it from a node or to write its schema down. Made by read_described
/// and schema_of, and by the codec of a nested struct.
class Shape {
 public:
  Shape(Reading& reading, const YamlNode& node);  ///< to read
  Shape();                                        ///< to write the schema

  /// One sentence on the struct, for the schema.
  void about(std::string_view sentence);

  /// Where the struct is written.
  void place(Place& place) const;

  /// A key that must be there. `sentence` goes into the schema.
  template <class T, class C = Codec<T>>
  void required(std::string_view key, T& value, std::string_view sentence, const C& codec = C{}) {
    field(key, Need::required, value, sentence, codec);
  }

  /// A key that may be missing: then `value` is left as it is. A std::optional<U> is read with a codec of U.
  template <class T, class C = Codec<T>>
  void optional(std::string_view key, T& value, std::string_view sentence, const C& codec = C{}) {
    field(key, Need::optional, value, sentence, codec);
  }

  /// One of several keys of which exactly one must be there. True when this one is.
  template <class T, class C = Codec<T>>
  bool alternative(std::string_view key, T& value, std::string_view sentence, const C& codec = C{}) {
    return field(key, Need::alternative, value, sentence, codec);
  }

  /// The struct may be written as something else than a map, a word or a list: then only this is read. True
  /// when it is. At most one per struct.
  template <class T, class C = Codec<T>>
  bool shorthand(T& value, std::string_view sentence, const C& codec = C{}) {
    if (!reading_) {
      declare_shorthand(codec.schema(), sentence);
      return false;
    }
    shorthand_known_ = true;
    return !is_map() && !failed_ && note(codec.read(*reading_, *node_, value));
  }

  /// Lines with unknown keys of this struct are never quoted, nor is what stands in place of the map;
  /// `advice` says what to do instead of writing it there.
  void confidential(std::string_view advice) { confidential_advice_ = advice; }

  /// True while reading a map that has `key`.
  bool written(std::string_view key) const;

  /// True while reading what a struct may be written as, and nothing was wrong so far: what was read may be
  /// looked at for its sense.
  bool readable() const { return reading_ && !failed_ && (is_map() || shorthand_known_); }

  /// Reports `message` at the value of `key`, or at the struct if the key is not written. Nothing while a
  /// schema is written, so checks can stand in `describe` as they are.
  void refuse(std::string_view key, std::string message);

  /// Ends the description: reports unknown keys and missing alternatives. True if nothing was wrong.
  bool finish();

  boost::json::object take_schema();

 private:
  enum class Need { required, optional, alternative };

  template <class T, class C>
  bool field(std::string_view key, Need need, T& value, std::string_view sentence, const C& codec) {
    if (!reading_) {
      declare(key, need, codec.schema(), sentence);
      return false;
    }
    const YamlNode* node = take(key, need);
    if (!node) return false;
    if constexpr (IsOptional<T>::value && !std::is_same_v<C, Codec<T>>) {
      typename T::value_type inner{};
      if (!note(codec.read(*reading_, *node, inner))) return false;
      value = std::move(inner);
      return true;
    } else {
      return note(codec.read(*reading_, *node, value));
    }
  }

  bool is_map() const { return node_->kind == YamlNode::Kind::map; }
  bool note(bool ok) {
    failed_ = failed_ || !ok;
    return ok;
  }
  const YamlNode* take(std::string_view key, Need need);
  void declare(std::string_view key, Need need, boost::json::object schema, std::string_view sentence);
  void declare_shorthand(boost::json::object schema, std::string_view sentence);
  void report_unknown_keys();
  void report_alternatives();
  void report_not_a_map();

  Reading* reading_ = nullptr;  ///< null while a schema is written
  const YamlNode* node_ = nullptr;
  std::vector<std::string> known_;
  std::vector<std::string> alternatives_;
  bool shorthand_known_ = false;
  std::string confidential_advice_;  ///< empty: the struct is not confidential
  bool failed_ = false;

  std::string about_;
  boost::json::object properties_;
  std::vector<std::string> required_;
  std::optional<boost::json::object> shorthand_;
};

template <class T>
bool Codec<T>::read(Reading& reading, const YamlNode& node, T& value) const {
  Shape shape(reading, node);
  describe(shape, value);
  return shape.finish();
}

template <class T>
boost::json::object Codec<T>::schema() const {
  Shape shape;
  T value{};
  describe(shape, value);
  return shape.take_schema();
}

/// Text. An unquoted number or date is taken as it is written: a username `007` survives.
template <>
struct Codec<std::string> {
  bool read(Reading& reading, const YamlNode& node, std::string& value) const;
  boost::json::object schema() const;
};

/// `true` or `false`, not in quotes, and nothing else.
template <>
struct Codec<bool> {
  bool read(Reading& reading, const YamlNode& node, bool& value) const;
  boost::json::object schema() const;
};

/// A whole number within bounds: decimal digits, no leading zero, not in quotes.
template <class T>
struct IntegerCodec {
  T least = std::numeric_limits<T>::min();
  T most = std::numeric_limits<T>::max();

  bool read(Reading& reading, const YamlNode& node, T& value) const;
  boost::json::object schema() const;
};
template <>
struct Codec<int> : IntegerCodec<int> {};
template <>
struct Codec<std::int64_t> : IntegerCodec<std::int64_t> {};
template <>
struct Codec<std::uint64_t> : IntegerCodec<std::uint64_t> {};

/// `500ms`, `30s`, `5m`, `2h`, `30d`, within bounds.
struct DurationCodec {
  Duration least{0};
  Duration most = Duration::max();

  bool read(Reading& reading, const YamlNode& node, Duration& value) const;
  boost::json::object schema() const;
};
template <>
struct Codec<Duration> : DurationCodec {};

/// A time, or a date, which means the start of that day, UTC.
template <>
struct Codec<Time> {
  bool read(Reading& reading, const YamlNode& node, Time& value) const;
  boost::json::object schema() const;
};

/// A size in bytes, within bounds: `64MiB`, also `B`, `KiB` and `GiB`.
struct SizeCodec {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

  bool read(Reading& reading, const YamlNode& node, std::uint64_t& value) const;
  boost::json::object schema() const;
};

inline IntegerCodec<int> in_range(int least, int most) {
  return {least, most};
}
inline DurationCodec in_range(Duration least, Duration most) {
  return {least, most};
}
inline SizeCodec size_in_range(std::uint64_t least, std::uint64_t most) {
  return {least, most};
}

/// The version of a file kind: 1.
struct VersionCodec {
  bool read(Reading& reading, const YamlNode& node, int& value) const;
  boost::json::object schema() const;
};

/// The schema of a text of which a number is none; the pattern is ECMA 262, or empty.
boost::json::object text_schema(std::string_view pattern);

/// Text that `check` accepts. `check` returns what is wrong with it, or nothing.
struct TextCodec {
  std::function<std::optional<std::string>(const std::string&)> check;
  std::string pattern;      ///< ECMA 262, for the schema; empty: none
  std::size_t longest = 0;  ///< in bytes, for the schema; 0: none

  bool read(Reading& reading, const YamlNode& node, std::string& value) const;
  boost::json::object schema() const;
};

/// Text that is not empty.
TextCodec filled_text();

/// Any other type that is written as a scalar. `parse` gives nothing for what is not a value; `expected`
/// completes the sentence "expected …".
template <class T>
struct ScalarCodec {
  std::function<std::optional<T>(const std::string&)> parse;
  std::string expected;
  std::string pattern;  ///< ECMA 262, for the schema; empty: none

  bool read(Reading& reading, const YamlNode& node, T& value) const {
    if (!expect_text(reading, node, expected)) return false;
    std::optional<T> parsed = parse(node.text);
    if (!parsed) {
      reading.error(node, "expected " + expected + ", found " + found_text(node));
      return false;
    }
    value = std::move(*parsed);
    return true;
  }
  boost::json::object schema() const { return text_schema(pattern); }
};

/// The untyped part of OneOf. Reports what is not among `names`.
std::optional<std::size_t> read_name(Reading& reading, const YamlNode& node,
                                     const std::vector<std::string>& names);
boost::json::object names_schema(const std::vector<std::string>& names);

/// One of a table of names.
template <class E>
struct OneOf {
  std::vector<std::pair<std::string, E>> table;

  bool read(Reading& reading, const YamlNode& node, E& value) const {
    const auto index = read_name(reading, node, names());
    if (index) value = table[*index].second;
    return index.has_value();
  }
  boost::json::object schema() const { return names_schema(names()); }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [name, value] : table) result.push_back(name);
    return result;
  }
};
template <class E>
OneOf<E> one_of(std::vector<std::pair<std::string, E>> table) {
  return {std::move(table)};
}

/// Reports and returns false unless `node` is a list, or a map.
bool expect_list(Reading& reading, const YamlNode& node);
bool expect_map(Reading& reading, const YamlNode& node);
boost::json::object list_schema(boost::json::object item);
boost::json::object map_schema(boost::json::object value);

/// A list whose items are read with `item`.
template <class C>
struct ListCodec {
  C item;

  template <class T>
  bool read(Reading& reading, const YamlNode& node, std::vector<T>& values) const {
    if (!expect_list(reading, node)) return false;
    values.clear();
    bool ok = true;
    for (const YamlNode& element : node.items) {
      T value{};
      if (item.read(reading, element, value))
        values.push_back(std::move(value));
      else
        ok = false;
    }
    return ok;
  }
  boost::json::object schema() const { return list_schema(item.schema()); }
};
template <class C>
ListCodec<C> list_of(C item) {
  return {std::move(item)};
}
template <class T>
struct Codec<std::vector<T>> : ListCodec<Codec<T>> {};

/// A map from any text to what `item` reads.
template <class C>
struct MapCodec {
  C item;

  template <class T>
  bool read(Reading& reading, const YamlNode& node, std::map<std::string, T>& values) const {
    if (!expect_map(reading, node)) return false;
    values.clear();
    bool ok = true;
    for (const YamlEntry& entry : node.entries) {
      T value{};
      if (item.read(reading, entry.value, value))
        values.emplace(entry.key, std::move(value));
      else
        ok = false;
    }
    return ok;
  }
  boost::json::object schema() const { return map_schema(item.schema()); }
};
template <class C>
MapCodec<C> map_of(C item) {
  return {std::move(item)};
}
template <class T>
struct Codec<std::map<std::string, T>> : MapCodec<Codec<T>> {};

template <class T>
struct Codec<std::optional<T>> {
  bool read(Reading& reading, const YamlNode& node, std::optional<T>& value) const {
    T inner{};
    if (!Codec<T>{}.read(reading, node, inner)) return false;
    value = std::move(inner);
    return true;
  }
  boost::json::object schema() const { return Codec<T>{}.schema(); }
};

/// A value together with the place where it is written.
template <class T>
struct Written {
  T value{};
  Place place;
};

/// Reads a Written<T> with a codec of T.
template <class C>
struct WrittenCodec {
  C inner;

  template <class T>
  bool read(Reading& reading, const YamlNode& node, Written<T>& written) const {
    written.place = reading.document.place_of(node);
    return inner.read(reading, node, written.value);
  }
  boost::json::object schema() const { return inner.schema(); }
};
template <class C>
WrittenCodec<C> written_as(C inner) {
  return {std::move(inner)};
}
template <class T>
struct Codec<Written<T>> : WrittenCodec<Codec<T>> {};

/// Reads the whole document as a T, which has a `describe`. Empty if anything is wrong with it.
template <class T>
std::optional<T> read_described(const YamlDocument& document, Problems& problems) {
  Reading reading{document, problems};
  T value{};
  const std::size_t before = problems.grave();
  const bool ok = Codec<T>{}.read(reading, document.root, value);
  if (!ok || document.faulty || problems.grave() != before) return std::nullopt;
  return value;
}

/// The JSON Schema (2020-12) of a file kind, indented, ending in a line break.
std::string schema_document(std::string_view title, boost::json::object schema);

template <class T>
std::string schema_of(std::string_view title) {
  return schema_document(title, Codec<T>{}.schema());
}

}  // namespace usersyncd
