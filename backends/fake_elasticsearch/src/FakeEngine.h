#pragma once

#include "FakeExchange.h"
#include "FakeIndex.h"
#include "UpdateRequest.h"

#include "Leasehold/FakeFaults.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace Leasehold::Fake
{

class Route;

/// The node without sockets and faults: indices and the requests on them. Each request is one atomic step. Thread-safe.
class FakeEngine
{
public:
    /// `now`: the node's clock, in milliseconds since 1970.
    explicit FakeEngine(std::function<std::int64_t()> now);

    /// Never throws because of the request's content. `itemFault`, if it is for an item of a bulk, makes that item fail.
    Answer handle(const Request& request, const std::optional<FakeFault>& itemFault = {});

    /// The kinds of a request, for faults and counts.
    static std::set<FakeRequest> kindsOf(const Request& request);

    /// A fault's answer.
    static Answer refusal(const FakeFault& fault);

private:
    Object answer(const Route& route, const Request& request, const std::optional<FakeFault>& itemFault, int& status);
    Object rootPage() const;
    Object createIndex(const Route& route, const Request& request);
    Object describe(const Route& route) const;
    Object deleteIndex(const Route& route);
    Object refresh(const Route& route);
    Object search(const Route& route, const Request& request);
    Object update(const Route& route, const Request& request, int& status);
    Object bulk(const Route& route, const Request& request, const std::optional<FakeFault>& itemFault);
    Object document(const Route& route, const Request& request, int& status);

    FakeIndex& resolve(const std::string& name);
    const FakeIndex& resolve(const std::string& name) const;
    FakeIndex& resolveForUpdate(const UpdateRequest& update);
    Object execute(const UpdateRequest& update, bool inBulk, int& status);
    Object bulkItem(const UpdateRequest& update, const std::optional<FakeFault>& fault, bool& failed);

    const std::function<std::int64_t()> _now;
    std::mutex _mutex;
    std::map<std::string, FakeIndex> _indices;
    std::map<std::string, std::string> _aliases; // of one index each
};

} // namespace Leasehold::Fake
