// suffice cluster: which kinds of requests there are.

#include "learned/cluster.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit/redaction.hpp"
#include "cli/fit_commands.hpp"
#include "lab/evaluation/outcomes.hpp"
#include "learned/labelled_rows.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kPreviewCodePoints = 120;

struct ClusterFlags {
  std::string file;
  std::string text = "text";
  std::string against;
  std::string out;
  learned::ClusterOptions options;
  bool json = false;
};

/// The column or member `text` of every row.
Result<std::vector<std::string>> read_texts(const ClusterFlags& flags) {
  SUFFICE_TRY(const std::string packed, read_input(flags.file));
  SUFFICE_TRY(const std::string content, lab::unpacked(packed));
  const bool csv = flags.file.ends_with(".csv") || flags.file.ends_with(".csv.gz");
  // The text is its own label: only one column is asked for.
  Result<std::vector<learned::LabelledText>> rows = learned::read_labelled_rows(
      content, csv ? learned::RowFormat::Csv : learned::RowFormat::JsonLines, flags.text, flags.text);
  if (!rows) {
    Error error = std::move(rows).error();
    error.where = flags.file + (error.where.empty() ? "" : ": " + error.where);
    return fail(std::move(error));
  }
  std::vector<std::string> texts;
  for (learned::LabelledText& row : *rows) texts.push_back(std::move(row.text));
  return texts;
}

std::unexpected<Error> no_clusters(const std::string& file) {
  return fail(ErrorCode::MalformedJson, "is not what `suffice cluster --out` wrote", file);
}

Result<std::vector<learned::NamedTerms>> read_names(const std::string& file) {
  SUFFICE_TRY(const std::string content, read_input(file));
  boost::system::error_code broken;
  const json::value value = json::parse(content, broken);
  const json::value* clusters = broken || !value.is_object() ? nullptr : value.get_object().if_contains("clusters");
  if (clusters == nullptr || !clusters->is_array()) return no_clusters(file);
  std::vector<learned::NamedTerms> names;
  for (const json::value& one : clusters->get_array()) {
    const json::value* id = one.is_object() ? one.get_object().if_contains("id") : nullptr;
    const json::value* terms = one.is_object() ? one.get_object().if_contains("terms") : nullptr;
    if (id == nullptr || !id->is_string() || terms == nullptr || !terms->is_array()) return no_clusters(file);
    learned::NamedTerms named{.id = std::string(id->get_string()), .terms = {}};
    for (const json::value& term : terms->get_array()) {
      if (!term.is_string()) return no_clusters(file);
      named.terms.emplace_back(term.get_string());
    }
    names.push_back(std::move(named));
  }
  return names;
}

std::string to_json(const ClusterFlags& flags, const learned::Clustering& found,
                    const std::vector<std::string>& texts) {
  json::array clusters;
  for (const learned::Cluster& one : found.clusters) {
    json::array terms;
    for (const std::string& term : one.terms) terms.emplace_back(term);
    json::array rows;
    for (const std::size_t row : one.rows) rows.emplace_back(row);
    clusters.push_back(json::object{{"id", one.id},
                                    {"size", one.rows.size()},
                                    {"terms", std::move(terms)},
                                    {"example", audit::redacted_preview(texts[one.medoid], kPreviewCodePoints)},
                                    {"example_row", one.medoid},
                                    {"cohesion", one.cohesion},
                                    {"silhouette", one.silhouette},
                                    {"rows", std::move(rows)}});
  }
  json::array tried;
  for (std::size_t i = 0; i < found.silhouette_of_k.size(); ++i)
    tried.push_back(json::object{{"k", flags.options.clusters_min + i}, {"silhouette", found.silhouette_of_k[i]}});
  return json::serialize(json::object{{"texts", texts.size()},
                                      {"seed", flags.options.seed},
                                      {"silhouette", found.silhouette},
                                      {"unplaced", found.unplaced.size()},
                                      {"tried", std::move(tried)},
                                      {"clusters", std::move(clusters)}});
}

void show(const learned::Clustering& found, const std::vector<std::string>& texts) {
  fmt::print("{} texts, {} kinds, silhouette {:.3f}; {} share no word with another\n", texts.size(),
             found.clusters.size(), found.silhouette, found.unplaced.size());
  for (const learned::Cluster& one : found.clusters) {
    fmt::print("\n{}  {} texts, {:.1f} %, silhouette {:.3f}\n", one.id, one.rows.size(),
               100 * static_cast<double>(one.rows.size()) / static_cast<double>(texts.size()), one.silhouette);
    fmt::print("  terms    {}\n", fmt::join(one.terms, ", "));
    fmt::print("  example  {}\n", audit::redacted_preview(texts[one.medoid], kPreviewCodePoints));
  }
}

Result<void> cluster_and_show(ClusterFlags& flags) {
  SUFFICE_TRY(const std::vector<std::string> texts, read_texts(flags));
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && !flags.json;
  flags.options.progress = [terminal](std::size_t done, std::size_t of) {
    if (terminal) fmt::print(stderr, "\r\x1b[K{} of {} numbers of clusters tried", done, of);
    return !InterruptGuard::interrupted();
  };
  Result<learned::Clustering> found = [&] {
    const InterruptGuard guard;
    return learned::cluster(texts, flags.options);
  }();
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  if (!found) return fail(std::move(found).error());
  if (!flags.against.empty()) {
    SUFFICE_TRY(const std::vector<learned::NamedTerms> names, read_names(flags.against));
    learned::keep_ids(*found, names);
  }
  const std::string line = to_json(flags, *found, texts);
  if (!flags.out.empty()) SUFFICE_TRY_VOID(write_whole_file(flags.out, line + "\n"));
  if (flags.json) {
    fmt::print("{}\n", line);
  } else {
    show(*found, texts);
  }
  return {};
}

}  // namespace

void add_cluster(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<ClusterFlags>();
  learned::ClusterOptions& options = flags->options;
  CLI::App* command = program.add_subcommand(
      "cluster",
      "Find the kinds of requests there are: what deserves a task, a prompt or a specialist of its own.\n\n"
      "K-means over TF-IDF of words; the number of clusters is the one of best silhouette. Examples are shown with secrets and\n"
      "personal data masked. With --against, clusters keep the ids they had.\n\n"
      "  suffice cluster requests.jsonl --out kinds.json\n"
      "  suffice cluster next_week.jsonl --against kinds.json\n\n"
      "Exit 0 when clusters were found, 2 for data or options that cannot be used.");
  command->add_option("file", flags->file, "Texts, CSV or JSON Lines, may be packed by gzip; - for standard input")
      ->required();
  command->add_option("--text", flags->text, "Column or member with the text")->capture_default_str();
  command->add_option("--min", options.clusters_min, "Fewest clusters to try")
      ->check(CLI::Range(2, 200))
      ->capture_default_str();
  command->add_option("--max", options.clusters_max, "Most clusters to try")
      ->check(CLI::Range(2, 200))
      ->capture_default_str();
  command->add_option("--seed", options.seed, "Of the first centres")->capture_default_str();
  command->add_option("--against", flags->against, "Keep the ids of what --out wrote before");
  command->add_option("--out", flags->out, "Write the clusters and their rows as JSON");
  command->add_flag("--json", flags->json, "One JSON object, no progress");
  command->callback([flags, &chosen] {
    chosen.run = [flags] {
      const Result<void> done = cluster_and_show(*flags);
      return done ? Exit::Ok : report(done.error());
    };
  });
}

}  // namespace suffice::cli
