#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/CallContext.h"
#include "brokenStores.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <filesystem>
#include <numeric>
#include <ranges>

namespace Leasehold
{
namespace
{

class OutageIsBusy : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireReply acquire(const AcquireRequest& request, const CallContext& context) override
    {
        if (storage().isCutOff())
            return {AcquireStatus::held, {}};
        return ReferenceLockStore::acquire(request, context);
    }
};

class OutageIsALoss : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        if (storage().isCutOff())
            return std::vector<RenewReply>(requests.size(), RenewReply{RenewStatus::lost, {}, {}});
        return ReferenceLockStore::renew(requests, context);
    }
};

class OutageIsALastingError : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void requireReachable() const override
    {
        if (storage().isCutOff())
            throw LockStoreError("the reference storage cannot be reached");
    }
};

class ReleaseInAnOutageIsSilent : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    ReleaseReply release(const LeaseRef& lease, const CallContext& context) override
    {
        return storage().isCutOff() ? ReleaseReply{.status = ReleaseStatus::released} : ReferenceLockStore::release(lease, context);
    }
};

class OutageIsNobody : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::optional<LockRecord> find(const std::string& name, const CallContext& context) override
    {
        return storage().isCutOff() ? std::nullopt : ReferenceLockStore::find(name, context);
    }
};

class OutageIsAnEmptyList : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override
    {
        return storage().isCutOff() ? std::vector<LockRecord>{} : ReferenceLockStore::list(query, context);
    }
};

class OutageIsAPruneOfNothing : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::size_t prune(Milliseconds retention, const CallContext& context) override
    {
        return storage().isCutOff() ? 0 : ReferenceLockStore::prune(retention, context);
    }
};

class OutageIsASetUp : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void prepare(const CallContext& context) override
    {
        if (!storage().isCutOff())
            ReferenceLockStore::prepare(context);
    }
};

class InfoAsksTheStorage : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    StoreInfo info() const override
    {
        requireReachable();
        return ReferenceLockStore::info();
    }
};

class InfoIsEmpty : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    StoreInfo info() const override { return {.reservesFences = true, .tellsWanted = true}; }
};

class FailedSetUpIsRemembered : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void prepare(const CallContext& context) override
    {
        if (storage().isCutOff())
            _failed = true;
        if (_failed)
            throw LockStoreUnavailable("the set-up of the reference storage failed");
        ReferenceLockStore::prepare(context);
    }

    std::atomic<bool> _failed{false};
};

class SetUpDeletesLiveLocks : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void prepare(const CallContext& context) override
    {
        ReferenceLockStore::prepare(context);
        storage().empty();
    }
};

class NewerSchemaIsUsed : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void requireKnownSchema() const override {}
};

class DeadlineIsIgnored : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void requireWanted(const CallContext& context) const override
    {
        if (context.cancel().stop_requested())
            throw LockStoreUnavailable("the call was cancelled");
    }
};

class CancellationIsIgnored : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    void requireWanted(const CallContext& context) const override
    {
        if (context.timeLeft() <= Milliseconds{0})
            throw LockStoreUnavailable("the deadline of the call has passed");
    }
};

/// Trusts the leases that it granted, without reading the storage again.
class RenewalIsAnsweredFromACache : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        auto replies = ReferenceLockStore::renew(requests, context);
        const bool empty =
            storage().enter([](Records& records) { return std::ranges::all_of(records, [](const auto& each) { return !each.second; }); });
        for (std::size_t index = 0; empty && index < replies.size(); ++index)
            if (requests[index].lease.fence > 1) // one that was granted once
                replies[index] = {RenewStatus::renewed, requests[index].ttl, {}};
        return replies;
    }
};

class NamesAreFoldedByCase : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::string keyOf(const std::string& name) const override
    {
        auto folded = name;
        std::ranges::transform(folded, folded.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return folded;
    }
};

class NamesAreCut : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::string keyOf(const std::string& name) const override { return name.substr(0, 255); }
};

