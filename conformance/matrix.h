// The table operation x kernel: how many cells of each axis have the golden's bits.
#pragma once

#include <functional>
#include <istream>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "conformance/plan.h"

namespace samebits {

class Matrix {
 public:
  // Counts what Outcome's JSON says of one cell. Throws UserError when it is not of that form.
  void Add(const nlohmann::json& outcome);

  bool empty() const { return rows_.empty(); }
  // Whether a cell failed.
  bool Failed() const;

  // A line per operation and kernel, then the legend: nothing is left out without a reason.
  std::string Text() const;
  nlohmann::json Json() const;  // rows in the order of the registry

 private:
  struct Entry {
    int match = 0, failed = 0, drifted = 0;
    int moved = 0;                           // of those that drifted, from their own plain run
    std::map<std::string, int> unavailable;  // cells by reason

    int Cells() const;
  };

  std::map<const Kernel*, std::map<const Axis*, Entry>> rows_;
};

// Every line of a file that the gate wrote with --jsonl, of cells like the filter. Throws UserError
// naming the line that is no outcome.
Matrix ReadMatrix(std::istream& lines, const std::string& name, const std::string& filter);

// Runs the plan's quick part, of cells like the filter. `progress` gets a line now and then.
Matrix RunQuickPart(const std::string& filter,
                    const std::function<void(const std::string&)>& progress);

}  // namespace samebits
