#include "Leasehold/HistoryChecker.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <span>
#include <tuple>
#include <utility>

namespace Leasehold
{
namespace
{

constexpr std::size_t shownSentences = 20;
const std::string guarded = "guarded";

using Grant = std::tuple<std::string, std::string, Fence>; // process, lock, fence

std::string describe(const Grant& grant)
{
    const auto& [process, lock, fence] = grant;
    return process + " (fence " + std::to_string(fence) + ")";
}

/// "guarded w1.0-7" -> the resource and the id.
std::pair<std::string, std::string> update(const HistoryLine& line)
{
    const auto space = line.detail.find(' ');
    return {line.detail.substr(0, space), space == std::string::npos ? "" : line.detail.substr(space + 1)};
}

struct Sample
{
    HostTime time = 0;
    Grant grant{};
};

struct Granted
{
    HostTime asked = 0, told = 0;
    Grant grant{};
    Fence fence() const { return std::get<2>(grant); }
};

/// Collects the events by lock, and judges them.
class Judgement
{
public:
    void read(const std::string& process, const std::vector<HistoryLine>& lines)
    {
        std::set<Grant> over, mayBeReleased;
        std::map<Grant, HostTime> validUntil; // when its release began
        for (const auto& line : lines)
        {
            const Grant grant{process, line.lock, line.fence};
            switch (line.kind)
            {
            case HistoryKind::granted:
                ++_findings.grants;
                _grants[line.lock].push_back({line.since, line.time, grant});
                _grantTimes.push_back(line.time);
                break;
            case HistoryKind::heldSample:
                ++_findings.heldSamples;
                _samples[line.lock].push_back({line.time, grant});
                if (over.count(grant) != 0)
                    violate("lock " + line.lock + " was held again by " + describe(grant) + " at " + std::to_string(line.time) +
                            " after it was lost");
                break;
            case HistoryKind::notHeldSample:
                over.insert(grant);
                break;
            case HistoryKind::toldLost:
                ++_findings.losses;
                // Another thread writes this line than the samples, so an earlier sample may come after it in the file.
                _toldAt.emplace(grant, line.time);
                break;
            case HistoryKind::neverTold:
                violate("the loss of lock " + line.lock + " was never told to " + describe(grant));
                break;
            case HistoryKind::released:
                ++_findings.released;
                break;
            case HistoryKind::writing:
                _written[{line.lock, update(line).first}].emplace(update(line).second, line.fence);
                break;
            case HistoryKind::wrote:
                _accepted[{line.lock, update(line).first}].insert(update(line).second);
                _findings.guardedWrites += update(line).first == guarded ? 1 : 0;
                break;
            case HistoryKind::refused:
                ++_findings.guardedRefusals;
                break;
            case HistoryKind::unavailable:
                ++_findings.unavailable;
                break;
            case HistoryKind::failed:
                violate(process + " failed: " + line.detail);
                break;
            case HistoryKind::releasing:
                validUntil[grant] = line.until;
                break;
            case HistoryKind::releaseRefused:
                ++_findings.releasesRefused;
                if (line.time < validUntil[grant] && mayBeReleased.count(grant) == 0)
                    violate("the release of lock " + line.lock + " was refused to " + describe(grant) + " at " + std::to_string(line.time) +
                            ", although its lease was valid until " + std::to_string(validUntil[grant]));
                break;
            case HistoryKind::releaseUnknown:
                // The release may have taken effect, so a refusal of the next release of this grant is no violation.
                mayBeReleased.insert(grant);
                break;
            }
        }
    }

    void judgeLocks()
    {
        for (auto& [lock, samples] : _samples)
        {
            judgeExclusion(lock, samples);
            for (const auto& sample : samples)
            {
                const auto told = _toldAt.find(sample.grant);
                if (told != _toldAt.end() && told->second < sample.time)
                    violate("lock " + lock + " was held by " + describe(sample.grant) + " at " + std::to_string(sample.time) +
                            " after its loss had been told");
            }
        }
        for (auto& [lock, grants] : _grants)
            judgeFences(lock, grants);
    }

    void judgeResource(const std::string& lock, const std::string& resource, const std::vector<std::string>& ids)
    {
        const auto& accepted = _accepted[{lock, resource}];
        const auto& written = _written[{lock, resource}];
        const std::set<std::string> kept(ids.begin(), ids.end());
        const auto lost = static_cast<std::size_t>(
            std::count_if(accepted.begin(), accepted.end(), [&kept](const auto& id) { return kept.count(id) == 0; }));
        if (resource != guarded)
        {
            auto& updates = _findings.unguarded[resource];
            updates.accepted += accepted.size();
            updates.lost += lost;
            return;
        }
        const auto what = "the guarded resource of lock " + lock;
        if (lost != 0)
            violate(what + " lost " + std::to_string(lost) + " of " + std::to_string(accepted.size()) + " updates that it had accepted");
        if (kept.size() != ids.size())
            violate(what + " contains an update twice");
        Fence highest = 0;
        for (const auto& id : ids)
        {
            const auto known = written.find(id);
            if (known == written.end())
            {
                violate(what + " contains update " + id + ", which nobody wrote");
                continue;
            }
            if (known->second < highest)
                violate(what + " accepted update " + id + " of fence " + std::to_string(known->second) + " after one of fence " +
                        std::to_string(highest));
            highest = std::max(highest, known->second);
        }
    }

