#pragma once

#include "Leasehold/Durations.h"
#include "Leasehold/Export.h"

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

/// The kinds of a request to the fake server. One request can have several: a bulk of renewals is `bulk` and `renew`.
enum class FakeRequest
{
    any,         ///< every request
    acquire,     ///< of a lock, as the next six: by the script that it carries, alone or in a bulk
    renew,       ///< of a lock
    release,     ///< of a lock
    breakLock,   ///< of a lock
    find,        ///< of a lock
    prune,       ///< of a lock's record
    probe,       ///< whether the store may write
    update,      ///< one scripted update by itself
    bulk,        ///< several scripted updates
    search,      ///< for the list of locks, or for records to prune
    refresh,     ///< of the index, before a search
    readIndex,   ///< its definition
    createIndex, ///< when the store prepares
    deleteIndex, ///< by an operator
    other        ///< what is none of these
};

/// One fault of one request.
class LEASEHOLD_EXPORT FakeFault
{
public:
    /// A correct answer after `pause` of real time.
    static FakeFault delay(Milliseconds pause);
    /// No effect and no answer until the faults are cleared; then the request is carried out and answered.
    static FakeFault hang();
    /// The request takes effect, but is not answered until the faults are cleared.
    static FakeFault hangAfter();
    /// A correct answer, one byte per `pause` of real time.
    static FakeFault drip(Milliseconds pause);
    /// The connection is reset, without an effect.
    static FakeFault resetBefore();
    /// The connection is reset after the request took effect.
    static FakeFault resetAfter();
    /// The request takes effect, but the connection ends in the middle of the answer's body.
    static FakeFault cut();

    /// 429: the node's queues are full. The error's name is OpenSearch's.
    static FakeFault overloaded();
    /// 429: the node refuses to write because its disk is too full.
    static FakeFault diskFull();
    /// 503: the primary shard is missing.
    static FakeFault unavailable();
    /// 404: there is no index behind the alias.
    static FakeFault indexMissing();
    /// 409: too many requests wrote the document at once.
    static FakeFault conflict();
    /// 401: the credentials are refused.
    static FakeFault unauthorized();
    /// 403: the user has no right to do this.
    static FakeFault forbidden();
    /// 403: writing is blocked.
    static FakeFault blocked();
    /// An error in the engine's words.
    static FakeFault error(int status, std::string type, std::string reason);
    /// A proxy's error page. This fault and the next ones have no effect on the data.
    static FakeFault html(int status = 502);
    /// Text with the content type of JSON that is not JSON.
    static FakeFault malformedJson(int status = 200);
    /// JSON that ends in the middle, in a body of the announced length.
    static FakeFault truncatedJson(int status = 200);
    /// No body at all.
    static FakeFault emptyBody(int status = 200);
    /// Any answer.
    static FakeFault answer(int status, std::string contentType, std::string body);

    /// The error for one item of a bulk only, counted from 0; the other items are carried out. Only for faults with an engine's error. It
    /// does not affect requests that are not a bulk or have no such item.
    FakeFault ofItem(std::size_t position) const;

    /// The details of the fault, for the server.
    enum class Way
    {
        delay,       ///< see delay
        hang,        ///< see hang
        hangAfter,   ///< see hangAfter
        drip,        ///< see drip
        resetBefore, ///< see resetBefore
        resetAfter,  ///< see resetAfter
        cut,         ///< see cut
        answer       ///< any fault that is an answer
    };
    Way way() const noexcept { return _way; }                                ///< what the server does
    Milliseconds pause() const noexcept { return _pause; }                   ///< of delay and drip
    int status() const noexcept { return _status; }                          ///< of an answer: the HTTP status
    const std::string& errorType() const noexcept { return _errorType; }     ///< the engine's name of an error; empty: another answer
    const std::string& reason() const noexcept { return _reason; }           ///< the engine's words; only with an errorType
    const std::string& contentType() const noexcept { return _contentType; } ///< only without an errorType
    const std::string& body() const noexcept { return _body; }               ///< only without an errorType
    std::optional<std::size_t> item() const noexcept { return _item; }       ///< the item of a bulk, see ofItem; nullopt: the whole request

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

/// The faults of later requests to a fake server: scripted, or random with a seed, so that a run can be repeated. Each rule counts the
/// requests of its kind. If several rules apply to a request, the one that was added first decides. Thread-safe; rules may be added
/// while requests are under way.
///
///     server.faults().next(FakeFault::resetAfter(), FakeRequest::acquire);
///     server.faults().byChance(0.1, FakeFault::overloaded());
class LEASEHOLD_EXPORT FakeFaults
{
public:
    /// Without rules.
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
    /// Starts the random sequence again. At first it has the seed of the server's options.
    void seed(std::uint64_t seed);

    /// Ends all faults. Requests that hang or are delayed go on, and are answered if the client is still connected.
    void clear();

    /// How many requests had a fault.
    std::size_t injected() const;
    /// How many requests hang or are delayed at this moment.
    std::size_t waiting() const;

private:
    friend class FakeElasticsearchServer;
    struct State;

    const std::unique_ptr<State> _state;
};

} // namespace Leasehold
