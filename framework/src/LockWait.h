#pragma once

#include "Leasehold/Exceptions.h"
#include "LockAcquisition.h"
#include "WaitLines.h"

#include <optional>

namespace Leasehold
{

/// Decides when one acquisition asks the store: once, or if its caller waits, from its place in the line of the name, until the grant or
/// the end of the wait. Used by one thread.
class LockWait
{
public:
    /// Both arguments must outlive it.
    LockWait(const ServiceCore& core, LockAcquisition& acquisition) : _core(core), _acquisition(acquisition) {}

    /// Prepares the store. Waits for an unavailable store as long as for the lock.
    void prepare();

    /// Asks until the lock is granted, or returns the holder at the end of the wait. `firstAsk`: now.
    LockAcquisition::Answer obtain(LocalTime firstAsk);

private:
    using Answer = LockAcquisition::Answer;

    Answer waitInLine();
    std::optional<Answer> answerAtTheEnd(const WaitLines::Place& place, LocalTime now) const;
    std::optional<Answer> askInLine(WaitLines::Place& place, const WaitLines::Question& question, LocalTime now);
    LocalTime nextQuestion(const WaitLines::Place& place, LocalTime now);
    void planPoll(const WaitLines::Place& place, bool watched, LocalTime now);
    Milliseconds wantedFor(const WaitLines::Place& place, const WaitLines::Question& question, LocalTime now) const;
    void noteHolder(WaitLines::Place& place, const LockRecord& holder);
    void tellHolder(WaitLines::Place& place, const LockRecord& holder);
    void bearOutage(LocalTime asked, const LockStoreUnavailable& trouble);
    void endOutage();

    const ServiceCore& _core;
    LockAcquisition& _acquisition;
    LocalTime _pollAt = LocalTime::max(); // time of the next poll of the first in line; max(): not planned yet
    bool _pollsRarely = false;            // the poll is planned as for a watched name
    bool _isNoted = false;                // the last request left a note in the storage that we wait
    int _polls = 0;                       // since the wait began
    Milliseconds _lastDelay{0};           // before the last poll
    int _unanswered = 0;                  // requests since the last answer of the store
    std::optional<WaitLines::Outage> _outage{};
};

} // namespace Leasehold
