#pragma once

#include <map>
#include <string>
#include <vector>

#include <Poco/Dynamic/Var.h>

namespace Leasehold
{

/// The answer of a node.
struct NodeAnswer
{
    int status = 0;
    std::string contentType{}; ///< without its parameters
    std::string body{};
};

/// One place where two answers differ. `path`: "status", "error.type", "items.0.update.result"; empty text: absent there.
struct AnswerDifference
{
    std::string path{};
    std::string fake{}, engine{};
};

/// Compares the answers of two nodes to the same request. It ignores durations, the text of reasons, positions of errors in scripts and
/// texts, and an engine's name and version. Ids of indices may differ if the same id always means the same index. Times and fences from
/// a clock may differ by ten seconds.
class AnswerComparison
{
public:
    /// `now`: milliseconds since 1970, approximately.
    explicit AnswerComparison(std::int64_t now) : _now(now) {}

    std::vector<AnswerDifference> differences(const NodeAnswer& fake, const NodeAnswer& engine);

private:
    using Numbers = std::map<std::string, std::size_t>;

    std::string alike(const std::string& key, const Poco::Dynamic::Var& value, Numbers& ids) const;
    void compare(const std::string& path, const std::string& key, const Poco::Dynamic::Var& fake, const Poco::Dynamic::Var& engine,
                 std::vector<AnswerDifference>& found);
    bool areSameMoment(const Poco::Dynamic::Var& fake, const Poco::Dynamic::Var& engine) const;

    const std::int64_t _now;
    Numbers _fakeIds;   // an index's id -> which one it was
    Numbers _engineIds; // the same, as the engine calls them
};

} // namespace Leasehold
