#include "LossNotifier.h"

#include "Leasehold/Store/ServiceThread.h"

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

/// The maximum number of news items that wait for a blocked observer. Further ones are dropped, and the observers are told how many. Losses
/// are never dropped.
constexpr std::size_t maxNews = 10'000;

/// The maximum number of notifier threads whose callbacks block at the same time. With so many, no new thread is started.
constexpr std::size_t maxThreads = 64;

/// One item for the observers: the result of renewals, or something else.
struct News
{
    LossNotifier::Leases leases{};
    LockObserver::Elapsed took{};
    std::string failure{}; // empty: renewed
    std::size_t told = 0;  // how many of the leases the observers were told of
    LossNotifier::Tell other{};
};

} // namespace

struct LossNotifier::State
{
    State(std::shared_ptr<const TimeSource> theClock, std::shared_ptr<const ObserverList> theObservers) :
        clock(std::move(theClock)), observers(std::move(theObservers)), waiter(clock->makeWaiter())
    {
    }

    const std::shared_ptr<const TimeSource> clock;
    const std::shared_ptr<const ObserverList> observers;

    std::mutex mutex;
    std::shared_ptr<TimeSource::Waiter> waiter; // of the thread on duty
    std::condition_variable ended;
    std::deque<std::shared_ptr<Lease>> tokens; // their loss tokens must be stopped
    std::deque<std::shared_ptr<Lease>> losses; // their loss tokens are stopped; the observers must be told
    std::deque<News> news;
    std::atomic<bool> lossesCame{false}; // interrupts the telling of news, because losses come first
    std::uint64_t droppedNews = 0;
    LocalTime progressAt{}; // when the last token or loss was taken, or began to wait
    std::uint64_t duty = 0; // the number of the thread on duty; a thread with another number was replaced
    std::size_t threads = 0;
    bool stopping = false;

    bool lossesWait() const { return !tokens.empty() || !losses.empty(); }

    /// While one callback blocks, the thread of the next blocking one is replaced sooner: many may block, and the losses behind them are
    /// due.
    Milliseconds callbackLimitNow() const { return threads > 1 ? callbackLimitWhileBlocked : callbackLimit; }

    void run(std::uint64_t number);
    bool serveOne(std::unique_lock<std::mutex>& guard);
    void fireToken(std::unique_lock<std::mutex>& guard);
    void tellLoss(std::unique_lock<std::mutex>& guard);
    void tellNews(std::unique_lock<std::mutex>& guard);
    void tellRenewal(const News& item, const Lease& lease) const;
    void addNews(News item);
    template <typename Callback>
    void call(const char* what, const std::string& lock, Callback callback) const;
};

namespace
{
/// The notifier to which this thread belongs; nullptr: none.
thread_local const void* ownNotifier = nullptr;
} // namespace

/// Runs user code. The mutex must not be locked. `lock`: the name of its lock; empty: the callback concerns no lock.
template <typename Callback>
void LossNotifier::State::call(const char* what, const std::string& lock, Callback callback) const
{
    const auto began = clock->now();
    callback();
    const auto took = clock->now() - began;
    if (took > callbackLimit)
        observers->tell(&LockObserver::callbackMisbehaved, what + (lock.empty() ? std::string() : " of lock \"" + lock + "\"") + " took " +
                                                               formatDuration(std::chrono::ceil<Milliseconds>(took)) +
                                                               "; the loss of other locks waited for it");
}

void LossNotifier::State::fireToken(std::unique_lock<std::mutex>& guard)
{
    const auto lease = std::move(tokens.front());
    tokens.pop_front();
    losses.push_back(lease);
    guard.unlock();
    call("a stop callback on the loss token", lease->name(), [&] { lease->fireLoss(); });
    guard.lock();
}

