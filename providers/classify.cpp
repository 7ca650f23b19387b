#include "providers/classify.hpp"

#include <algorithm>

#include "providers/tree.hpp"

namespace usersyncd {
namespace {

namespace json = boost::json;

/// Error members deeper than this belong to something else.
constexpr int deepest_error = 5;
constexpr std::size_t longest_text = 300;

bool contains(const std::vector<std::string>& items, std::string_view item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

/// The first of `names` that the object has as a text or number.
std::string first_scalar(const json::object& object, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const json::value* member = object.if_contains(name);
    const auto text = member ? scalar_text(*member) : std::nullopt;
    if (text && !text->empty()) return *text;
  }
  return {};
}

void collect_errors(const json::value& value, const ErrorNames& names, int depth,
                    std::vector<ProviderError>& errors) {
  if (depth > deepest_error) return;
  if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) collect_errors(element, names, depth + 1, errors);
  }
  const json::object* object = value.if_object();
  if (!object) return;
  ProviderError error{first_scalar(*object, names.codes), first_scalar(*object, names.texts)};
  if (error.code != "0" && !(error.code.empty() && error.text.empty())) {
    errors.push_back(std::move(error));
    return;
  }
  for (const auto& member : *object) collect_errors(member.value(), names, depth + 1, errors);
}

/// The object that holds the last step of a path which stands at the root or one level below it.
const json::value* failure_in_success(const json::value& tree, const std::string& path) {
  const auto cut = path.rfind('.');
  const std::string parent = cut == std::string::npos ? std::string{} : path.substr(0, cut);
  const std::string member = cut == std::string::npos ? path : path.substr(cut + 1);
  const auto failing = [&](const json::value& root) -> const json::value* {
    const json::value* holder = find_path(root, parent);
    const json::value* code = holder ? find_path(*holder, member) : nullptr;
    const auto text = code ? scalar_text(*code) : std::nullopt;
    return text && !text->empty() && *text != "0" ? holder : nullptr;
  };
  if (const json::value* found = failing(tree)) return found;
  if (!tree.is_object()) return nullptr;
  for (const auto& below : tree.get_object()) {
    if (const json::value* found = failing(below.value())) return found;
  }
  return nullptr;
}

Meaning meaning_of_status(int status) {
  if (status >= 200 && status < 300) return Meaning::success;
  if (status >= 300 && status < 400) return Meaning::redirect;
  switch (status) {
    case 401:
      return Meaning::unauthorized;
    case 404:
    case 410:
      return Meaning::not_found;
    case 405:
    case 501:
      return Meaning::unsupported;
    case 408:
      return Meaning::retry;
    case 409:
      return Meaning::exists;
    case 429:
      return Meaning::throttle;
    default:
      return status >= 500 ? Meaning::retry : Meaning::refused;
  }
}

/// Meanings on which somebody may act as if something were known of the user.
bool is_statement(Meaning meaning) {
  switch (meaning) {
    case Meaning::success:
    case Meaning::already_so:
    case Meaning::already_gone:
    case Meaning::exists:
    case Meaning::not_found:
    case Meaning::empty:
      return true;
    case Meaning::retry:
    case Meaning::throttle:
    case Meaning::unauthorized:
    case Meaning::credential:
    case Meaning::unsupported:
    case Meaning::refused:
    case Meaning::redirect:
    case Meaning::unreadable:
      return false;
  }
  return false;
}

std::optional<Meaning> meaning_by_rules(const Profile& profile, int status, const ProviderError& error) {
  for (const MeaningRule& rule : profile.meanings) {
    if (rule.status != 0 && rule.status != status) continue;
    if (!rule.codes.empty() && !contains(rule.codes, error.code)) continue;
    if (!rule.text.empty() && !text_matches(rule.text, error.text)) continue;
    if (status >= 500 && rule.status == 0 && is_statement(rule.meaning)) continue;
    return rule.meaning;
  }
  return std::nullopt;
}

/// Several errors mean something only if all mean the same; else the worst of them.
Meaning together(const std::vector<Meaning>& meanings) {
  for (Meaning grave : {Meaning::credential, Meaning::throttle, Meaning::retry}) {
    if (std::find(meanings.begin(), meanings.end(), grave) != meanings.end()) return grave;
  }
  const bool same =
      std::all_of(meanings.begin(), meanings.end(), [&](Meaning it) { return it == meanings.front(); });
  return same ? meanings.front() : Meaning::refused;
}

