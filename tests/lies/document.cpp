#include "tests/lies/document.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <stdexcept>

namespace usersyncd::lies {
namespace {

namespace json = boost::json;

Node node_of(const json::value& value) {
  Node node;
  if (const auto* object = value.if_object()) {
    node.kind = Node::Kind::object;
    for (const auto& [name, member] : *object) {
      node.children.push_back(node_of(member));
      node.children.back().name = std::string{name};
    }
  } else if (const auto* array = value.if_array()) {
    node.kind = Node::Kind::array;
    for (const auto& element : *array) node.children.push_back(node_of(element));
  } else {
    node.text = json::serialize(value);
  }
  return node;
}

// Elements, text and nothing else: captured XML has no more than that.
class XmlReader {
 public:
  explicit XmlReader(std::string_view body) : rest_(body) {}

  std::string head() {
    const auto root = rest_.starts_with("<?") ? rest_.find("?>") + 2 : 0;
    return std::string{take(root)};
  }

  Node element() {
    Node node;
    node.kind = Node::Kind::element;
    expect('<');
    node.name = take(rest_.find_first_of(">/"));
    if (rest_.starts_with("/>")) {
      take(2);
      return node;
    }
    expect('>');
    while (!rest_.starts_with("</")) {
      if (rest_.starts_with('<')) {
        node.children.push_back(element());
      } else {
        node.text += take(rest_.find('<'));
      }
    }
    take(rest_.find('>') + 1);
    return node;
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > rest_.size()) throw std::runtime_error("a captured body is not well-formed");
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  void expect(char c) {
    if (take(1).front() != c) throw std::runtime_error("a captured body is not well-formed");
  }

  std::string_view rest_;
};

void write_json(const Node& node, std::string& out) {
  if (node.kind == Node::Kind::scalar || node.kind == Node::Kind::element) {
    out += node.text;
    return;
  }
  const bool object = node.kind == Node::Kind::object;
  out += object ? '{' : '[';
  bool first = true;
  for (const auto& child : node.children) {
    if (!first) out += ',';
    first = false;
    if (object) out += '"' + child.name + "\":";
    write_json(child, out);
  }
  out += object ? '}' : ']';
}

void write_xml(const Node& node, std::string& out) {
  out += '<' + node.name + '>' + node.text;
  for (const auto& child : node.children) write_xml(child, out);
  out += "</" + node.name.substr(0, node.name.find(' ')) + '>';
}

void add_nodes(Node& node, std::vector<Node*>& nodes) {
  nodes.push_back(&node);
  for (auto& child : node.children) add_nodes(child, nodes);
}

Node* find_parent(Node& under, const Node* child) {
  for (auto& one : under.children) {
    if (&one == child) return &under;
    if (auto* found = find_parent(one, child)) return found;
  }
  return nullptr;
}

}  // namespace

Document parse_document(std::string_view body) {
  Document document;
  document.xml = body.starts_with('<');
  if (document.xml) {
    XmlReader reader{body};
    document.head = reader.head();
    document.root = reader.element();
  } else {
    document.root = node_of(json::parse(body));
  }
  return document;
}

std::string write_document(const Document& document) {
  std::string out = document.head;
  if (document.xml) {
    write_xml(document.root, out);
  } else {
    write_json(document.root, out);
  }
  return out;
}

std::vector<Node*> all_nodes(Document& document) {
  std::vector<Node*> nodes;
  add_nodes(document.root, nodes);
  return nodes;
}

Node* parent_of(Document& document, const Node* child) {
  return find_parent(document.root, child);
}

}  // namespace usersyncd::lies