void LossNotifier::State::tellLoss(std::unique_lock<std::mutex>& guard)
{
    const auto lease = std::move(losses.front());
    losses.pop_front();
    guard.unlock();
    call("an observer of the loss", lease->name(),
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

/// Tells the observers one item, or a part of it: a loss interrupts it.
void LossNotifier::State::tellNews(std::unique_lock<std::mutex>& guard)
{
    auto item = std::move(news.front());
    news.pop_front();
    const auto dropped = std::exchange(droppedNews, 0);
    guard.unlock();
    if (item.other)
        call("an observer of housekeeping", {}, [&] { item.other(*observers); });
    while (item.told < item.leases.size() && !lossesCame)
    {
        const auto& lease = *item.leases[item.told++];
        call("an observer of renewals", lease.name(), [&] { tellRenewal(item, lease); });
    }
    if (dropped > 0)
        observers->tell(&LockObserver::callbackMisbehaved,
                        "an observer is too slow: the news of " + std::to_string(dropped) + " batches of renewals was dropped");
    guard.lock();
    if (item.told < item.leases.size())
        news.push_front(std::move(item));
}

/// Does the most urgent piece of work. False: there is none.
bool LossNotifier::State::serveOne(std::unique_lock<std::mutex>& guard)
{
    progressAt = clock->now();
    lossesCame = false; // all losses so far are served before the next news
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
    while (number == duty) // otherwise another thread has replaced this one, which must end
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
    if (item.leases.empty() && !item.other)
        return;
    const std::lock_guard guard(mutex);
    if (news.size() < maxNews)
        news.push_back(std::move(item));
    else
        ++droppedNews;
    waiter->wake();
}

LossNotifier::LossNotifier(std::shared_ptr<const TimeSource> clock, std::shared_ptr<const ObserverList> observers) :
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
        static_cast<void>(putOnDuty()); // there is no thread before it
}

/// Starts a thread and returns the one that was on duty before. The caller must have locked the mutex; the new thread begins when it is
/// unlocked. Throws std::system_error.
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

void LossNotifier::tell(Tell call)
{
    _state->addNews({.other = std::move(call)});
}

LocalTime LossNotifier::relieveAt() const
{
    const std::lock_guard guard(_state->mutex);
    return _state->lossesWait() ? _state->progressAt + _state->callbackLimitNow() : LocalTime::max();
}

void LossNotifier::relieve(LocalTime now) noexcept
{
    const std::lock_guard guard(_state->mutex);
    if (!_thread.joinable() || !_state->lossesWait() || now < _state->progressAt + _state->callbackLimitNow())
        return;
    _state->progressAt = now;
    replaceThread();
}

/// Gives the queue of a thread whose callback blocks to a new thread. The mutex must be locked.
void LossNotifier::replaceThread() noexcept
{
    if (_state->threads >= maxThreads)
        return;
    try
    {
        std::shared_ptr<TimeSource::Waiter> fresh = _state->clock->makeWaiter();
        // The blocked thread cannot be joined. It shares ownership of the state, and ends when its callback returns.
        putOnDuty().detach();
        _state->waiter = std::move(fresh);
    }
    catch (const std::exception&) // NOLINT(bugprone-empty-catch): no thread or descriptor is left; retried after the limit
    {
    }
}

void LossNotifier::stop(Milliseconds limit)
{
    std::thread last;
    bool finished = false;
    {
        std::unique_lock guard(_state->mutex);
        if (!_thread.joinable())
            return;
        _state->stopping = true;
        _state->waiter->wake();
        // A stop callback may destroy the service. Its thread cannot serve the queue, so another thread does, and nothing joins this one.
        const bool isOwn = ownNotifier == _state.get();
        if (_thread.get_id() == std::this_thread::get_id())
            replaceThread();
        finished = _state->ended.wait_for(guard, limit, [&] { return _state->threads == (isOwn ? 1 : 0); });
        last = std::exchange(_thread, {}); // from now on no thread is replaced
    }
    if (finished && last.get_id() != std::this_thread::get_id())
        last.join();
    else
        last.detach();
}

} // namespace Leasehold
