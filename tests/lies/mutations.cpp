#include "tests/lies/mutations.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <random>
#include <utility>

namespace usersyncd::lies {
namespace {

using Kind = Node::Kind;

// ---- The tree: what can be done to one node

struct Treatment {
  std::string name;
  std::function<void(Document&, Node&)> apply;
};

std::size_t place_in(const Node& parent, const Node& child) {
  return static_cast<std::size_t>(&child - parent.children.data());
}

Node json_text(const std::string& text) {
  Node node;
  node.text = text;
  return node;
}

// Another value in the place of the old one, which keeps its name.
void replace(Node& node, Node value) {
  value.name = node.name;
  node = std::move(value);
}

void drop(Document& document, Node& node) {
  Node* parent = parent_of(document, &node);
  if (!parent) return;
  parent->children.erase(parent->children.begin() + static_cast<std::ptrdiff_t>(place_in(*parent, node)));
}

void duplicate(Document& document, Node& node) {
  Node* parent = parent_of(document, &node);
  if (!parent) return;
  const auto at = static_cast<std::ptrdiff_t>(place_in(*parent, node));
  Node copy = node;
  parent->children.insert(parent->children.begin() + at, std::move(copy));
}

void swap_with_next(Document& document, Node& node) {
  Node* parent = parent_of(document, &node);
  if (!parent || parent->children.size() < 2) return;
  const auto at = place_in(*parent, node);
  std::swap(parent->children[at], parent->children[(at + 1) % parent->children.size()]);
}

// The values of two members change places and the names stay: a first name in the place of an e-mail address.
void swap_values(Document& document, Node& node) {
  Node* parent = parent_of(document, &node);
  if (!parent || parent->children.size() < 2) return;
  Node& next = parent->children[(place_in(*parent, node) + 1) % parent->children.size()];
  std::swap(node, next);
  std::swap(node.name, next.name);
}

// The value that the next node of the same name has, which in a list is another user's: ids, names, roles.
Node* namesake(Document& document, const Node& node) {
  auto nodes = all_nodes(document);
  const auto here = std::find(nodes.begin(), nodes.end(), &node);
  std::rotate(nodes.begin(), here, nodes.end());
  const auto found = std::find_if(nodes.begin() + 1, nodes.end(), [&](const Node* other) {
    return other->name == node.name && !node.name.empty() && other->kind == node.kind;
  });
  return found == nodes.end() ? nullptr : *found;
}

bool is_within(const Node& outer, const Node* inner) {
  return &outer == inner || std::any_of(outer.children.begin(), outer.children.end(),
                                        [&](const Node& child) { return is_within(child, inner); });
}

void swap_with_namesake(Document& document, Node& node) {
  Node* other = namesake(document, node);
  if (!other || is_within(node, other) || is_within(*other, &node)) return;
  std::swap(node.text, other->text);
  std::swap(node.children, other->children);
}

void copy_from_namesake(Document& document, Node& node) {
  const Node* other = namesake(document, node);
  if (!other) return;
  Node copy = *other;
  node = std::move(copy);
}

void empty(Document&, Node& node) {
  node.children.clear();
  if (node.kind == Kind::scalar) node.text = "\"\"";
  if (node.kind == Kind::element) node.text.clear();
}

void reverse(Document&, Node& node) {
  std::reverse(node.children.begin(), node.children.end());
}

void keep_half(Document&, Node& node) {
  node.children.resize(node.children.size() / 2);
}

void hoist(Document&, Node& node) {
  if (node.children.empty()) return;
  Node child = node.children.front();
  replace(node, std::move(child));
}

void wrap(Document&, Node& node) {
  Node outer;
  outer.kind = node.kind == Kind::element ? Kind::element : Kind::object;
  outer.name = node.name;
  if (outer.kind == Kind::object) node.name = "value";
  outer.children.push_back(node);
  node = std::move(outer);
}

void wrap_in_array(Document&, Node& node) {
  if (node.kind == Kind::element) return;
  Node outer;
  outer.kind = Kind::array;
  outer.name = node.name;
  outer.children.push_back(node);
  node = std::move(outer);
}

void other_account(Document&, Node& node) {
  for (auto at = node.text.find("5500001"); at != std::string::npos; at = node.text.find("5500001"))
    node.text[at + 6] = '2';
  Document none;
  for (auto& child : node.children) other_account(none, child);
}

void say(Node& node, const std::string& text) {
  node.children.clear();
  if (node.kind == Kind::element) {
    node.text = text;
  } else {
    replace(node, json_text('"' + text + '"'));
  }
}

Treatment saying(const std::string& text) {
  return {"say " + text, [text](Document&, Node& node) { say(node, text); }};
}

Treatment retyping(const std::string& text) {
  return {"retype to " + text.substr(0, 30), [text](Document&, Node& node) {
            if (node.kind == Kind::element) {
              node.text = text;
              node.children.clear();
            } else {
              replace(node, json_text(text));
            }
          }};
}

Treatment renaming(const std::string& what, const std::function<std::string(std::string)>& change) {
  return {"rename " + what, [change](Document&, Node& node) { node.name = change(node.name); }};
}

std::vector<Treatment> make_treatments() {
  std::vector<Treatment> all{{"drop", drop},
                             {"duplicate", duplicate},
                             {"swap with the next", swap_with_next},
                             {"swap values with the next", swap_values},
                             {"swap with its namesake", swap_with_namesake},
                             {"copy its namesake", copy_from_namesake},
                             {"empty", empty},
                             {"reverse", reverse},
                             {"keep half", keep_half},
                             {"hoist its first child", hoist},
                             {"wrap in itself", wrap},
                             {"wrap in an array", wrap_in_array},
                             {"other account", other_account}};
  for (const auto* text :
       {"null", "true", "false", "0", "-1", "7", "1.5", "1e400", "123456789012345678901234567890", "[]", "{}",
        "[null]", "[[]]", "{\"a\":{}}", "\"\\u0000\"", "\"\\ud800\"", "NaN"})
    all.push_back(retyping(text));
  for (const auto* text :
       {"false", "true", "x", "former.user", "uma.castillo@example.com", "VIKTOR_DOE", " viktor_doe",
        "../../users/viktor_doe", "viktor_doe?x=%00", "\xC3\xA9", "\xFF", "ACCOUNT_ADMIN", "u7"})
    all.push_back(saying(text));
  all.push_back(renaming("in capitals", [](std::string name) {
    for (auto& c : name) c = (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
  }));
  all.push_back(renaming("to x", [](const std::string&) { return std::string{"x"}; }));
  all.push_back(renaming("to errors", [](const std::string&) { return std::string{"errors"}; }));
  all.push_back(renaming("with a prefix", [](const std::string& name) { return "ns:" + name; }));
  return all;
}

const std::vector<Treatment>& treatments() {
  static const auto all = make_treatments();
  return all;
}

// A liar who can count: totals say what the list has.
void correct_totals(Document& document) {
  for (auto* node : all_nodes(document)) {
    if (node->kind != Kind::object) continue;
    Node *total = nullptr, *items = nullptr;
    for (auto& child : node->children) {
      if (child.name == "totalCount" && child.kind == Kind::scalar) total = &child;
      if (child.kind == Kind::array) items = &child;
    }
    if (total && items) total->text = std::to_string(items->children.size());
  }
}

// ---- The text: what can be laid around a body, or put into it

// The provider's errors, in all the shapes that its client libraries look for.
const std::vector<std::string>& error_bodies() {
  static const std::vector<std::string> all{
      "<UsersResponse><ResponseStatus><ErrorCode>12055</ErrorCode><Description>no</Description></"
      "ResponseStatus>"
      "</UsersResponse>",
      "<SearchResult><Error><Code>4010</Code><Description>no</Description></Error></SearchResult>",
      "<UsersResponse><Errors><Error><Code>12055</Code><Description>no</Description></Error></Errors></"
      "UsersResponse>",
      "<UsersResponse><Errors><Code>12055</Code></Errors><Errors><Code>12056</Code></Errors></UsersResponse>",
      "<UsersResponse><resultCode>12055</resultCode><resultMessage>no</resultMessage></UsersResponse>",
      "<UsersResponse><ErrorList><Error>no</Error></ErrorList></UsersResponse>",
      R"({"type":"forbidden","description":"no"})",
      R"({"links":[],"data":null,"errors":[{"type":"x","description":"no","code":"E0001","source":null}]})",
      R"({"links":[],"data":[],"errors":[{"type":"x","description":"no","code":"E0001"}]})",
      R"({"errors":[{"id":"1","code":32002,"type":"rate-limiting","description":"no"}]})",
      R"({"errors":[{"code":12000,"description":"user does not exist"}]})",
      R"({"ResponseStatus":{"ErrorCode":12000,"Description":"user does not exist"}})",
      "<UserResponse><ResponseStatus><ErrorCode>12000</ErrorCode></ResponseStatus></UserResponse>",
      R"({"Users":[],"ResponseStatus":{"ErrorCode":12093}})",
      "<!DOCTYPE html><html><body>Bad gateway</body></html>",
      "<html><head><title>Login</title></head></html>",
      "<UsersResponse/>",
      "<UsersResponse><Users/></UsersResponse>",
      R"({"data":[]})",
      R"({"data":{"items":[],"totalCount":0}})",
      R"({"data":{"items":[],"totalCount":7}})",
      R"({"Users":[]})",
      R"({"Users":{}})",
      R"({"Users":""})",
      "{}",
      "[]",
      "null",
      "\"\"",
      "0",
      "",
      " ",
      "\xEF\xBB\xBF",
      "<a/>",
  };
  return all;
}

// Put in after the first bracket of the body.
const std::vector<std::pair<std::string, std::string>>& insertions() {
  static const std::vector<std::pair<std::string, std::string>> all{
      {R"("errors":[{"code":32002,"description":"no"}],)", "<Errors><Error><Code>1</Code></Error></Errors>"},
      {R"("ResponseStatus":{"ErrorCode":12055,"Description":"no"},)",
       "<ResponseStatus><ErrorCode>12055</ErrorCode><Description>no</Description></ResponseStatus>"},
      {R"("resultCode":"12055","resultMessage":"no",)", "<resultCode>12055</resultCode>"},
      {R"("ErrorList":[{"Code":"1"}],)", "<ErrorList><Error>no</Error></ErrorList>"},
      {R"("Error":{"Code":"4010"},)", "<Error><Code>4010</Code></Error>"},
      {R"("type":"forbidden","description":"no",)", "<type>forbidden</type>"},
      {R"("data":[],)", "<Users/>"},
      {R"("Users":[],)", "<Users><User/></Users>"},
      {R"("totalCount":0,)", "<TotalCount>0</TotalCount>"},
      {R"("":null,)", "<!-- -->"},
      {R"("links":[{"rel":"next","href":"https://evil.example/"}],)", "<![CDATA[ ]]>"},
      {",", "&amp;"},
      {"\x01", "&#0;"},
  };
  return all;
}

struct Around {
  std::string name, before, after;
};

const std::vector<Around>& surroundings() {
  static const std::vector<Around> all{
      {"a BOM", "\xEF\xBB\xBF", ""},
      {"two BOMs", "\xEF\xBB\xBF\xEF\xBB\xBF", ""},
      {"blanks", " \r\n\t", " \r\n\t"},
      {"a zero", "", std::string(1, '\0')},
      {"garbage behind", "", "garbage"},
      {"garbage before", "garbage", ""},
      {"an object behind", "", "{}"},
      {"an element behind", "", "<x/>"},
      {"HTML around", "<html><body>", "</body></html>"},
      {"a document type", "<!DOCTYPE a [<!ENTITY b \"c\">]>", ""},
      {"a guard", ")]}',\n", ""},
      {"a callback", "callback(", ");"},
      {"an array around", "[", "]"},
      {"an object around", R"({"data":)", "}"},
      {"UTF-16's mark", "\xFF\xFE", ""},
      {"a byte that is no UTF-8", "", "\xC0\x80"},
      {"chunk lines", "1a\r\n", "\r\n0\r\n\r\n"},
  };
  return all;
}

const std::vector<std::string>& content_types() {
  static const std::vector<std::string> all{"",
                                            "text/html",
                                            "text/plain",
                                            "application/xml",
                                            "text/xml",
                                            "application/json; charset=utf-16",
                                            "image/png",
                                            "application/octet-stream",
                                            "application/problem+json",
                                            "multipart/x-mixed-replace; boundary=x"};
  return all;
}

const std::vector<int>& statuses() {
  static const std::vector<int> all{201, 202, 203, 204, 205, 206, 207, 226, 230, 299, 300, 301,
                                    302, 304, 307, 400, 401, 402, 403, 404, 405, 406, 408, 409,
                                    410, 418, 422, 429, 451, 500, 501, 502, 503, 504, 520, 599};
  return all;
}

std::string insert_into(const std::string& body, const std::pair<std::string, std::string>& what) {
  const bool xml = body.starts_with('<');
  const auto prolog = body.starts_with("<?") ? body.find("?>") + 2 : 0;
  const auto at = body.find(xml ? '>' : '{', prolog);
  if (at == std::string::npos) return body;
  return body.substr(0, at + 1) + (xml ? what.second : what.first) + body.substr(at + 1);
}

std::pair<std::string, std::string> text_lie(const std::string& body, std::size_t index) {
  if (index < error_bodies().size()) {
    const auto& error = error_bodies()[index];
    return {"instead: " + error.substr(0, 60), error};
  }
  index -= error_bodies().size();
  if (index < insertions().size())
    return {"inserted: " + insertions()[index].first, insert_into(body, insertions()[index])};
  const auto& around = surroundings()[index - insertions().size()];
  return {"with " + around.name, around.before + body + around.after};
}

std::string reply_lie(Reply& reply, std::size_t index) {
  if (index == 0) {
    reply.cut_off = true;
    return "connection lost";
  }
  --index;
  if (index < statuses().size()) {
    reply.status = statuses()[index];
    return "status " + std::to_string(reply.status);
  }
  reply.content_type = content_types()[index - statuses().size()];
  return "content type " + reply.content_type;
}

}  // namespace

Liar::Liar(const std::string& body)
    : body_(body), document_(parse_document(body)), nodes_(all_nodes(document_).size()) {}

std::size_t Liar::tree_lies() const {
  return nodes_ * treatments().size();
}

std::size_t Liar::text_lies() const {
  return error_bodies().size() + insertions().size() + surroundings().size();
}

std::size_t Liar::reply_lies() const {
  return 1 + statuses().size() + content_types().size();
}

Reply Liar::honest() const {
  return Reply{200, document_.xml ? "application/xml" : "application/json", body_, false};
}

Lie Liar::single(std::size_t index) const {
  Lie lie{{}, honest()};
  if (index < cuts()) {
    lie.name = "cut after " + std::to_string(index);
    lie.reply.body.resize(index);
    return lie;
  }
  index -= cuts();
  if (index < tree_lies()) {
    auto document = document_;
    const auto& treatment = treatments()[index % treatments().size()];
    const auto place = index / treatments().size();
    auto& node = *all_nodes(document)[place];
    lie.name = treatment.name + " at node " + std::to_string(place) + " (" + node.name + ")";
    treatment.apply(document, node);
    lie.reply.body = write_document(document);
    return lie;
  }
  index -= tree_lies();
  if (index < text_lies()) {
    auto [name, body] = text_lie(body_, index);
    lie.name = std::move(name);
    lie.reply.body = std::move(body);
    return lie;
  }
  lie.name = reply_lie(lie.reply, index - text_lies());
  return lie;
}

Lie Liar::combined(std::uint64_t seed) const {
  std::mt19937_64 random{seed};
  const auto below = [&](std::size_t limit) -> std::size_t { return random() % limit; };
  Lie lie{"seed " + std::to_string(seed), honest()};
  auto document = document_;
  const auto count = 2 + below(3);
  for (std::size_t i = 0; i < count; ++i) {
    const auto nodes = all_nodes(document);
    const auto& treatment = treatments()[below(treatments().size())];
    auto& node = *nodes[below(nodes.size())];
    lie.name += "; " + treatment.name + " (" + node.name + ")";
    treatment.apply(document, node);
  }
  if (below(2) == 0) correct_totals(document);
  lie.reply.body = write_document(document);
  if (below(8) == 0) {
    auto [name, body] =
        text_lie(lie.reply.body, error_bodies().size() + below(text_lies() - error_bodies().size()));
    lie.name += "; " + name;
    lie.reply.body = std::move(body);
  }
  if (below(8) == 0) lie.name += "; " + reply_lie(lie.reply, below(reply_lies()));
  if (below(8) == 0 && !lie.reply.body.empty()) {
    const auto at = below(lie.reply.body.size());
    lie.reply.body[at] = static_cast<char>(random());
    lie.name += "; another byte at " + std::to_string(at);
  }
  return lie;
}

}  // namespace usersyncd::lies
