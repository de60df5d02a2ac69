// A training run as an operation, so that plan, gate and goldens hold for it too.
//
// Case: word "builtin" or "fashion" (the data), "tensorflow" (the stream keras-tensorflow, else
// keras-jax), bfloat16 or float16 (what is stored between operations, else float32), of float16 the
// scaling of the loss: scale (an exponent), word "dynamic", interval (model/precision.h), b
// (batch), and steps or epochs: "builtin_steps30b64_seed812".
//
//   train_cnn_v1, train_keras_page_v1
//                 inputs: the images and labels of the training and the test set, as bytes
//                 outputs: steps[n,36]: per step the bits of its loss (little-endian) and the
//                          SHA-256 of the weights after it
//                          history[e,4]: per whole epoch loss, accuracy, val_loss, val_accuracy
//
// The recipes that make their data from the seed name none: "steps40b64_seed812".
//
//   train_mlp_sequence_v1, train_embedding_v1, train_rnn_v1
//                 inputs: x and targets of the training set, then of the test set if there is one
//                 outputs: as above, of the history only what the recipe has
//   predict_mlp_binary_v1  inputs: x, targets; output: y[1,1], the sigmoid of the network's output
#pragma once

#include <filesystem>
#include <string>

#include "kernels/core/op.h"
#include "model/trainer.h"

namespace samebits {

extern const Op kTrainCnn;
extern const Op kTrainKerasPage;
extern const Op kTrainMlpSequence;
extern const Op kTrainEmbedding;
extern const Op kTrainRnn;
extern const Op kPredictMlpBinary;

// What the recipe makes with these seeds.
TrainingData MadeData(const Recipe& recipe, const GlobalSeeds& seeds);

// What a case trains on, and how. Throw UserError where it does not say, UnavailableError where the
// data are not installed.
const Dataset& TrainDataOf(const Case& c);
TrainSettings TrainSettingsOf(const Case& c);

// The operation that trains the recipe, or predicts where that is all there is.
const Op& TrainOp(const Recipe& recipe);

// The case id of a run of the recipe on named data ("builtin", "fashion", "made").
std::string TrainCaseId(std::string_view data, const TrainSettings& settings);

// What the recipe's network, as built, says of the first sample that it makes: a probability.
float Predict(const Recipe& recipe, const TrainSettings& settings, const KernelSet& kernels,
              Team& team);

// The outputs of the operation for a finished run.
std::vector<std::uint8_t> StepsOutput(const std::vector<StepRecord>& steps);
std::vector<float> HistoryOutput(const History& history);

// Fashion-MNIST's first 2,048 training and 512 test images, part of the source.
std::filesystem::path BuiltinDataDirectory();
// The whole set: of the installation (share/samebits/fashion-mnist), or else where Debian's package
// dataset-fashion-mnist has it.
std::filesystem::path InstalledFashionMnistDirectory();

}  // namespace samebits
