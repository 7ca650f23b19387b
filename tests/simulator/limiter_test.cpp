#include <cmath>

#include "tests/simulator/support.hpp"

namespace usersyncd::sim {
namespace {

/// How many of `count` requests at one instant are admitted.
int burst(Limiter& limiter, Instant now, int count) {
  int admitted = 0;
  for (int i = 0; i < count; ++i) {
    admitted += limiter.hit(now).admitted ? 1 : 0;
  }
  return admitted;
}

}  // namespace

TEST_CASE("each limiter admits its burst, then what time gives back") {
  struct Row {
    const char* specification;
    int first;     ///< of 20 at time 0
    double later;  ///< seconds
    int then;      ///< of 20 at `later`
  };
  for (const Row& row :
       {Row{"token-bucket:rate=5,burst=10", 10, 1.0, 5}, Row{"leaky-bucket:rate=5,queue=3", 4, 0.4, 2},
        Row{"fixed-window:limit=7,window=10s", 7, 10.0, 7}, Row{"fixed-window:limit=7,window=10s", 7, 9.9, 0},
        Row{"fixed-window:limit=7,window=10s,anchored", 7, 10.0, 7},
        Row{"sliding-log:limit=7,window=10s", 7, 9.9, 0}, Row{"sliding-log:limit=7,window=10s", 7, 10.0, 7},
        Row{"sliding-counter:limit=8,window=10s", 8, 15.0, 4}}) {
    CAPTURE(row.specification);
    CAPTURE(row.later);
    const auto limiter = make_limiter(row.specification);
    CHECK(burst(*limiter, at(0), 20) == row.first);
    CHECK(burst(*limiter, at(row.later), 20) == row.then);
  }
}

TEST_CASE("aligned windows follow the clock, anchored ones the first request") {
  const auto aligned = make_limiter("fixed-window:limit=5,window=10s");
  const auto anchored = make_limiter("fixed-window:limit=5,window=10s,anchored");
  CHECK(burst(*aligned, at(9), 9) == 5);
  CHECK(burst(*anchored, at(9), 9) == 5);
  CHECK(burst(*aligned, at(10), 9) == 5);
  CHECK(burst(*anchored, at(10), 9) == 0);
  CHECK(burst(*anchored, at(19), 9) == 5);
}

TEST_CASE("strict limiters count refusals: who keeps knocking is never let in") {
  struct Row {
    const char* specification;
    bool gets_in;
  };
  for (const Row& row :
       {Row{"sliding-log:limit=3,window=2s", true}, Row{"sliding-log:limit=3,window=2s,strict", false},
        Row{"fixed-window:limit=3,window=2s,anchored", true},
        Row{"fixed-window:limit=3,window=2s,anchored,strict", false},
        Row{"token-bucket:rate=1,burst=3", true}, Row{"token-bucket:rate=1,burst=3,strict", false},
        Row{"sliding-counter:limit=3,window=2s,strict", false}}) {
    CAPTURE(row.specification);
    const auto limiter = make_limiter(row.specification);
    CHECK(burst(*limiter, at(0), 3) == 3);
    int later = 0;
    for (int i = 1; i < 100; ++i) {
      later += limiter->hit(at(0.1 * i)).admitted ? 1 : 0;
    }
    CHECK((later > 0) == row.gets_in);
  }
}

TEST_CASE("a leaky bucket holds answers back in order") {
  const auto limiter = make_limiter("leaky-bucket:rate=10,queue=2");
  CHECK(limiter->hit(at(0)).wait == Micros{0});
  CHECK(limiter->hit(at(0)).wait == Micros{100'000});
  CHECK(limiter->hit(at(0)).wait == Micros{200'000});
  CHECK_FALSE(limiter->hit(at(0)).admitted);
}

TEST_CASE("a refusal's hint is the truth: a request then is admitted, one just before is not") {
  for (const char* specification :
       {"token-bucket:rate=3,burst=4", "leaky-bucket:rate=3,queue=2", "fixed-window:limit=5,window=7s",
        "fixed-window:limit=5,window=7s,anchored", "sliding-log:limit=5,window=7s",
        "sliding-counter:limit=5,window=7s"}) {
    CAPTURE(specification);
    for (const double start : {0.0, 2.5, 6.9}) {
      const auto limiter = make_limiter(specification);
      burst(*limiter, at(start), 10);
      const Micros wait = limiter->hit(at(start)).retry_in;
      CHECK(wait > Micros{0});
      CHECK_FALSE(limiter->hit(at(start) + wait - Micros{2000}).admitted);
      CHECK(limiter->hit(at(start) + wait + Micros{1}).admitted);
    }
  }
}

TEST_CASE("limiters and hints that cannot be meant are refused") {
  for (const char* text : {"", "bucket", "token-bucket", "token-bucket:rate=5", "token-bucket:rate=0,burst=1",
                           "token-bucket:rate=x,burst=1", "fixed-window:limit=5,window=10",
                           "sliding-log:limit=0,window=1s", "fixed-window:limit=5,window=1s,strict",
                           "leaky-bucket:rate=1,queue=1,strict", "token-bucket:rate=1,burst=1,colour=red"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(make_limiter(text), InputError);
  }
  CHECK(make_limiter("none") == nullptr);
  CHECK_THROWS_AS(parse_hint("later"), InputError);
  CHECK_THROWS_AS(parse_hint("none,body=pdf"), InputError);
}

TEST_CASE("A37, A38: hints come in every form that servers use") {
  const Admission refused{false, Micros{0}, Micros{2'500'000}};
  struct Row {
    const char* hint;
    const char* header;
    const char* value;
  };
  for (const Row& row :
       {Row{"none", "Retry-After", ""}, Row{"seconds", "Retry-After", "3"},
        Row{"date", "Retry-After", "Fri, 15 Jan 2027 08:00:04 GMT"},
        Row{"reset-seconds", "X-RateLimit-Reset", "1800000003"},
        Row{"reset-millis", "X-RateLimit-Reset", "1800000002500"}, Row{"absurd", "Retry-After", "31536000"},
        Row{"garbage", "Retry-After", "soon, hopefully"}}) {
    CAPTURE(row.hint);
    const Response response = too_many(parse_hint(row.hint), refused, at(0));
    CHECK(response.status == 429);
    CHECK(header(response.headers, row.header) == row.value);
    CHECK(response.body.empty());
  }
  CHECK(too_many(parse_hint("none,body=json"), refused, at(0)).body.starts_with("{"));
  CHECK(too_many(parse_hint("none,body=xml"), refused, at(0)).body.starts_with("<Errors>"));
  CHECK(too_many(parse_hint("seconds,body=html"), refused, at(0)).body.starts_with("<html>"));
}

}  // namespace usersyncd::sim
