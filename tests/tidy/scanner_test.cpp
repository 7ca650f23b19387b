#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

#include "tests/tidy/rules.hpp"
#include "tests/tidy/statements.hpp"

using namespace usersyncd::tidy;

// The scanner is trusted to stop what compilers get wrong, so it is tested on what it must find and must not.

namespace {

const std::vector<std::string> folders{"sync",  "config",    "policies", "providers",
                                       "store", "reconcile", "daemon",   "simulator"};

std::string messages(const Problems& problems) {
  std::string text;
  for (const auto& problem : problems) text += problem.text() + "\n";
  return text;
}

std::size_t coroutine_findings(const std::string& body) {
  const auto source = make_source("daemon/x.cpp", "Awaitable<void> f() {\n" + body + "\n}\n");
  const auto problems = check_coroutines(source);
  INFO(messages(problems));
  return problems.size();
}

Problems include_findings(const std::string& path, const std::string& line) {
  return check_includes(make_source(path, "#pragma once\n" + line + "\n"), folders);
}

}  // namespace

TEST_CASE("tidy: comments, literals and directives are no code, and every line keeps its number") {
  const std::string text =
      "#define X co_await \\\n  co_await\nint a = 1'000; // co_await\n/* co_await\n */ char c = '\"'; "
      "f(\"a\\\"co_await\");\n"
      "auto r = R\"x(co_await \")\" )x\"; char q = '\\'';\n";
  const auto code = blank_all_but_code(text);
  CHECK(code.size() == text.size());
  CHECK(lines_of(code).size() == lines_of(text).size());
  CHECK(find_words(code, "co_await").empty());
  CHECK(find_words(code, "char").size() == 2);
  CHECK(code.find("1'000;") != std::string::npos);
  CHECK(blank_all_but_code("").empty());
  CHECK(blank_all_but_code("R\"(never closed").size() == 15);
  CHECK(blank_all_but_code("\"never closed").size() == 13);
}

TEST_CASE("tidy: statements with co_await that GCC 12 miscompiles are found") {
  for (const auto* statement :
       {"co_await f(Agg{a, b});",
        "co_await f({.a = x});",
        "co_await f({});",
        "co_await Agg{x}.method();",
        "Agg a{co_await x(), co_await y()};",
        "v.push_back({co_await x(), 1});",
        "const Agg a{co_await x()};",
        "co_await call([p] { return p; });",
        "co_await call([p = std::move(p)](int) -> std::pair<int, int> { return p; }, 1);",
        "co_await co_spawn(ex, [t]() -> Awaitable<void> { go(); }, use);",
        "auto x = c ? co_await f() : T{};",
        "co_await f(c ? a : b);",
        "co_return c ? co_await f() : 1;",
        "co_await f({T{}, T{}});",
        "co_return {a, b};",
        "co_return\n  {a};",
        "f(co_await a(), co_await b());",
        "if (auto x = co_await f({1}); x) { g(); }",
        "while (co_await f(Agg{})) { }",
        "for (auto& x : co_await f(T{})) g(x);",
        "return co_await f(), co_await g();",
        "co_await [x]() -> Awaitable<void> { co_return; }();"}) {
    CAPTURE(statement);
    CHECK(coroutine_findings(statement) > 0);
    CHECK(coroutine_findings(std::string{"if (a) { for (;;) {"} + statement + "} }") > 0);
    CHECK(coroutine_findings(std::string{"auto g = []() -> Awaitable<void> {"} + statement + "};") > 0);
    CHECK(coroutine_findings(std::string{"h(1, []() -> Awaitable<void> {"} + statement + "}, 2);") > 0);
  }
}

