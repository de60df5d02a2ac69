// Ranks as threads: messages arrive as they were sent, and none waits for ever.
#include "collectives/local.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectives/collectives.h"

namespace samebits {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

TEST(LocalTest, MessagesOfOnePairKeepTheirOrder) {
  RunLocalRanks(2, [](Transport& transport) {
    for (int round = 0; round < 200; ++round) {
      int out[3] = {round, round + 1, round + 2}, in[3] = {};
      const int other = 1 - transport.rank();
      std::vector<Send> sends;
      std::vector<Receive> receives;
      for (int i = 0; i < 3; ++i) {
        sends.push_back({other, &out[i], sizeof(int)});
        receives.push_back({other, &in[i], sizeof(int)});
      }
      const auto first = transport.Start(sends, {});
      const auto second = transport.Start({}, receives);
      second->Wait();
      first->Wait();
      for (int i = 0; i < 3; ++i) ASSERT_EQ(in[i], out[i]);
    }
  });
}

TEST(LocalTest, BytesOfAnyLength) {
  RunLocalRanks(5, [](Transport& transport) {
    const auto own = static_cast<std::size_t>(transport.rank());
    const auto all =
        AllGatherBytes(transport, std::vector<std::byte>(3 * own, static_cast<std::byte>(own)));
    for (std::size_t rank = 0; rank < 5; ++rank) {
      EXPECT_EQ(all[rank], std::vector<std::byte>(3 * rank, static_cast<std::byte>(rank)));
    }
  });
}

template <class Error>
Error ErrorOf(int ranks, const std::function<void(Transport&)>& body) {
  try {
    RunLocalRanks(ranks, body, milliseconds(200));
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("nothing was thrown");
}

TEST(LocalTest, ARankThatNeverComesIsNamed) {
  const auto lost = ErrorOf<RankLost>(3, [](Transport& transport) {
    if (transport.rank() != 2) AllGatherBytes(transport, {});
  });
  EXPECT_EQ(lost.rank(), 2);
  EXPECT_THAT(lost.what(), HasSubstr("rank 2 has not answered for 0 s"));
}

TEST(LocalTest, TheFirstFailureReachesTheCaller) {
  const auto error = ErrorOf<std::out_of_range>(4, [](Transport& transport) {
    if (transport.rank() == 3) throw std::out_of_range("broken");
    std::vector<float> sum(100000);
    Collectives collectives(transport, LeavesInOrder(4, 8));
    collectives.AllReduce(std::vector<const float*>{sum.data()}, 100000, sum.data());
  });
  EXPECT_STREQ(error.what(), "broken");
}

}  // namespace
}  // namespace samebits
