#include "policy/policy_store.hpp"

#include <sys/stat.h>
#include <utility>

#include <fmt/format.h>

#include "core/hash.hpp"
#include "policy/read_file.hpp"
#include "policy/yaml_document.hpp"

namespace suffice::policy {

namespace {

/// What changes when a file is written or replaced; empty when there is none.
std::string stamp_of(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return {};
  return fmt::format("{}.{} {}.{} {} {}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec, status.st_ino, status.st_size);
}

}  // namespace

PolicyStore::PolicyStore(std::filesystem::path file, Environment environment)
    : file_(std::move(file)), environment_(std::move(environment)) {}

Result<std::unique_ptr<PolicyStore>> PolicyStore::open(std::filesystem::path file, Environment environment) {
  std::unique_ptr<PolicyStore> store(new PolicyStore(std::move(file), std::move(environment)));
  SUFFICE_TRY_VOID(store->reload());
  return store;
}

std::shared_ptr<const Policy> PolicyStore::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::vector<Problem> PolicyStore::warnings() const {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

Result<std::string> PolicyStore::reload() {
  const std::lock_guard one_at_a_time(reload_mutex_);
  std::string stamp = stamp_of(file_);  // before the read: a write in between shows as another change
  const Result<std::string> yaml = read_file(file_, YamlLimits().bytes_max);
  Loaded loaded;
  if (yaml) {
    loaded = load_policy_text(*yaml, file_, environment_);
  } else {
    loaded.problems.push_back({file_.string(), 0, 0, "", yaml.error().message});
  }

  const std::lock_guard lock(mutex_);
  seen_stamp_ = std::move(stamp);
  seen_digest_ = yaml ? sha256_hex(*yaml) : std::string();
  if (!loaded.policy) return fail(ErrorCode::PolicyInvalid, to_lines(loaded.problems));
  current_ = std::move(loaded.policy);
  warnings_ = std::move(loaded.warnings);
  return current_->version;
}

bool PolicyStore::changed_on_disk() const {
  const std::string stamp = stamp_of(file_);
  {
    const std::lock_guard lock(mutex_);
    if (stamp.empty() || stamp == seen_stamp_) return false;
  }
  const Result<std::string> yaml = read_file(file_, YamlLimits().bytes_max);
  if (!yaml) return yaml.error().code == ErrorCode::PayloadTooLarge;
  const std::string digest = sha256_hex(*yaml);
  const std::lock_guard lock(mutex_);
  if (digest != seen_digest_) return true;
  seen_stamp_ = stamp;
  return false;
}

}  // namespace suffice::policy
