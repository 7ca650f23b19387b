#pragma once

#include <optional>
#include <string>
#include <vector>

namespace usersyncd {

/// The plan that `apply --plan` is to carry out, as `plan --out` wrote it.
struct PlanFile {
  struct Account {
    std::string id;
    bool planned = false;
    std::vector<std::string> reasons;  ///< why it was not planned
  };
  std::string id;
  std::vector<Account> accounts;  ///< never empty

  /// Null: the plan has nothing of that account.
  const Account* find(const std::string& account) const;
};

/// Empty, with the reason on stderr: it cannot be read, is no plan, or was edited after it was made.
std::optional<PlanFile> read_plan_file(const std::string& path);

}  // namespace usersyncd