TEST_CASE("tidy: statements with co_await that are fine are let through") {
  for (const auto* statement :
       {"co_await f(a);", "auto x = co_await f(make(a), b[1]);",
        "if (auto x = co_await f(); x) { g(Agg{1}); }", "while (co_await f(a)) { use({1}); }",
        "const Agg agg{a, b}; co_await f(agg);", "Agg a = {1, 2};\nco_await f(a);",
        "auto l = [p] { return p; };\nco_await call(l);",
        "co_await call([](int x) { return x ? Agg{1} : Agg{2}; });", "switch (co_await f()) { case A: g(); }",
        "co_return co_await f(a);", "co_return Result<T>(x);",
        "for (const auto& x : items) { co_await f(x); }", "co_await f(\"{ ? [x] {\"); // {",
        "try { co_await f(a); } catch (...) { }", "auto [ec, n] = co_await f(a);",
        "if (x) { y = {1}; } else { co_await f(a); }", "co_return;", "int n = a ? 1 : 2; co_await f(n);",
        "do { co_await f(a); } while (b);"}) {
    CAPTURE(statement);
    CHECK(coroutine_findings(statement) == 0);
  }
}

TEST_CASE("tidy: a lambda with captures must not be a coroutine, named or not") {
  CHECK(coroutine_findings("auto g = [&]() -> Awaitable<void> { co_await f(); };") == 1);
  CHECK(coroutine_findings("auto g = [this] { co_return; };") == 1);
  CHECK(coroutine_findings("spawn([x = 1](int y) mutable -> Awaitable<void> { co_return; });") == 1);
  CHECK(coroutine_findings("auto g = []() -> Awaitable<void> { co_await f(); };") == 0);
  CHECK(coroutine_findings("auto g = [&] { return []() -> Awaitable<void> { co_return; }; };") == 0);
  CHECK(coroutine_findings("a[i] = b[j](k); [[maybe_unused]] int z; auto& [c, d] = e; co_await f(c);") == 0);
}

TEST_CASE("tidy: detached is found in code only") {
  CHECK(check_coroutines(make_source("a.cpp", "co_spawn(io, f(), asio::detached);\n")).size() == 1);
  CHECK(check_coroutines(make_source("a.cpp", "using boost::asio::detached;\n")).size() == 1);
  CHECK(check_coroutines(make_source("a.cpp", "// asio::detached\nf(\"detached\"); semidetached();\n"))
            .empty());
}

TEST_CASE("tidy: coroutines are seen in constructors, nested classes, templates and after access labels") {
  const std::string bad = "co_await f({});";
  for (const auto& [before, after] : std::vector<std::pair<std::string, std::string>>{
           {"Foo::Foo(int a) : a_{a}, b_(a), c_{} {", "}"},
           {"class A {\n public:\n  struct B {\n int x{0};\n Awaitable<void> f() const override {",
            "} }; };"},
           {"namespace a { namespace { template <class T = int> struct S { auto f() -> Awaitable<T> {",
            "} }; } }"},
           {"enum class E : int { a, b };\nconst std::array<int, 2> t{{1, 2}};\nAwaitable<void> g() noexcept "
            "{",
            "}"}}) {
    const std::string shown = before;
    CAPTURE(shown);
    CHECK(check_coroutines(make_source("a.cpp", before + bad + after)).size() == 1);
    CHECK(check_coroutines(make_source("a.cpp", before + "co_await f(a);" + after)).empty());
  }
}

TEST_CASE("tidy: findings name the line and what to do") {
  const auto source = make_source("daemon/x.cpp", "void f() {\n\n  // why\n  co_await g({});\n}\n");
  CHECK(messages(check_coroutines(source)) ==
        "daemon/x.cpp:4: error: braces in a statement with co_await, name the value first instead\n");
}

TEST_CASE("tidy: lines over 110 columns, counted in characters") {
  CHECK(check_sizes(make_source("a.cpp", std::string(110, 'x') + "\n")).empty());
  CHECK(check_sizes(make_source("a.cpp", std::string(111, 'x'))).size() == 1);
  std::string dots;
  for (int i = 0; i < 110; ++i) dots += "…";
  CHECK(check_sizes(make_source("a.cpp", "// first\n" + dots.substr(0, 330))).empty());
  CHECK(check_sizes(make_source("a.cpp", dots + "x")).front().line == 1);
}

