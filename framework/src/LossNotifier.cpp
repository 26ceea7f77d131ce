#include "LossNotifier.h"

#include "ServiceThread.h"

#include <algorithm>
#include <atomic>
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

/// More callbacks than this that block at the same time are not relieved.
constexpr std::size_t mostThreads = 64;

/// What the observers are told of a renewal.
struct News
{
    LossNotifier::Leases leases;
    LockObserver::Elapsed took{};
    std::string failure{}; // empty: renewed
    std::size_t told = 0;  // so many of the leases were told of
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
    std::atomic<bool> lossesCame{false}; // ends the telling of news early
    std::uint64_t droppedNews = 0;
    LocalTime progressAt{}; // when a token or loss was last taken, or began to wait
    std::uint64_t duty = 0; // a thread with another number has been relieved
    std::size_t threads = 0;
    bool stopping = false;

    bool lossesWait() const { return !tokens.empty() || !losses.empty(); }

    /// While one callback blocks, the next that does so is relieved sooner: many may do, and the losses behind them are due.
    Milliseconds patienceNow() const { return threads > 1 ? impatience : patience; }

    void run(std::uint64_t number);
    bool serveOne(std::unique_lock<std::mutex>& guard);
    void fireToken(std::unique_lock<std::mutex>& guard);
    void tellLoss(std::unique_lock<std::mutex>& guard);
    void tellNews(std::unique_lock<std::mutex>& guard);
    void tellRenewal(const News& item, const Lease& lease) const;
    void addNews(News item);
    template <typename Callback>
    void call(const char* what, const Lease& lease, Callback callback) const;
};

namespace
{
/// The notifier whose thread this is, if it is one.
thread_local const void* ownNotifier = nullptr;
} // namespace

/// Runs user code. The mutex must not be held.
template <typename Callback>
void LossNotifier::State::call(const char* what, const Lease& lease, Callback callback) const
{
    const auto began = clock->now();
    callback();
    const auto took = clock->now() - began;
    if (took > patience)
        observers->tell(&LockObserver::callbackMisbehaved, std::string(what) + " of lock \"" + lease.name() + "\" took " +
                                                               formatDuration(std::chrono::ceil<Milliseconds>(took)) +
                                                               "; the loss of other locks waited for it");
}

void LossNotifier::State::fireToken(std::unique_lock<std::mutex>& guard)
{
    const auto lease = std::move(tokens.front());
    tokens.pop_front();
    losses.push_back(lease);
    guard.unlock();
    call("a stop callback on the loss token", *lease, [&] { lease->fireLoss(); });
    guard.lock();
}

void LossNotifier::State::tellLoss(std::unique_lock<std::mutex>& guard)
{
    const auto lease = std::move(losses.front());
    losses.pop_front();
    guard.unlock();
    call("an observer of the loss", *lease,
         [&] { observers->tell(&LockObserver::lost, lease->name(), lease->fence(), lease->lossReason()); });
    guard.lock();
}

void LossNotifier::State::tellRenewal(const News& item, const Lease& lease) const
{
    if (item.failure.empty())
    {
        observers->tell(&LockObserver::renewed, lease.name(), lease.fence(), item.took);
        return;
    }
    const auto left = std::chrono::floor<Milliseconds>(lease.validUntil() - clock->now());
    observers->tell(&LockObserver::renewalFailed, lease.name(), lease.fence(), item.failure, std::max(left, Milliseconds{0}));
}

/// One batch of news, or a part of it: a loss goes first.
void LossNotifier::State::tellNews(std::unique_lock<std::mutex>& guard)
{
    auto item = std::move(news.front());
    news.pop_front();
    const auto dropped = std::exchange(droppedNews, 0);
    guard.unlock();
    while (item.told < item.leases.size() && !lossesCame)
    {
        const auto& lease = *item.leases[item.told++];
        call("an observer of renewals", lease, [&] { tellRenewal(item, lease); });
    }
    if (dropped > 0)
        observers->tell(&LockObserver::callbackMisbehaved,
                        "an observer is too slow: the news of " + std::to_string(dropped) + " batches of renewals was dropped");
    guard.lock();
    if (item.told < item.leases.size())
        news.push_front(std::move(item));
}

