// The report: one page that needs nothing beside it, and its tables and plots as files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "benchmarks/price.h"
#include "tools/samebits/plot.h"
#include "tools/samebits/report_evidence.h"
#include "tools/samebits/run_files.h"

namespace samebits {

struct ReportData {
  PriceList prices;
  nlohmann::json matrix;  // Matrix::Json
  RunCourse course;
  nlohmann::ordered_json environment;
  nlohmann::ordered_json repeat;       // what samebits repeat --json printed; null: nothing
  nlohmann::ordered_json all_reduces;  // records of samebits all-reduce --json; null: none
  std::vector<Evidence> evidence;      // of GPUs
  // The commands that give the same figures again.
  std::string price_command, matrix_command, train_command;
};

std::vector<Plot> PlotsOf(const ReportData& data);

// `drawn` in the order of PlotsOf.
std::string PageOf(const ReportData& data, const std::vector<Plot>& plots,
                   const std::vector<DrawnPlot>& drawn);

// CSV by file name.
std::map<std::string, std::string> TablesOf(const ReportData& data);

}  // namespace samebits
