#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A body as a tree that can be torn and written out again, the same for JSON and XML. Written to be lied
// with: it keeps the order of everything, and writes what no library would, such as two members of one name.

namespace usersyncd::lies {

struct Node {
  enum class Kind {
    object,   ///< JSON; its children have names
    array,    ///< JSON
    scalar,   ///< JSON: `text` as it is written, quotes and all
    element,  ///< XML, with children or text
  };
  Kind kind = Kind::scalar;
  std::string name;
  std::string text;
  std::vector<Node> children;
};

struct Document {
  bool xml = false;
  std::string head;  ///< of XML: what comes before the root element
  Node root;
};

/// The whole body; the bodies that are captured are all well-formed, so a failure is an exception.
Document parse_document(std::string_view body);
std::string write_document(const Document& document);

/// Every node in document order, the root first. Good until the tree is changed.
std::vector<Node*> all_nodes(Document& document);
/// The node that has the n-th node as its child; null for the root.
Node* parent_of(Document& document, const Node* child);

}  // namespace usersyncd::lies