TEST_CASE("tidy: functions over 70 lines, wherever they stand") {
  const auto filler = [](int lines) {
    std::string text;
    for (int i = 0; i < lines; ++i) text += "  if (a) { b = {1}; }\n";
    return text;
  };
  for (const std::string head : {"void f() {\n", "class A {\n public:\n  A(int a) : a_{a}, b_(a) {\n",
                                 "namespace n {\nauto f = [](int) {\n",
                                 "template <class T>\nT A<T>::f() const {\n", "TEST_CASE(\"a { b\") {\n"}) {
    CAPTURE(head);
    const auto lines = static_cast<int>(std::count(head.begin(), head.end(), '\n'));
    const auto scopes = head.starts_with("class") ? 2 : head.starts_with("namespace") ? 1 : 0;
    CHECK(check_sizes(make_source("a.cpp", head + filler(69 - lines + scopes) + "}\n};\n")).empty());
    CHECK(check_sizes(make_source("a.cpp", head + filler(70) + "}\n};\n")).size() == 1);
  }
  CHECK(check_sizes(make_source("a.cpp", "namespace n {\n" + filler(0) + std::string(100, '\n') + "}\n"))
            .empty());
  CHECK(check_sizes(make_source("a.cpp", "int t[] = {\n" + std::string(100, '\n') + "};\n")).empty());
  CHECK(check_sizes(make_source("a.cpp", "class A {\n" + std::string(100, '\n') + "};\n")).empty());
}

TEST_CASE("tidy: files over 700 lines") {
  CHECK(check_sizes(make_source("a.cpp", std::string(700, '\n'))).empty());
  CHECK(check_sizes(make_source("a.cpp", std::string(701, '\n'))).size() == 1);
}

TEST_CASE("tidy: leftovers stand out in comments, too, and words that contain them do not") {
  for (const std::string mark : {"TO"
                                 "DO",
                                 "FIX"
                                 "ME",
                                 "XX"
                                 "X"}) {
    CHECK(check_leftovers(make_source("a.cpp", "int a;  // " + mark + ": later\n")).size() == 1);
    CHECK(check_leftovers(make_source("a.cpp", "auto path = \"/tmp/" + mark + mark + "\";\n")).empty());
  }
}

TEST_CASE("tidy: sync and policies take the time from outside") {
  const std::string now = "auto t = std::chrono::system_clock::now();\n";
  CHECK(check_purity(make_source("sync/plan.cpp", now)).size() == 1);
  CHECK(check_purity(make_source("policies/a.cpp", "auto t = system_clock ::\n now();\n")).size() == 1);
  CHECK(check_purity(make_source("sync/ports.hpp", now)).empty());
  CHECK(check_purity(make_source("daemon/a.cpp", now)).empty());
  CHECK(check_purity(
            make_source("sync/a.cpp", "// " + now + "using T = std::chrono::system_clock::time_point;\n"))
            .empty());
}

TEST_CASE("tidy: libraries stay in their folders, and the tests of a folder belong to it") {
  struct Row {
    const char* path;
    const char* line;
    bool allowed;
  };
  const Row rows[]{{"config/a.cpp", "#include <yaml.h>", true},
                   {"tests/config/a.cpp", "#include <yaml.h>", true},
                   {"sync/a.cpp", "#  include <yaml.h>", false},
                   {"store/a.cpp", "#include <sqlite3.h>", true},
                   {"daemon/a.cpp", "#include <sqlite3.h>", false},
                   {"tests/daemon/a.cpp", "#include <sqlite3.h>", false},
                   {"providers/a.cpp", "#include <pugixml.hpp>", true},
                   {"simulator/a.cpp", "#include <pugixml.hpp>", true},
                   {"config/a.cpp", "#include <pugixml.hpp>", false},
                   {"daemon/a.cpp", "#include <boost/beast/http.hpp>", true},
                   {"tests/store/a.cpp", "#include <boost/asio/ssl/context.hpp>", true},
                   {"providers/a.cpp", "#include <boost/beast/http.hpp>", false},
                   {"reconcile/a.cpp", "#include <openssl/ssl.h>", false},
                   {"sync/a.cpp", "#include <openssl/sha.h>", true},
                   {"sync/ports.hpp", "#include <boost/asio/awaitable.hpp>", true},
                   {"sync/plan.hpp", "#include <boost/asio/awaitable.hpp>", false},
                   {"sync/ports.hpp", "#include <boost/asio.hpp>", false},
                   {"policies/a.cpp", "#include <boost/asio/awaitable.hpp>", false},
                   {"policies/a.cpp", "// #include <boost/asio.hpp>", true}};
  for (const auto& row : rows) {
    CAPTURE(row.path);
    CAPTURE(row.line);
    CHECK(include_findings(row.path, row.line).empty() == row.allowed);
  }
}

