#include "Leasehold/PostgreSQLLockStore.h"

#include "LockDatabase.h"
#include "ReleaseListener.h"

#include "Leasehold/Exceptions.h"

#include <algorithm>

namespace Leasehold
{

using PostgreSQL::AcquireVerdict;
using PostgreSQL::Answer;
using PostgreSQL::Call;
using PostgreSQL::LockCalls;
using PostgreSQL::LockDatabase;
using PostgreSQL::Meaning;
using PostgreSQL::Refusal;
using PostgreSQL::SessionPool;

namespace
{

// Each has a session: one of acquires, one of renewals, one of releases, and one more of any of them.
constexpr std::size_t requestsUnderWay = 4;
constexpr std::size_t listedPerCall = 1000;
// How far the clocks of two servers may differ: after a failover the other one judges the same lease.
constexpr Milliseconds clockUncertainty{50};

enum Lane
{
    acquires,
    renewals,
    releases
};

std::string about(const char* verb, const std::string& name)
{
    return std::string(verb) + " the lock \"" + name + "\"";
}

/// One batch on one session.
class BatchRun
{
public:
    BatchRun(LockDatabase& database, SessionPool::Lease& session, Batch& batch) : _database(database), _session(session), _batch(batch) {}

    void acquire()
    {
        if (_database.era().empty())
            _database.makeReady(_session, _batch.context());
        const auto steps = _batch.steps();
        auto vanished = grant({steps.begin(), steps.end()});
        if (vanished.empty())
            return;
        _batch.deliver();
        _database.makeReady(_session, _batch.context());
        for (auto* const step : grant(std::move(vanished)))
            step->fail(LockStoreUnavailable(_database.place() + ": the table vanished again; another program may be deleting it"));
    }

    void renew()
    {
        const auto steps = _batch.steps();
        auto locked = renewThese({steps.begin(), steps.end()}, false);
        if (locked.empty())
            return;
        try
        {
            renewThese(sorted(locked), true);
        }
        catch (const Refusal&) // NOLINT(bugprone-empty-catch): the rows are still locked, as these replies say
        {
        }
    }

    void release()
    {
        const auto steps = sorted(_batch.steps());
        std::vector<Call> calls;
        for (const auto* const step : steps)
            calls.push_back(_database.calls().release(*step->release()));
        const auto answers = send(std::move(calls));
        for (std::size_t index = 0; index < steps.size(); ++index)
            steps[index]->reply(answers.empty() ? ReleaseReply{} : LockCalls::readRelease(answers.at(index).row(0)));
    }

private:
    using Steps = std::vector<BatchStep*>;

    /// Returns those whose rows other sessions have locked.
    Steps renewThese(const Steps& steps, bool waits)
    {
        const auto answers = send({_database.calls().renew(steps, waits)});
        const auto replies = answers.empty() ? std::vector<RenewReply>(steps.size(), RenewReply{.status = RenewStatus::lost})
                                             : LockCalls::readRenew(steps, answers.front().row(0));
        Steps locked;
        for (std::size_t index = 0; index < steps.size(); ++index)
        {
            steps[index]->reply(replies[index]);
            if (replies[index].status == RenewStatus::unavailable)
                locked.push_back(steps[index]);
        }
        return locked;
    }

    /// All transactions that wait lock rows in the order of the names, so that no two of them wait for each other.
    static Steps sorted(std::span<BatchStep* const> steps)
    {
        Steps result(steps.begin(), steps.end());
        std::stable_sort(result.begin(), result.end(), [](const auto* left, const auto* right) { return left->name() < right->name(); });
        return result;
    }

    /// The answers. Empty: the schema does not exist.
    std::vector<Answer> send(std::vector<Call> calls)
    {
        try
        {
            return _session.run(std::move(calls), _batch.context());
        }
        catch (const Refusal& refusal)
        {
            if (refusal.meaning() == Meaning::otherServer)
                _session.reportFailed(refusal.what());
            if (refusal.meaning() != Meaning::schemaMissing)
                throw;
            _database.missing();
            return {};
        }
    }