/// Does the most urgent thing. False: nothing to do.
bool LossNotifier::State::serveOne(std::unique_lock<std::mutex>& guard)
{
    progressAt = clock->now();
    lossesCame = false; // what has come so far is served now
    if (!tokens.empty())
        fireToken(guard);
    else if (!losses.empty())
        tellLoss(guard);
    else if (!news.empty())
        tellNews(guard);
    else
        return false;
    return true;
}

void LossNotifier::State::run(std::uint64_t number)
{
    ownNotifier = this;
    std::unique_lock guard(mutex);
    while (number == duty) // else another thread took over, and this one must end
    {
        if (serveOne(guard))
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

void LossNotifier::State::addNews(News item)
{
    const std::lock_guard guard(mutex);
    if (item.leases.empty())
        return;
    if (news.size() < mostNews)
        news.push_back(std::move(item));
    else
        ++droppedNews;
    waiter->wake();
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
    if (!_thread.joinable())
        static_cast<void>(putOnDuty()); // there is none before it
}

/// The thread can begin only when the mutex, which must be held, is free. Throws std::system_error.
std::thread LossNotifier::putOnDuty()
{
    const auto number = _state->duty + 1;
    auto before = std::exchange(_thread, startServiceThread([state = _state, number] { state->run(number); }));
    _state->duty = number;
    ++_state->threads;
    return before;
}

void LossNotifier::lost(Leases leases)
{
    const std::lock_guard guard(_state->mutex);
    if (!_state->lossesWait())
        _state->progressAt = _state->clock->now();
    std::move(leases.begin(), leases.end(), std::back_inserter(_state->tokens));
    _state->lossesCame = true;
    _state->waiter->wake();
}

void LossNotifier::renewed(Leases leases, LockObserver::Elapsed took)
{
    _state->addNews({std::move(leases), took});
}

void LossNotifier::renewalFailed(Leases leases, std::string why)
{
    _state->addNews({std::move(leases), {}, why.empty() ? std::string("no reason was given") : std::move(why)});
}

LocalTime LossNotifier::relieveAt() const
{
    const std::lock_guard guard(_state->mutex);
    return _state->lossesWait() ? _state->progressAt + _state->patienceNow() : LocalTime::max();
}

void LossNotifier::relieve(LocalTime now) noexcept
{
    std::thread blocked;
    {
        const std::lock_guard guard(_state->mutex);
        if (!_state->lossesWait() || now < _state->progressAt + _state->patienceNow() || _state->stopping)
            return;
        _state->progressAt = now;
        if (_state->threads >= mostThreads)
            return;
        try
        {
            std::shared_ptr<Clock::Waiter> fresh = _state->clock->makeWaiter();
            blocked = putOnDuty();
            _state->waiter = std::move(fresh);
        }
        catch (const std::exception&) // NOLINT(bugprone-empty-catch): no thread or descriptor is left; tried again after the patience
        {
            return;
        }
    }
    // Nobody can wait for user code that blocks. Its thread shares in the state, and ends when the callback returns.
    blocked.detach();
}

void LossNotifier::stop(Milliseconds limit)
{
    bool finished = false;
    {
        std::unique_lock guard(_state->mutex);
        if (!_thread.joinable())
            return;
        _state->stopping = true;
        _state->waiter->wake();
        if (ownNotifier != _state.get()) // a stop callback may destroy the service
            finished = _state->ended.wait_for(guard, limit, [this] { return _state->threads == 0; });
    }
    if (finished)
        _thread.join();
    else
        _thread.detach();
}

} // namespace Leasehold