class NamesAreTrimmed : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::string keyOf(const std::string& name) const override
    {
        const auto last = name.find_last_not_of(' ');
        return name.substr(0, last == std::string::npos ? 0 : last + 1);
    }
};

class NamesAreTakenForPaths : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::string keyOf(const std::string& name) const override { return std::filesystem::path(name).lexically_normal().string(); }
};

class PrefixIsAPattern : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool isSelected(const std::string& name, const ListQuery& query) const override
    {
        const auto fits = [](char wanted, char actual) { return wanted == '_' || wanted == actual; }; // as LIKE has it
        return name > query.after && name.size() >= query.prefix.size() &&
               std::ranges::equal(query.prefix, name.substr(0, query.prefix.size()), fits);
    }
};

class ListIgnoresWhereThePageBegins : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool isSelected(const std::string& name, const ListQuery& query) const override { return name.starts_with(query.prefix); }
};

/// Limits the page before it removes the dead records.
class ListLimitCountsTheDead : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<LockRecord> list(const ListQuery& query, const CallContext& context) override
    {
        begin(context);
        return storage().enter(
            [&](Records& records)
            {
                std::vector<LockRecord> page;
                std::size_t looked = 0;
                for (const auto& [name, slot] : records)
                    if (slot && isSelected(name, query) && ++looked <= query.limit && isShown(*slot, now()))
                        page.push_back(shown(name, *slot, now()));
                return page;
            });
    }
};

class ExpiredLocksAreShown : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool isShown(const Record& record, const Now&) const override { return record.standing == LeaseRules::Standing::held; }
};

class TokensAreShownByList : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    LockRecord shown(const std::string& name, const Record& record, const Now& now) const override
    {
        auto told = ReferenceLockStore::shown(name, record, now);
        if (record.metadata != "{}")
            told.metadata.insert(told.metadata.size() - 1, R"(,"token":")" + record.token + '"');
        return told;
    }
};

class MetadataIsLostByARenewal : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    bool renewStep(Slot& slot, const RenewRequest& request, const Now& now) override
    {
        const bool renewed = ReferenceLockStore::renewStep(slot, request, now);
        if (renewed)
            slot->metadata = "{}";
        return renewed;
    }
};

class MetadataIsCut : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    AcquireStatus acquireStep(Slot& slot, const AcquireRequest& request, const Now& now) override
    {
        auto cut = request;
        cut.metadata = request.metadata.substr(0, 4096);
        return ReferenceLockStore::acquireStep(slot, cut, now);
    }
};

class EmptyBatchIsAnError : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        if (requests.empty())
            throw LockStoreError("a renewal of nothing makes no sense");
        return ReferenceLockStore::renew(requests, context);
    }
};

class OneBadItemFailsTheBatch : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        auto replies = ReferenceLockStore::renew(requests, context);
        const auto isLost = [](const RenewReply& reply) { return reply.status == RenewStatus::lost; };
        if (std::ranges::any_of(replies, isLost))
            std::ranges::fill(replies, RenewReply{RenewStatus::lost, {}, {}});
        return replies;
    }
};

class RepliesComeInAnotherOrder : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        std::vector<RenewRequest> sorted(requests.begin(), requests.end());
        std::ranges::sort(sorted, {}, [](const RenewRequest& request) { return request.lease.name; });
        return ReferenceLockStore::renew(sorted, context);
    }
};

class BatchIsCutAtAThousand : public ReferenceLockStore
{
    using ReferenceLockStore::ReferenceLockStore;
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext& context) override
    {
        auto replies = ReferenceLockStore::renew(requests.first(std::min<std::size_t>(requests.size(), 1000)), context);
        replies.resize(requests.size(), RenewReply{RenewStatus::lost, {}, {}});
        return replies;
    }
};

} // namespace