    /// Sets the outcomes of acquires. Returns those that found no table, or one that was emptied or replaced.
    Steps grant(Steps steps)
    {
        std::erase_if(steps, [this](auto* step) { return !mayBeGranted(*step); });
        if (steps.empty())
            return {};
        steps = sorted(steps);
        const auto era = _database.era();
        std::vector<Call> calls;
        for (const auto* const step : steps)
            calls.push_back(_database.calls().acquire(*step->acquire(), era));
        const auto answers = send(std::move(calls));
        if (answers.empty())
            return steps;
        Steps vanished;
        for (std::size_t index = 0; index < steps.size(); ++index)
        {
            auto& step = *steps[index];
            auto verdict = LockCalls::readAcquire(*step.acquire(), answers.at(index).row(0));
            if (verdict.status == AcquireVerdict::Status::otherEra)
                vanished.push_back(&step);
            // Another call may have noticed meanwhile that the table vanished.
            else if (verdict.status != AcquireVerdict::Status::granted || mayBeGranted(step))
                settle(step, std::move(verdict));
        }
        return vanished;
    }

    bool mayBeGranted(BatchStep& step)
    {
        try
        {
            _database.requireGrantsAllowed(step.acquire()->ttl);
            return true;
        }
        catch (const LockStoreUnavailable& refused)
        {
            step.fail(refused);
            return false;
        }
    }

    void settle(BatchStep& step, AcquireVerdict verdict)
    {
        switch (verdict.status)
        {
        case AcquireVerdict::Status::granted:
            step.reply(AcquireReply{AcquireStatus::granted, std::move(verdict.record)});
            break;
        case AcquireVerdict::Status::held:
            step.reply(AcquireReply{AcquireStatus::held, std::move(verdict.record)});
            break;
        case AcquireVerdict::Status::spent:
            step.reply(AcquireReply{AcquireStatus::spent, std::move(verdict.record)});
            break;
        case AcquireVerdict::Status::noFenceLeft:
            step.fail(LockStoreError(_database.place() + ": its next fence would exceed the greatest one, " + std::to_string(maxFence) +
                                     ": nothing was granted; repair the row or the clock of the server"));
            break;
        case AcquireVerdict::Status::contention:
        case AcquireVerdict::Status::otherEra:
            step.fail(LockStoreUnavailable(_database.place() + ": too many wrote this lock at once; nothing was granted"));
            break;
        }
    }

