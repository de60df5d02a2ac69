// The recipe keras-page: what Keras' published page on reproducibility shows beside the training of
// its CNN (keras.io, "Reproducibility in Keras Models").
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "model/trainer.h"
#include "tools/samebits/train_options.h"

namespace samebits {

inline constexpr std::string_view kKerasPage = "keras-page";

// The part before the training: every initializer twice, and objects with and without seeds.
struct PageStart {
  struct Row {
    std::string_view initializer;
    float first, again;
  };
  std::vector<Row> initializers;
  bool seeded_same, unseeded_same;  // two GlorotNormal objects each

  // As the page has it: all is the same but what has no seed.
  bool Holds() const;
};

PageStart WalkPageStart(const TrainSettings& settings);
nlohmann::ordered_json JsonOf(const PageStart& start);
void Print(const PageStart& start);

// The history and the time of a step, and with MNIST as data the page's own figures beside them.
void PrintPageEnd(const History& history, double ms_per_step, const NamedData& data);

// Whether an earlier start left its history there.
bool HasSavedHistory(const std::filesystem::path& directory);

// Compares key by key, says so in `line`; true when all is the same.
bool EqualsSavedHistory(const History& history, const std::filesystem::path& directory,
                        std::string& line);

}  // namespace samebits