void addBrokenAnswers(std::vector<BrokenStore>& stores)
{
    stores.insert(
        stores.end(),
        {brokenStore<OutageIsBusy>("outageIsBusy", "Kibana: a caller then ran without the lock"),
         brokenStore<OutageIsALoss>("outageIsALoss", "a renewal that counts changed rows, and an error as none"),
         brokenStore<OutageIsALastingError>("outageIsALastingError", "ShedLock's KeepAlive: one exception ends the renewals"),
         brokenStore<ReleaseInAnOutageIsSilent>("releaseInAnOutageIsSilent", "a destructor's swallowed error, made a habit"),
         brokenStore<OutageIsNobody>("outageIsNobody", "a look that takes any failure for \"not found\""),
         brokenStore<OutageIsAnEmptyList>("outageIsAnEmptyList", "the same for a list"),
         brokenStore<OutageIsAPruneOfNothing>("outageIsAPruneOfNothing", "a clean-up in the background that swallows every error"),
         brokenStore<OutageIsASetUp>("outageIsASetUp", "a set-up that ignores the answer of CREATE IF NOT EXISTS"),
         brokenStore<InfoAsksTheStorage>("infoAsksTheStorage", "a description with the version of the server in it"),
         brokenStore<InfoIsEmpty>("infoIsEmpty", "a decorator that does not pass on what its inner store is"),
         brokenStore<FailedSetUpIsRemembered>("failedSetUpIsRemembered", "Kibana #230499"),
         brokenStore<SetUpDeletesLiveLocks>("setUpDeletesLiveLocks", "Kibana #218944"),
         brokenStore<NewerSchemaIsUsed>("newerSchemaIsUsed", "any storage that carries no number of its schema"),
         brokenStore<DeadlineIsIgnored>("deadlineIsIgnored", "Consul #18271; client-go #44887"),
         brokenStore<CancellationIsIgnored>("cancellationIsIgnored", "a stop that waits for the server's timeout"),
         brokenStore<RenewalIsAnsweredFromACache>("renewalIsAnsweredFromACache",
                                                  "Redisson and others whose holder asks nobody after a loss"),
         brokenStore<NamesAreFoldedByCase>("namesAreFoldedByCase", "MySQL's default collation"),
         brokenStore<NamesAreCut>("namesAreCut", "VARCHAR(255) without strict mode"),
         brokenStore<NamesAreTrimmed>("namesAreTrimmed", "CHAR columns, which compare without trailing spaces"),
         brokenStore<NamesAreTakenForPaths>("namesAreTakenForPaths", "names in the path of a URL or of a file, which is normalised"),
         brokenStore<PrefixIsAPattern>("prefixIsAPattern", "LIKE without ESCAPE"),
         brokenStore<ListIgnoresWhereThePageBegins>("listIgnoresWhereThePageBegins", "a list that shows its first page for ever"),
         brokenStore<ListLimitCountsTheDead>("listLimitCountsTheDead", "LIMIT in the query, expiry in the code behind it"),
         brokenStore<ExpiredLocksAreShown>("expiredLocksAreShown", "a list of rows, live or not"),
         brokenStore<TokensAreShownByList>("tokensAreShownByList", "the whole document shown to whoever lists"),
         brokenStore<MetadataIsLostByARenewal>("metadataIsLostByARenewal", "a renewal that writes the whole record"),
         brokenStore<MetadataIsCut>("metadataIsCut", "a column that is too short, without strict mode"),
         brokenStore<EmptyBatchIsAnError>("emptyBatchIsAnError", "IN (), which is a syntax error"),
         brokenStore<OneBadItemFailsTheBatch>("oneBadItemFailsTheBatch", "the top-level errors flag of a bulk request, read as the answer"),
         brokenStore<RepliesComeInAnotherOrder>("repliesComeInAnotherOrder", "UPDATE ... RETURNING, which promises no order"),
         brokenStore<BatchIsCutAtAThousand>("batchIsCutAtAThousand", "a limit on parameters or items that goes unnoticed")});
}

} // namespace Leasehold
