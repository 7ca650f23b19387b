#pragma once

// What scripts/mutate writes into its copy of the sources: every place that can be mutated asks at run time
// whether it is the chosen one, so one build holds all mutants. No token changes its precedence: `a == b`
// becomes `a == mutants::equal<7>{} == b`.

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

namespace mutants {

inline constexpr int most = 1 << 16;
extern int chosen;
extern bool seen[most];
extern bool barren[most];

/// Whether this mutant is the one that is tried.
inline bool on(int id) {
  seen[id] = true;
  return id == chosen;
}

/// Marks, before main, a place whose types allow no mutation after all: a `+` of strings, say.
template <int Id>
struct Barren {
  static inline const bool marked = barren[Id] = true;
};

#define MUTANT_COMPARISON(name, token, first, second)                   \
  template <int Id>                                                     \
  struct name {};                                                       \
  template <class Left, int Id>                                         \
  struct name##_with {                                                  \
    const Left& left;                                                   \
  };                                                                    \
  template <class Left, int Id>                                         \
  name##_with<Left, Id> operator token(const Left& left, name<Id>) {    \
    return {left};                                                      \
  }                                                                     \
  template <class Left, int Id, class Right>                            \
  bool operator token(name##_with<Left, Id> with, const Right& right) { \
    if (on(Id)) return with.left first right;                           \
    if (on(Id + 1)) return with.left second right;                      \
    return with.left name##_sign right;                                 \
  }

#define equal_sign ==
#define unequal_sign !=
#define less_sign <
#define less_equal_sign <=
#define greater_sign >
#define greater_equal_sign >=
MUTANT_COMPARISON(equal, ==, !=, !=)
MUTANT_COMPARISON(unequal, ==, ==, ==)
MUTANT_COMPARISON(less, <, <=, >=)
MUTANT_COMPARISON(less_equal, <, <, >)
MUTANT_COMPARISON(greater, <, >=, <=)
MUTANT_COMPARISON(greater_equal, <, >, <)
#undef MUTANT_COMPARISON

// std::optional compares with anything, ours included, unless ours says `optional` as well.
template <class Left, int Id, class Right>
bool operator==(equal_with<Left, Id> with, const std::optional<Right>& right) {
  return (with.left == right) != on(Id);
}
template <class Left, int Id, class Right>
bool operator==(unequal_with<Left, Id> with, const std::optional<Right>& right) {
  return (with.left != right) != on(Id);
}

template <class From, class To>
concept becomes = std::is_convertible_v<From, To>;

#define MUTANT_ARITHMETIC(name, token, other)                                                    \
  template <int Id>                                                                              \
  struct name {};                                                                                \
  template <class Left, int Id>                                                                  \
  struct name##_with {                                                                           \
    Left&& left;                                                                                 \
  };                                                                                             \
  template <class Left, int Id>                                                                  \
  name##_with<Left, Id> operator token(Left&& left, name<Id>) {                                  \
    return {std::forward<Left>(left)};                                                           \
  }                                                                                              \
  template <class Left, int Id, class Right>                                                     \
  auto operator token(name##_with<Left, Id> with, Right&& right) {                               \
    using Result = decltype(std::declval<Left>() token std::declval<Right>());                   \
    if constexpr (requires(Left l, Right r) {                                                    \
                    { l other r } -> becomes<Result>;                                            \
                  }) {                                                                           \
      if (on(Id)) return Result(std::forward<Left>(with.left) other std::forward<Right>(right)); \
    } else {                                                                                     \
      static_cast<void>(Barren<Id>::marked);                                                     \
    }                                                                                            \
    return Result(std::forward<Left>(with.left) token std::forward<Right>(right));               \
  }

MUTANT_ARITHMETIC(plus, +, -)
MUTANT_ARITHMETIC(minus, -, +)
MUTANT_ARITHMETIC(times, *, /)
MUTANT_ARITHMETIC(over, /, *)
MUTANT_ARITHMETIC(modulo, %, *)
#undef MUTANT_ARITHMETIC

/// `!x` becomes `mutants::negation<7>{} ->* !x`: nothing binary binds tighter.
template <int Id>
struct negation {};
template <int Id>
bool operator->*(negation<Id>, bool value) {
  return value != on(Id);
}

template <int Id, class Condition>
bool condition(const Condition& value) {
  return static_cast<bool>(value) != on(Id);
}

template <int Id, class Result>
Result result(Result&& value) {
  if constexpr (std::is_same_v<std::remove_cvref_t<Result>, bool>) {
    if (on(Id)) return !value;
  } else {
    static_cast<void>(Barren<Id>::marked);
  }
  return std::forward<Result>(value);
}

template <int Id>
bool flag(bool value) {
  return value != on(Id);
}

/// The first id stands for one more, the second for one less.
template <int Id, class Number>
Number number(Number value) {
  if (on(Id)) return static_cast<Number>(value + 1);
  if (on(Id + 1)) return static_cast<Number>(value - 1);
  return value;
}

template <int Id, class Counter>
Counter& up(Counter& counter) {
  return on(Id) ? --counter : ++counter;
}
template <int Id, class Counter>
Counter& down(Counter& counter) {
  return on(Id) ? ++counter : --counter;
}

template <int Id, class T>
T smaller(const T& left, const T& right) {
  return on(Id) ? std::max(left, right) : std::min(left, right);
}
template <int Id, class T>
T greater_of(const T& left, const T& right) {
  return on(Id) ? std::min(left, right) : std::max(left, right);
}

}  // namespace mutants
