#include "EtcdCluster.h"

#include "Leasehold/waitUntil.h"

#include <stdexcept>

namespace Leasehold
{

using namespace std::chrono_literals;

EtcdCluster::EtcdCluster(EtcdKind kind, std::vector<EtcdSetup> setups)
{
    std::string members;
    for (auto& setup : setups)
    {
        _nodes.push_back(std::make_unique<EtcdServer>(kind, "node-" + std::to_string(_nodes.size()), std::move(setup)));
        members += (members.empty() ? "" : ",") + _nodes.back()->peer();
    }
    for (const auto& node : _nodes)
    {
        node->joins(members);
        node->launch();
    }
    for (const auto& node : _nodes)
        node->awaitAnswer();
}

std::string EtcdCluster::urls() const
{
    std::string urls;
    for (const auto& node : _nodes)
        urls += (urls.empty() ? "" : ",") + node->url();
    return urls;
}

std::string EtcdCluster::statusOf(std::size_t index, const char* field)
{
    try
    {
        const auto answer = node(index).ask("POST", "/v3/maintenance/status", "{}", 2s);
        const auto name = '"' + std::string(field) + R"(":")";
        const auto at = answer.body.find(name);
        if (answer.status != 200 || at == std::string::npos)
            return {};
        const auto begin = at + name.size();
        return answer.body.substr(begin, answer.body.find('"', begin) - begin);
    }
    catch (const Net::CallFailure&)
    {
        return {};
    }
}

std::optional<std::size_t> EtcdCluster::leaderToldBy(std::size_t index)
{
    const auto leader = statusOf(index, "leader");
    for (std::size_t each = 0; each < _nodes.size() && !leader.empty(); ++each)
    {
        if (statusOf(each, "member_id") == leader)
            return each;
    }
    return std::nullopt;
}

std::size_t EtcdCluster::leader(std::optional<std::size_t> without)
{
    std::optional<std::size_t> found;
    const auto isTold = [&]
    {
        found = leaderToldBy(without == std::size_t{0} ? 1 : 0);
        return found && found != without;
    };
    if (!waitUntil(isTold, 1min))
        throw std::runtime_error("the cluster has no leader");
    return *found;
}

void EtcdCluster::awaitHealth()
{
    const auto isHealthy = [&]
    {
        for (std::size_t each = 0; each < _nodes.size(); ++each)
        {
            if (!leaderToldBy(each) || leaderToldBy(each) != leaderToldBy(0))
                return false;
        }
        return true;
    };
    if (!waitUntil(isHealthy, 1min))
        throw std::runtime_error("the cluster does not become healthy");
}

} // namespace Leasehold