Meaning meaning_of_failure(const Profile& profile, int status, const std::vector<ProviderError>& errors) {
  const bool in_success = status >= 200 && status < 300;
  const Meaning fallback = in_success ? Meaning::refused : meaning_of_status(status);
  std::vector<Meaning> meanings;
  for (const ProviderError& error : errors) {
    meanings.push_back(meaning_by_rules(profile, status, error).value_or(fallback));
  }
  return meanings.empty() ? meaning_by_rules(profile, status, {}).value_or(fallback) : together(meanings);
}

/// Successes whose body is not the whole of what was asked for, which nobody asked for in parts: a range, a
/// difference to what we are thought to have, several results in one, and a form to be cleared.
bool is_in_part(int status) {
  return status == 205 || status == 206 || status == 207 || status == 226;
}

void classify_success(const Profile& profile, Answer& answer) {
  const auto by_status = is_in_part(answer.status) ? Meaning::unreadable : Meaning::success;
  answer.meaning = meaning_by_rules(profile, answer.status, {}).value_or(by_status);
  if (answer.meaning == Meaning::unreadable) answer.text = "not the whole answer";
  if (!answer.tree) return;
  for (const std::string& path : profile.errors.in_success) {
    const json::value* holder = failure_in_success(*answer.tree, path);
    if (!holder) continue;
    const auto errors = find_errors(*holder, profile.errors);
    answer.meaning = meaning_of_failure(profile, answer.status, errors);
    if (!errors.empty()) {
      answer.code = errors.front().code;
      answer.text = errors.front().text;
    }
    return;
  }
}

void classify_failure(const Profile& profile, Answer& answer, const HttpResponse& response, bool html) {
  std::vector<ProviderError> errors;
  if (answer.tree) errors = find_errors(*answer.tree, profile.errors);
  if (errors.empty() && !html && !response.body.empty()) {
    errors.push_back({{}, printable(response.body.substr(0, longest_text))});
  }
  if (html) answer.text = "a web page (HTML), not an answer of the API";
  if (!errors.empty()) {
    answer.code = errors.front().code;
    answer.text = errors.front().text;
  }
  answer.meaning = meaning_of_failure(profile, answer.status, errors);
  // A page made by something in between says nothing about a user (A10).
  if (html && is_statement(answer.meaning)) answer.meaning = Meaning::refused;
}

}  // namespace

std::string Answer::summary() const {
  std::string text_so_far = std::to_string(status);
  if (!code.empty()) text_so_far += " " + code;
  if (!text.empty()) text_so_far += " " + text;
  return text_so_far;
}

std::vector<ProviderError> find_errors(const json::value& tree, const ErrorNames& names) {
  std::vector<ProviderError> errors;
  collect_errors(tree, names, 0, errors);
  return errors;
}

bool text_matches(std::string_view pattern, std::string_view text) {
  const std::string wanted = key_of(pattern);
  const std::string given = key_of(text);
  std::size_t from = 0;
  for (std::size_t begin = 0; begin <= wanted.size();) {
    const std::size_t end = std::min(wanted.find('*', begin), wanted.size());
    const std::size_t found = given.find(wanted.substr(begin, end - begin), from);
    if (found == std::string::npos) return false;
    from = found + (end - begin);
    begin = end + 1;
  }
  return true;
}

Answer classify(const Profile& profile, const HttpResponse& response) {
  Answer answer;
  answer.status = response.status;
  const std::string* type = find_header(response.headers, "Content-Type");
  const std::string content_type = type ? *type : std::string{};
  const bool success = meaning_of_status(response.status) == Meaning::success;
  const bool blank = response.body.find_first_not_of(" \t\r\n") == std::string::npos;
  if (!blank) {
    auto tree = parse_tree(content_type, response.body);
    if (tree) {
      answer.tree = std::move(*tree);
    } else if (success) {
      answer.meaning = Meaning::unreadable;
      answer.text = tree.error().message;
      return answer;
    }
  }
  if (success) {
    classify_success(profile, answer);
  } else {
    classify_failure(profile, answer, response, looks_like_html(content_type, response.body));
  }
  return answer;
}

}  // namespace usersyncd