TEST_CASE("tidy: a folder knows only the folders above it, and the simulator none") {
  struct Row {
    const char* path;
    const char* header;
    bool allowed;
  };
  const Row rows[]{{"sync/a.cpp", "sync/plan.hpp", true},
                   {"sync/a.cpp", "config/config.hpp", false},
                   {"policies/a.cpp", "config/yaml.hpp", true},
                   {"policies/a.cpp", "store/store.hpp", false},
                   {"daemon/a.cpp", "reconcile/cycle.hpp", true},
                   {"reconcile/a.cpp", "daemon/tls.hpp", false},
                   {"simulator/a.cpp", "sync/user.hpp", false},
                   {"simulator/a.cpp", "simulator/world.hpp", true},
                   {"daemon/a.cpp", "simulator/world.hpp", false},
                   {"daemon/a.cpp", "tests/support/run.hpp", false},
                   {"tests/sync/a.cpp", "daemon/tls.hpp", true},
                   {"tests/sync/a.cpp", "samples.hpp", true},
                   {"daemon/a.cpp", "tls.hpp", false}};
  for (const auto& row : rows) {
    CAPTURE(row.path);
    CAPTURE(row.header);
    CHECK(include_findings(row.path, "#include \"" + std::string{row.header} + "\"").empty() == row.allowed);
  }
}

TEST_CASE("tidy: every header has its pragma") {
  CHECK(check_includes(make_source("sync/a.hpp", "// a\n#pragma once\n"), folders).empty());
  CHECK(check_includes(make_source("sync/a.hpp", "// #pragma once\n"), folders).size() == 1);
  CHECK(check_includes(make_source("sync/a.cpp", "int a;\n"), folders).empty());
}

TEST_CASE("tidy: the order of the folders is the build's") {
  CHECK(folders_in_order("add_subdirectory(sync)  # first\n#add_subdirectory(x)\nadd_subdirectory(config)\n"
                         "if(A)\n  add_subdirectory(tests)\nendif()\n") ==
        std::vector<std::string>{"sync", "config"});
}

TEST_CASE("tidy: accidents are read from the beginning of a test's name") {
  const auto named = [](const std::string& name) {
    return accidents_named(make_source("tests/a.cpp", "TEST_CASE(\"" + name + "\") {}\n"));
  };
  CHECK(named("A1: one") == std::set<int>{1});
  CHECK(named("A1 A30: two") == std::set<int>{1, 30});
  CHECK(named("A7 as words") == std::set<int>{7});
  CHECK(named("A list of A3: nothing").empty());
  CHECK(named("A12").empty());
  CHECK(named("see A1: no").empty());
  CHECK(accidents_named(
            make_source("a.cpp", "TEST_CASE_FIXTURE(F,\n    \"A2: x\") {}\n// TEST_CASE(\"A3: y\")\n")) ==
        std::set<int>{2});
}

TEST_CASE("tidy: every accident is covered or pending, and not both") {
  std::set<int> all;
  for (int accident = 1; accident <= accident_count; ++accident) all.insert(accident);
  CHECK(check_accidents(all, "p.txt", "").empty());
  CHECK(check_accidents(all, "p.txt", "# a comment\nA3 why\n").size() == 1);
  auto most = all;
  most.erase(18);
  CHECK(messages(check_accidents(most, "p.txt", ""))
            .starts_with("p.txt:1: error: no test is named \"A18: …\""));
  CHECK(check_accidents(most, "p.txt", "A18 approvals come with the policies issue\n").empty());
  for (const auto* wrong :
       {"A18\n", "A18 \n", "18 why\n", "A71 why\n", "A0 why\n", "A18 why\nA18 why\n", "A18 A19 why\n"}) {
    CAPTURE(wrong);
    CHECK(!check_accidents(most, "p.txt", wrong).empty());
  }
}
