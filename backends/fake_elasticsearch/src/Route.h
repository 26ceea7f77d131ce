#pragma once

#include "FakeExchange.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace Leasehold::Fake
{

/// Which of the things that a node can do a request asks for, with its path and its query taken apart.
class Route
{
public:
    enum class Kind
    {
        root,
        createIndex,
        describeIndex,
        deleteIndex,
        refresh,
        search,
        update,
        bulk,
        document
    };

    /// Throws Failure for a path, a method, a query or a type of content that an engine refuses, or that the fake does not know.
    explicit Route(const Request& request);

    Kind kind() const noexcept { return _kind; }
    const std::string& index() const noexcept { return _index; } ///< empty: none in the path
    const std::string& id() const noexcept { return _id; }

    /// The value of a parameter of the query; empty: it is not there.
    std::string parameter(const std::string& name) const;
    bool hasParameter(const std::string& name) const { return _query.contains(name); }

    /// Engines look for parameters that nobody wanted only after they have read the body. Throws Failure.
    void requireKnownParameters() const;

    /// Of any target, also one that is no route; empty: none.
    static std::string filterPathOf(const Request& request);

private:
    void find(const std::string& method);
    void checkParameters() const;

    std::string _path;
    std::vector<std::string> _segments;
    std::map<std::string, std::string> _query;
    Kind _kind = Kind::root;
    std::string _index;
    std::string _id;
};

} // namespace Leasehold::Fake