    HistoryFindings finish()
    {
        std::sort(_grantTimes.begin(), _grantTimes.end());
        for (std::size_t i = 1; i < _grantTimes.size(); ++i)
            _findings.longestWithoutGrant =
                std::max(_findings.longestWithoutGrant, std::chrono::nanoseconds(_grantTimes[i] - _grantTimes[i - 1]));
        return std::move(_findings);
    }

private:
    void violate(const std::string& sentence) { _findings.violations.push_back(sentence); }

    /// Sorted by time, the samples of a grant must be adjacent: if another grant's sample is between them, there were two holders.
    void judgeExclusion(const std::string& lock, std::vector<Sample>& samples)
    {
        std::stable_sort(samples.begin(), samples.end(), [](const auto& left, const auto& right) { return left.time < right.time; });
        std::set<Grant> seen;
        const Sample* last = nullptr;
        Fence highest = 0;
        for (const auto& sample : samples)
        {
            if (last != nullptr && last->grant == sample.grant)
            {
                last = &sample;
                continue;
            }
            const Fence fence = std::get<2>(sample.grant);
            if (!seen.insert(sample.grant).second)
                violate("lock " + lock + " had two holders: " + describe(sample.grant) + " at " + std::to_string(sample.time) + ", and " +
                        describe(last->grant) + " at " + std::to_string(last->time) + " within the time of the former");
            else if (fence <= highest)
                violate("lock " + lock + ": " + describe(sample.grant) + " held it at " + std::to_string(sample.time) +
                        " after a holder with the greater or same fence " + std::to_string(highest));
            highest = std::max(highest, fence);
            last = &sample;
        }
    }

    void judgeFences(const std::string& lock, std::vector<Granted>& grants)
    {
        std::map<Fence, Grant> byFence;
        for (const auto& granted : grants)
        {
            const auto [other, isNew] = byFence.emplace(granted.fence(), granted.grant);
            if (!isNew)
                violate("lock " + lock + " was granted twice with one fence: to " + describe(other->second) + " and to " +
                        describe(granted.grant));
        }
        // New fences differ by the microseconds of the clock, so consecutive numbers were reserved for the holders of one lease.
        for (auto grant = byFence.begin(); grant != byFence.end(); ++grant)
        {
            const auto next = std::next(grant);
            const bool isHandedOn =
                next != byFence.end() && next->first == grant->first + 1 && std::get<0>(next->second) == std::get<0>(grant->second);
            _findings.handedOn += isHandedOn ? 1 : 0;
        }

        auto byTold = grants;
        std::sort(byTold.begin(), byTold.end(), [](const auto& left, const auto& right) { return left.told < right.told; });
        std::sort(grants.begin(), grants.end(), [](const auto& left, const auto& right) { return left.asked < right.asked; });
        auto before = byTold.begin();
        const Granted* greatest = nullptr;
        for (const auto& granted : grants)
        {
            for (; before != byTold.end() && before->told < granted.asked; ++before)
            {
                if (greatest == nullptr || before->fence() > greatest->fence())
                    greatest = &*before;
            }
            if (greatest != nullptr && greatest->fence() > granted.fence())
                violate("lock " + lock + ": the grant to " + describe(granted.grant) + ", asked for at " + std::to_string(granted.asked) +
                        ", has a smaller fence than that to " + describe(greatest->grant) + ", told at " + std::to_string(greatest->told));
        }
    }

    HistoryFindings _findings;
    std::map<std::string, std::vector<Granted>> _grants;
    std::map<std::string, std::vector<Sample>> _samples;
    std::map<Grant, HostTime> _toldAt;
    std::map<std::pair<std::string, std::string>, std::map<std::string, Fence>> _written;
    std::map<std::pair<std::string, std::string>, std::set<std::string>> _accepted;
    std::vector<HostTime> _grantTimes;
};

} // namespace

std::string HistoryFindings::describe() const
{
    std::string text = std::to_string(grants) + " grants (" + std::to_string(handedOn) + " handed on), " + std::to_string(heldSamples) +
                       " samples held, " + std::to_string(losses) + " losses told, " + std::to_string(released) + " released (" +
                       std::to_string(releasesRefused) + " refused), store unavailable " + std::to_string(unavailable) +
                       " times; guarded: " + std::to_string(guardedWrites) + " updates, " + std::to_string(guardedRefusals) +
                       " refused as stale, none may be lost";
    for (const auto& [resource, updates] : unguarded)
        text += "; " + resource + ": lost " + std::to_string(updates.lost) + " of " + std::to_string(updates.accepted) + " updates";
    text += "; longest time without a grant " + formatDuration(std::chrono::ceil<Milliseconds>(longestWithoutGrant));
    for (const auto& violation : std::span(violations).first(std::min(violations.size(), shownSentences)))
        text += "\n  VIOLATION: " + violation;
    if (violations.size() > shownSentences)
        text += "\n  and " + std::to_string(violations.size() - shownSentences) + " violations more";
    return text;
}

void HistoryChecker::add(const std::string& process, std::vector<HistoryLine> lines)
{
    auto& all = _histories[process];
    all.insert(all.end(), std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
}

void HistoryChecker::addResource(const std::string& lock, const std::string& resource, std::vector<std::string> ids)
{
    _resources[{lock, resource}] = std::move(ids);
}

HistoryFindings HistoryChecker::check() const
{
    Judgement judgement;
    for (const auto& [process, lines] : _histories)
        judgement.read(process, lines);
    judgement.judgeLocks();
    for (const auto& [key, ids] : _resources)
        judgement.judgeResource(key.first, key.second, ids);
    return judgement.finish();
}

} // namespace Leasehold
