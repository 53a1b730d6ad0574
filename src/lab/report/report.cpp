#include "lab/report/report.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace suffice::lab {
namespace {

// Colours are Okabe and Ito's eight, which colour-blind readers can tell apart; a little lighter on dark ground.
constexpr std::string_view kStyle = R"css(
:root{color-scheme:light dark;--ground:#fff;--ink:#1b1f24;--soft:#66707a;--line:#d5dae0;--row:#f5f7f9;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#b58900;--c5:#56b4e9;--c6:#7a5195;--c7:#555}
@media (prefers-color-scheme:dark){:root{--ground:#14171a;--ink:#e6e9ec;--soft:#9aa4ae;--line:#39414a;--row:#1c2025;
--c0:#4aa8e0;--c1:#f08a45;--c2:#35c79c;--c3:#e3a0c5;--c4:#e0b93a;--c5:#8fd0f5;--c6:#b290cf;--c7:#aab2ba}}
body{background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.6rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .7rem;text-align:left;border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}
td.n{text-align:right}tr:nth-child(even) td{background:var(--row)}
svg{max-width:100%;height:auto;margin:.6rem 0}svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg .soft{fill:var(--soft)}svg .grid{stroke:var(--line)}
)css";

bool looks_numeric(std::string_view cell) {
  if (cell.empty() || cell.find_first_of("0123456789") == std::string_view::npos) return false;
  return cell.find_first_not_of("0123456789.,+-%$ []()/") == std::string_view::npos;
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

Report::Report(std::string title) : title_(std::move(title)) {}

void Report::heading(std::string_view text) { body_ += fmt::format("<h2>{}</h2>\n", html_escaped(text)); }

void Report::paragraph(std::string_view text) { body_ += fmt::format("<p>{}</p>\n", html_escaped(text)); }

void Report::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  body_ += "<div class=\"wide\"><table><thead><tr>";
  for (const std::string& cell : header) body_ += fmt::format("<th>{}</th>", html_escaped(cell));
  body_ += "</tr></thead><tbody>\n";
  for (const std::vector<std::string>& row : rows) {
    body_ += "<tr>";
    for (const std::string& cell : row) {
      body_ += fmt::format("<td{}>{}</td>", looks_numeric(cell) ? " class=\"n\"" : "", html_escaped(cell));
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

void Report::plot(const Plot& plot) { body_ += svg_of(plot) + "\n"; }

std::string Report::html() const {
  const std::string title = html_escaped(title_);
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title>\n<style>{}</style></head>\n"
      "<body><h1>{}</h1>\n{}</body></html>\n",
      title, kStyle, title, body_);
}

}  // namespace suffice::lab
