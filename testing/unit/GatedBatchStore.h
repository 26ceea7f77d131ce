#pragma once

#include "Leasehold/Store/BatchedLockStore.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace Leasehold
{

/// A store whose requests hang until the test answers them or their leader's deadline passes. The name of a lock sets the outcome of its
/// steps: "bad" and "busy" fail, "not held" is not released, "forgotten" and "mistaken" get no or a wrong outcome, "crash" makes the
/// request throw, "early..." is delivered early, "lane1/..." is in lane 1.
class GatedBatchStore final : public BatchedLockStore
{
public:
    using Names = std::vector<std::string>;
    static constexpr std::size_t bytesPerStep = 10;

    explicit GatedBatchStore(const BatchLimits& limits) : BatchedLockStore("gated store", limits) {}

    StoreInfo info() const override { return {.type = "gated"}; }
    void prepare(const CallContext&) override {}
    std::optional<LockRecord> find(const std::string&, const CallContext&) override { return std::nullopt; }
    std::vector<LockRecord> list(const ListQuery&, const CallContext&) override { return {}; }
    bool breakLock(const std::string&, Fence, BreakMode, const CallContext&) override { return false; }
    std::size_t prune(Milliseconds, const CallContext&) override { return 0; }

    std::size_t waiting() { return queue().waiting(); }
    void takeTurn(const CallContext& context, const std::function<void()>& work) { queue().takeTurn(context, work); }

    struct Failure
    {
        bool permanent = false;
        bool refused = false;
    };

    /// Returns when so many requests have come.
    void awaitRequests(std::size_t count);
    void answer(std::size_t index);
    /// Runs `work` in the request's thread before it is answered.
    void answerAfter(std::size_t index, std::function<void()> work);
    void fail(std::size_t index, const Failure& failure = {false, false});
    /// From now on every request is answered at once.
    void answerAll();
    /// From now on a failed request reports that nothing was sent.
    void sendNothing();
    /// From now on each step is marked as sent again.
    void repeatEach();
    /// From now on steps named "early..." are delivered before the request is answered.
    void deliverEarly();
    /// From now on requests wait before they take their steps.
    void holdBeforeSteps();
    void awaitHeld(std::size_t count);
    void letTakeSteps();

    /// The names of the request's steps.
    Names request(std::size_t index);
    Names sentAgain(std::size_t index);
    Milliseconds timeLeftOf(std::size_t index);
    std::size_t count();
    std::size_t maxUnderWay();
    std::size_t stepsCarriedOut();

protected:
    void carryOut(Batch& batch) override;
    std::string encode(const BatchStep&) const override { return std::string(bytesPerStep, 'x'); }
    int lane(const BatchStep& step) const override { return step.name().starts_with("lane1/") ? 1 : 0; }

private:
    struct Request
    {
        Names names{}, again{};
        Milliseconds timeLeft{};
        bool answered = false;
        std::function<void()> before{};
        std::optional<Failure> failure{};
    };

    bool await(std::unique_lock<std::mutex>& lock, const CallContext& context, const std::function<bool()>& condition);
    void awaitCondition(const char* what, const std::function<bool()>& condition);
    static void judge(BatchStep& step);

    std::mutex _mutex;
    std::condition_variable_any _changed;
    std::vector<Request> _requests{};
    std::size_t _underWay = 0, _mostUnderWay = 0, _held = 0, _steps = 0;
    bool _answerAll = false, _notSent = false, _repeat = false, _early = false, _hold = false;
};

} // namespace Leasehold