    LockDatabase& _database;
    SessionPool::Lease& _session;
    Batch& _batch;
};

} // namespace

PostgreSQLLockStore::PostgreSQLLockStore(PostgreSQLOptions options) :
    PostgreSQLLockStore(std::make_unique<LockDatabase>(std::move(options)), Delegated{})
{
}

PostgreSQLLockStore::PostgreSQLLockStore(std::unique_ptr<LockDatabase> database, Delegated) :
    BatchedLockStore(database->place(), {.requests = requestsUnderWay}), _database(std::move(database))
{
}

PostgreSQLLockStore::~PostgreSQLLockStore()
{
    if (isForeign()) // to close a session here would end the parent's
        ForkGuard::keepForever(std::move(_database));
}

StoreInfo PostgreSQLLockStore::info() const
{
    StoreInfo info;
    const auto& options = _database->options();
    info.type = "postgresql";
    info.location = _database->sessions().addresses() + ", database " + options.database + ", schema " + options.schema;
    info.durable = _database->sessions().isDurable();
    info.sharedAcrossHosts = true;
    info.clockUncertainty = clockUncertainty;
    info.reservesFences = true;
    info.tellsWanted = true;
    if (!info.durable)
        info.warning = "the server runs with fsync off, so a crash of its machine may lose grants";
    else if (const auto troubles = _database->sessions().troubles(); !troubles.empty())
        info.warning = "a server was left out: " + troubles;
    return info;
}

void PostgreSQLLockStore::prepare(const CallContext& context)
{
    requireNative();
    _database->explaining("prepare",
                          [&]
                          {
                              auto session = _database->sessions().take(context);
                              _database->makeReady(session, context);
                          });
}

void PostgreSQLLockStore::prepareToRead(const CallContext& context)
{
    requireNative();
    _database->explaining("prepare",
                          [&]
                          {
                              auto session = _database->sessions().take(context);
                              _database->check(session, context);
                          });
}

int PostgreSQLLockStore::lane(const BatchStep& step) const
{
    return step.acquire() != nullptr ? acquires : step.renewal() != nullptr ? renewals : releases;
}

void PostgreSQLLockStore::carryOut(Batch& batch)
{
    _database->explaining({},
                          [&]
                          {
                              try
                              {
                                  auto session = _database->sessions().take(batch.context());
                                  BatchRun run(*_database, session, batch);
                                  switch (lane(*batch.steps().front()))
                                  {
                                  case acquires:
                                      return run.acquire();
                                  case renewals:
                                      return run.renew();
                                  default:
                                      return run.release();
                                  }
                              }
                              catch (const Net::CallFailure& failure)
                              {
                                  if (failure.outcome() == Net::CallFailure::Outcome::notSent)
                                      batch.nothingWasSent();
                                  throw;
                              }
                              catch (const Refusal& refusal)
                              {
                                  if (refusal.mayConcernOneStep())
                                      batch.contentWasRefused();
                                  throw;
                              }
                          });
}

std::optional<LockRecord> PostgreSQLLockStore::find(const std::string& name, const CallContext& context)
{
    requireNative();
    const std::string what = about("find", name);
    const auto answer = _database->call(_database->calls().find(name), what, context);
    if (!answer || answer->rows() == 0)
        return std::nullopt;
    return _database->explaining(what, [&] { return LockCalls::readRecord(answer->row(0)); });
}

std::vector<LockRecord> PostgreSQLLockStore::list(const ListQuery& query, const CallContext& context)
{
    requireNative();
    const std::string what = "list locks";
    std::vector<LockRecord> records;
    ListQuery rest = query;
    while (records.size() < query.limit)
    {
        const auto size = std::min(query.limit - records.size(), listedPerCall);
        const auto answer = _database->call(_database->calls().list(rest, size), what, context);
        if (!answer)
            break;
        _database->explaining(what,
                              [&]
                              {
                                  for (std::size_t row = 0; row < answer->rows(); ++row)
                                      records.push_back(LockCalls::readRecord(answer->row(row)));
                              });
        if (answer->rows() < size)
            break;
        rest.after = records.back().name;
    }
    return records;
}

bool PostgreSQLLockStore::breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext& context)
{
    requireNative();
    const std::string what = about("break", name);
    const auto answer = _database->call(_database->calls().breakLock(name, expected, mode), what, context);
    return answer && _database->explaining(what, [&] { return answer->row(0).flag(0); });
}

std::size_t PostgreSQLLockStore::prune(Milliseconds retention, const CallContext& context)
{
    requireNative();
    const std::string what = "prune";
    const auto answer = _database->call(_database->calls().prune(retention), what, context);
    return answer ? _database->explaining(what, [&] { return static_cast<std::size_t>(answer->row(0).integer(0)); }) : 0;
}

std::string PostgreSQLLockStore::engine(const CallContext& context)
{
    requireNative();
    return _database->explaining("ask for the version of the server",
                                 [&]
                                 {
                                     auto session = _database->sessions().take(context);
                                     return "PostgreSQL " + (*session).serverVersion();
                                 });
}

std::unique_ptr<ReleaseFeed> PostgreSQLLockStore::releaseFeed(ReleaseSink& sink)
{
    if (_database->options().pooler == PostgreSQLPooler::transaction)
        return nullptr; // a notification would reach another client
    return PostgreSQL::makeReleaseListener(*_database, sink);
}

} // namespace Leasehold
