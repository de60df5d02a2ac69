#include "collectives/hierarchy.h"

#include <algorithm>
#include <stdexcept>

namespace samebits {
namespace {

// Some ranks of another transport: `first`, `first` + `stride`, ...
class Some : public Transport {
 public:
  Some(Transport& all, int first, int stride, int size)
      : all_(all), first_(first), stride_(stride), size_(size) {}

  int rank() const override { return (all_.rank() - first_) / stride_; }
  int size() const override { return size_; }
  Place* place() override { return all_.place(); }
  std::unique_ptr<Pending> Start(std::span<const Send> sends,
                                 std::span<const Receive> receives) override {
    std::vector<Send> to(sends.begin(), sends.end());
    std::vector<Receive> from(receives.begin(), receives.end());
    for (Send& send : to) send.to = first_ + stride_ * send.to;
    for (Receive& receive : from) receive.from = first_ + stride_ * receive.from;
    return all_.Start(to, from);
  }

 private:
  Transport& all_;
  const int first_, stride_, size_;
};

}  // namespace

Hierarchy::Hierarchy(Transport& transport, const LeafMap& map, int ranks_of_a_node,
                     const CollectiveOptions& options) {
  const int nodes = transport.size() / ranks_of_a_node;
  if (nodes * ranks_of_a_node != transport.size()) {
    throw std::logic_error("ranks that do not fill their nodes");
  }
  const int node = transport.rank() / ranks_of_a_node, index = transport.rank() % ranks_of_a_node;
  LeafMap of_nodes(static_cast<std::size_t>(nodes)), of_node;
  for (int rank = 0; rank < transport.size(); ++rank) {
    const std::vector<std::int64_t>& leaves = map[static_cast<std::size_t>(rank)];
    auto& all = of_nodes[static_cast<std::size_t>(rank / ranks_of_a_node)];
    all.insert(all.end(), leaves.begin(), leaves.end());
    if (rank / ranks_of_a_node == node) of_node.push_back(leaves);
  }
  for (std::vector<std::int64_t>& leaves : of_nodes) std::ranges::sort(leaves);
  node_ = std::make_unique<Some>(transport, node * ranks_of_a_node, 1, ranks_of_a_node);
  peers_ = std::make_unique<Some>(transport, index, ranks_of_a_node, nodes);
  within_.emplace(*node_, of_node, options);
  between_.emplace(*peers_, of_nodes, options);
}

void Hierarchy::AllReduce(std::span<const float* const> parts, std::int64_t n, float* sum) {
  sums_.resize(within_->sums().size() - 1);
  std::vector<float*> sums = {sum};
  for (std::vector<float>& other : sums_) {
    other.resize(static_cast<std::size_t>(n));
    sums.push_back(other.data());
  }
  within_->ReduceScatter(parts, n, sums);
  const std::int64_t begin = within_->BlockBegin(within_->rank(), n);
  const std::int64_t block = within_->BlockBegin(within_->rank() + 1, n) - begin;
  std::vector<const float*> blocks;
  for (const float* const all : sums) blocks.push_back(all + begin);
  between_->AllReduce(blocks, block, sum + begin);
  within_->AllGather(n, sum);
}

}  // namespace samebits
