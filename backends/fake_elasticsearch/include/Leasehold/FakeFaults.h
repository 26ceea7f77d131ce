#pragma once

#include "Leasehold/Durations.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold
{

/// What a request to the fake server is. One request can be several of them: a bulk of renewals is `bulk` and `renew`.
enum class FakeRequest
{
    any,
    acquire, ///< of a lock, like the next six: by the script that it carries, alone or in a bulk
    renew,
    release,
    breakLock,
    find,
    prune,
    probe,
    update, ///< one scripted update by itself
    bulk,
    search,
    refresh,
    readIndex,
    createIndex,
    deleteIndex,
    other
};

/// What goes wrong with one request.
class FakeFault
{
public:
    /// Answered rightly, but only after `pause` of real time.
    static FakeFault delay(Milliseconds pause);
    /// Never answered, and no effect, until the faults are cleared: then it goes on as if nothing had been.
    static FakeFault hang();
    /// It takes effect, but is not answered until the faults are cleared.
    static FakeFault hangAfter();
    /// Answered rightly, one byte each `pause` of real time.
    static FakeFault drip(Milliseconds pause);
    /// The connection is reset, without an effect.
    static FakeFault resetBefore();
    /// The connection is reset after the request took effect.
    static FakeFault resetAfter();
    /// It takes effect, but the connection ends in the middle of the answer's body.
    static FakeFault cut();

    /// 429: the node's queues are full. The error's name is OpenSearch's.
    static FakeFault overloaded();
    /// 429: the node's disk is too full, so that it refuses to write.
    static FakeFault diskFull();
    /// 503: the primary shard is not there.
    static FakeFault unavailable();
    /// 404: there is no index behind the alias.
    static FakeFault indexMissing();
    /// 409: too many wrote the document at once.
    static FakeFault conflict();
    /// 401: the credentials are refused.
    static FakeFault unauthorized();
    /// 403: the user has no right to do this.
    static FakeFault forbidden();
    /// 403: writing is blocked.
    static FakeFault blocked();
    /// An error in the engine's words.
    static FakeFault error(int status, std::string type, std::string reason);
    /// A proxy's page. Like all that follow: without an effect.
    static FakeFault html(int status = 502);
    /// Text that says it is JSON, and is not.
    static FakeFault malformedJson(int status = 200);
    /// JSON that stops in the middle, in a body of the right length.
    static FakeFault truncatedJson(int status = 200);
    /// No body at all.
    static FakeFault emptyBody(int status = 200);
    /// Any answer.
    static FakeFault answer(int status, std::string contentType, std::string body);

    /// The error, but of only one item of a bulk, counted from 0: the others are carried out. Only for faults with an engine's
    /// error; requests that are no bulk, or have no such item, are not touched.
    FakeFault ofItem(std::size_t position) const;

    /// How it goes wrong, for the server.
    enum class Way
    {
        delay,
        hang,
        hangAfter,
        drip,
        resetBefore,
        resetAfter,
        cut,
        answer
    };
    Way way() const noexcept { return _way; }
    Milliseconds pause() const noexcept { return _pause; }
    int status() const noexcept { return _status; }
    const std::string& errorType() const noexcept { return _errorType; }
    const std::string& reason() const noexcept { return _reason; }
    const std::string& contentType() const noexcept { return _contentType; }
    const std::string& body() const noexcept { return _body; } ///< only without an errorType
    std::optional<std::size_t> item() const noexcept { return _item; }

private:
    explicit FakeFault(Way way, Milliseconds pause = {}) : _way(way), _pause(pause) {}

    Way _way;
    Milliseconds _pause;
    int _status = 0;
    std::string _errorType{};
    std::string _reason{};
    std::string _contentType{};
    std::string _body{};
    std::optional<std::size_t> _item{};
};

/// The faults that a fake server has in store for the requests to come: scripted, or by chance with a seed, so that a run can be
/// repeated. Each rule counts the requests that it is for; of the rules whose turn it is, the one that was added first decides.
/// Thread-safe; rules may be added while requests are under way.
///
///     server.faults().next(FakeFault::resetAfter(), FakeRequest::acquire);
///     server.faults().byChance(0.1, FakeFault::overloaded());
class FakeFaults
{
public:
    FakeFaults();
    ~FakeFaults();
    FakeFaults(const FakeFaults&) = delete;
    FakeFaults& operator=(const FakeFaults&) = delete;

    /// For the next `times` requests of this kind.
    void next(FakeFault fault, FakeRequest request = FakeRequest::any, std::size_t times = 1);
    /// For the n-th request of this kind from now on; 1 is the next one.
    void nth(std::size_t n, FakeFault fault, FakeRequest request = FakeRequest::any);
    /// For all of them, until the faults are cleared.
    void always(FakeFault fault, FakeRequest request = FakeRequest::any);
    /// For each of them with this probability, 0 to 1, drawn from the seed's sequence.
    void byChance(double probability, FakeFault fault, FakeRequest request = FakeRequest::any);
    /// Starts the sequence of chances again. It starts with the seed of the server's options.
    void seed(std::uint64_t seed);

    /// No more faults; what hangs or is delayed goes on, and is answered if the other side is still there.
    void clear();

    /// How many requests a fault has met.
    std::size_t injected() const;
    /// How many requests hang or are delayed at this moment.
    std::size_t waiting() const;

private:
    friend class FakeElasticsearchServer;
    struct State;

    const std::unique_ptr<State> _state;
};

} // namespace Leasehold
