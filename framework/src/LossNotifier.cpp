#include "LossNotifier.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <utility>

namespace Leasehold
{
namespace
{

/// Batches of news that wait for a blocked observer. Losses are never dropped; beyond this, other news is, and that is said.
constexpr std::size_t mostNews = 10'000;

/// What the observers are told of a renewal.
struct News
{
    LossNotifier::Leases leases;
    LockObserver::Elapsed took{};
    std::string failure{}; // empty: renewed
};

} // namespace

struct LossNotifier::State
{
    State(std::shared_ptr<const Clock> theClock, std::shared_ptr<const ObserverList> theObservers) :
        clock(std::move(theClock)), observers(std::move(theObservers)), waiter(clock->makeWaiter())
    {
    }

    const std::shared_ptr<const Clock> clock;
    const std::shared_ptr<const ObserverList> observers;

    std::mutex mutex;
    std::shared_ptr<Clock::Waiter> waiter; // of the thread on duty
    std::condition_variable ended;
    std::deque<std::shared_ptr<Lease>> tokens; // to fire
    std::deque<std::shared_ptr<Lease>> losses; // fired; the observers are to be told
    std::deque<News> news;
    std::uint64_t droppedNews = 0;
    LocalTime progressAt{}; // when a token or loss was last taken, or began to wait
    std::uint64_t duty = 0; // a thread with another number has been relieved
    std::size_t threads = 0;
    bool stopping = false;

    bool lossesWait() const { return !tokens.empty() || !losses.empty(); }

    void run(std::uint64_t number);
    bool serveOne(std::unique_lock<std::mutex>& guard, std::uint64_t number);
    template <typename Callback>
    bool call(std::unique_lock<std::mutex>& guard, std::uint64_t number, const char* what, const Lease& lease, Callback callback);
    void tellNews(const News& item) const;
};

/// Runs user code without the mutex. False: meanwhile another thread took over, and this one must end.
template <typename Callback>
bool LossNotifier::State::call(std::unique_lock<std::mutex>& guard, std::uint64_t number, const char* what, const Lease& lease,
                               Callback callback)
{
    const auto began = clock->now();
    progressAt = began;
    guard.unlock();
    callback();
    const auto took = clock->now() - began;
    if (took > patience)
        observers->tell(&LockObserver::callbackMisbehaved, std::string(what) + " of lock \"" + lease.ref().name + "\" took " +
                                                               formatDuration(std::chrono::ceil<Milliseconds>(took)) +
                                                               "; the loss of other locks waited for it");
    guard.lock();
    return number == duty;
}

void LossNotifier::State::tellNews(const News& item) const
{
    for (const auto& lease : item.leases)
    {
        if (item.failure.empty())
            observers->tell(&LockObserver::renewed, lease->ref().name, lease->ref().fence, item.took);
        else
        {
            const auto left = std::chrono::floor<Milliseconds>(lease->validUntil() - clock->now());
            observers->tell(&LockObserver::renewalFailed, lease->ref().name, lease->ref().fence, item.failure,
                            std::max(left, Milliseconds{0}));
        }
    }
}

/// Does the most urgent thing. False: nothing to do, or relieved.
bool LossNotifier::State::serveOne(std::unique_lock<std::mutex>& guard, std::uint64_t number)
{
    if (!tokens.empty())
    {
        const auto lease = std::move(tokens.front());
        tokens.pop_front();
        losses.push_back(lease);
        return call(guard, number, "a stop callback on the loss token", *lease, [&] { lease->loss().request_stop(); });
    }
    if (!losses.empty())
    {
        const auto lease = std::move(losses.front());
        losses.pop_front();
        return call(guard, number, "an observer of the loss", *lease,
                    [&] { observers->tell(&LockObserver::lost, lease->ref().name, lease->ref().fence, lease->lossReason()); });
    }
    if (!news.empty())
    {
        const auto item = std::move(news.front());
        news.pop_front();
        const auto dropped = std::exchange(droppedNews, 0);
        return call(guard, number, "an observer of renewals", *item.leases.front(),
                    [&]
                    {
                        tellNews(item);
                        if (dropped > 0)
                            observers->tell(&LockObserver::callbackMisbehaved, "an observer is too slow: the news of " +
                                                                                   std::to_string(dropped) +
                                                                                   " batches of renewals was dropped");
                    });
    }
    return false;
}

void LossNotifier::State::run(std::uint64_t number)
{
    std::unique_lock guard(mutex);
    while (number == duty)
    {
        if (serveOne(guard, number) || number != duty)
            continue;
        if (stopping)
            break;
        const auto own = waiter;
        guard.unlock();
        own->waitUntil(LocalTime::max());
        guard.lock();
    }
    --threads;
    ended.notify_all();
}

LossNotifier::LossNotifier(std::shared_ptr<const Clock> clock, std::shared_ptr<const ObserverList> observers) :
    _state(std::make_shared<State>(std::move(clock), std::move(observers)))
{
}

LossNotifier::~LossNotifier()
{
    stop(Milliseconds{0});
}

void LossNotifier::start()
{
    const std::lock_guard guard(_state->mutex);
    const auto number = ++_state->duty;
    _thread = std::thread([state = _state, number] { state->run(number); });
    ++_state->threads;
}

void LossNotifier::lost(Leases leases)
{
    const std::lock_guard guard(_state->mutex);
    if (!_state->lossesWait())
        _state->progressAt = _state->clock->now();
    std::move(leases.begin(), leases.end(), std::back_inserter(_state->tokens));
    _state->waiter->wake();
}

void LossNotifier::renewed(Leases leases, LockObserver::Elapsed took)
{
    const std::lock_guard guard(_state->mutex);
    if (leases.empty())
        return;
    if (_state->news.size() < mostNews)
        _state->news.push_back({std::move(leases), took, {}});
    else
        ++_state->droppedNews;
    _state->waiter->wake();
}

void LossNotifier::renewalFailed(Leases leases, std::string why)
{
    const std::lock_guard guard(_state->mutex);
    if (leases.empty())
        return;
    if (_state->news.size() < mostNews)
        _state->news.push_back({std::move(leases), {}, why.empty() ? std::string("no reason was given") : std::move(why)});
    else
        ++_state->droppedNews;
    _state->waiter->wake();
}

LocalTime LossNotifier::relieveAt() const
{
    const std::lock_guard guard(_state->mutex);
    return _state->lossesWait() ? _state->progressAt + patience : LocalTime::max();
}

void LossNotifier::relieve(LocalTime now)
{
    std::thread blocked;
    {
        const std::lock_guard guard(_state->mutex);
        if (!_state->lossesWait() || now < _state->progressAt + patience || _state->stopping)
            return;
        _state->progressAt = now;
        _state->waiter = _state->clock->makeWaiter();
        const auto number = ++_state->duty;
        blocked = std::exchange(_thread, std::thread([state = _state, number] { state->run(number); }));
        ++_state->threads;
    }
    // Nobody can wait for user code that blocks. Its thread shares in the state, and ends when the callback returns.
    blocked.detach();
}

void LossNotifier::stop(Milliseconds limit)
{
    if (!_thread.joinable())
        return;
    bool finished = false;
    {
        std::unique_lock guard(_state->mutex);
        _state->stopping = true;
        _state->waiter->wake();
        if (_thread.get_id() != std::this_thread::get_id()) // a stop callback may destroy the service
            finished = _state->ended.wait_for(guard, limit, [this] { return _state->threads == 0; });
    }
    if (finished)
        _thread.join();
    else
        _thread.detach();
}

} // namespace Leasehold
