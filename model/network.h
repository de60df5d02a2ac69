// A recipe's network: weights, one training step, inference. Every bit comes from kernels of
// operations; between them only memory is handed on.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/team.h"
#include "kernels/cuda/session.h"
#include "model/data/npy.h"
#include "model/data/samples.h"
#include "model/division.h"
#include "model/gradient_sums.h"
#include "model/kernel_set.h"
#include "model/layers.h"
#include "model/precision.h"
#include "model/recipe.h"
#include "model/streams/seeds.h"
#include "model/streams/stream.h"

namespace samebits {

struct BatchResult {
  float loss;         // mean over the batch
  std::int64_t hits;  // samples that Objective calls a hit
};

class Network {
 public:
  // Weights as Keras makes them: behind what the recipe draws before, each layer draws its seed
  // from `sources` in the order of the layers, kernels Glorot uniform, recurrent ones orthogonal,
  // tables uniform in [-0.05, 0.05), biases 0; weights and dropout masks from `stream`. Of a batch
  // this network has what `division` says. `most` is the largest batch. The scaling is that of
  // gradients in binary16.
  Network(const Recipe& recipe, const Stream& stream, RandomSources& sources,
          const Division& division, int most, const KernelSet& kernels, Team& team,
          Precision precision = Precision::kFloat32, const LossScaling& scaling = {},
          const RankSettings& ranks = {});

  // Forward, loss, backward, one step of Adam, unless the loss scaling skips it. The rows of each
  // turn come from the stream. Images are NHWC.
  BatchResult TrainStep(int batch, RowStream& rows);

  // Forward without dropout, and the loss.
  BatchResult Evaluate(int batch, RowStream& rows);

  // Forward without dropout: the outputs of the last layer, [size, outputs].
  std::vector<float> Predict(const Rows& rows);

  const NetworkState& state() const;
  // Goes on from there. Throws UserError when it is that of another network.
  void Restore(NetworkState state);

  // SHA-256 over all weights in layer order, each row-major, little-endian.
  std::string WeightsDigest() const;

  // SHA-256 of each tensor, in the order of Weights().
  std::vector<std::string> WeightDigests() const;
  std::vector<std::string> GradientDigests() const;  // of the last step, summed over all ranks
  // Of the sums that this rank put into those, where they were asked for before the step.
  void DigestNextShare() { sums_->DigestNextShare(); }
  const std::vector<std::string>& ShareDigests() const { return sums_->ShareDigests(); }
  // The same without a step, and without other ranks.
  std::vector<std::string> DigestsOfShare(int batch, RowStream& rows);

  // Flips a bit of this rank's gradient of a tensor in the next step: a fault, to test what finds
  // it.
  void FlipGradientBit(int tensor) { sums_->FlipBit(tensor); }

  // How many passes, or parts of them, were launched as a graph of a device.
  std::int64_t graphs_launched() const {
    return session_ == nullptr ? 0 : session_->graphs_launched();
  }

  // w0, w1, ...: kernel, recurrent kernel and bias of each layer that has them.
  std::vector<NamedArray> Weights() const;

 private:
  // What a pass over a batch is for: its loss; the gradients, too; and a step with them.
  enum class Aim : std::uint8_t { kLoss, kGradients, kStep };
  // Of a batch, turn by turn: forward and loss, and if it trains, backward.
  BatchResult Pass(int batch, RowStream& rows, Aim aim);
  // The same of a turn, part by part, by all workers. The hits, unless they are on a device.
  std::int64_t RunShare(int batch, const Rows& rows, const Share& share, Aim aim);
  void Update();
  // The loss and hits of the batch, from those of all subtrees.
  BatchResult Meet(int batch, std::int64_t hits);
  std::vector<std::string> DigestsOf(const std::vector<float>& values) const;

  // Layers at work on a part of a batch of their own, with some of the threads.
  struct Worker {
    std::unique_ptr<Team> team;  // null: the network's
    std::unique_ptr<Layers> layers;
  };
  // Of a batch of so many samples at most.
  std::int64_t LeavesOfPart(int most) const;
  Layers& TakeWorker();
  void GiveBack(Layers& layers);
  // Some of the rows of a batch.
  Rows Part(const Rows& rows, std::int64_t first, std::int64_t samples) const;

  // Where kernels run on a device: what they read and write stays there.
  void OpenSession();
  // Where there is a device, it gets the rows while it is at work. Null: none.
  void Prefetch(const Rows* rows);
  // Before the host reads what kernels wrote, and behind what it writes itself.
  template <class T>
  void Fetch(const std::vector<T>& values) const {
    if (session_ != nullptr && !values.empty()) session_->Read(values.data());
  }
  template <class T>
  void Put(const std::vector<T>& values) const {
    if (session_ != nullptr) session_->Wrote(values.data());
  }
  // The weights as the layers are to see them.
  void SeeWeights();
  // Rounds values as they are stored.
  void Store(const float* from, float* to, std::size_t count, int down = 0) {
    runner_.Store(plan_.precision, from, to, static_cast<std::int64_t>(count), stored_, 0, down);
  }

  const KernelSet& kernels_;
  Team& team_;
  Runner runner_;
  const Division division_;
  const LossScaling scaling_;
  NetworkPlan plan_;
  NetworkState state_;
  std::optional<GradientSums> sums_;   // made with the layers
  std::optional<DropoutMasks> masks_;  // like
  Case adam_;
  // Below binary32: the weights as they are stored, and room for storing.
  std::vector<float> seen_;
  std::vector<std::uint16_t> stored_;
  std::vector<float> losses_;               // of the subtrees so far
  std::unique_ptr<DeviceSession> session_;  // null where there is none

  std::vector<Worker> workers_;
  std::mutex free_mutex_;
  std::vector<Layers*> free_;  // of the workers
};

}  // namespace samebits
