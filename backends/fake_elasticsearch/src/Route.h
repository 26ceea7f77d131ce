#pragma once

#include "FakeExchange.h"

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace Leasehold::Fake
{

/// The operation that a request asks for, with its parsed path and query.
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

    /// The value of a query parameter; empty: absent.
    std::string parameter(const std::string& name) const;
    bool hasParameter(const std::string& name) const { return _query.contains(name); }

    /// Throws Failure for query parameters that were not read. Engines check them only after they have read the body.
    void requireKnownParameters() const;

    /// The same for any target, also if it is not a route; empty: absent.
    static std::string filterPathOf(const Request& request);

private:
    void find(const std::string& method);
    void findInIndex(const std::string& method);
    void allow(const std::string& method, std::initializer_list<const char*> methods) const;
    void checkParameters() const;

    std::string _path;
    std::vector<std::string> _segments;
    std::map<std::string, std::string> _query;
    Kind _kind = Kind::root;
    std::string _index;
    std::string _id;
};

} // namespace Leasehold::Fake
