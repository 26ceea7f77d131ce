#include "Leasehold/ReferenceStorage.h"

namespace Leasehold
{

void ReferenceStorage::advance(Milliseconds span)
{
    _ms += span.count();
    stepWallClock(span);
}

void ReferenceStorage::stepWallClock(Milliseconds by)
{
    _wall += std::chrono::microseconds(by).count();
}

void ReferenceStorage::pretendClockWasAhead(const std::string& name, Milliseconds by)
{
    enter(
        [&](Records& records)
        {
            auto& record = records.at(name).value();
            record.acquiredAt += by.count();
            record.expiresAt += by.count();
        });
}

std::optional<std::int64_t> ReferenceStorage::restartedAt() const
{
    const auto at = _restartedAt.load();
    return at == never ? std::nullopt : std::optional(at);
}

void ReferenceStorage::rebootHost(Milliseconds away)
{
    advance(away);
    _hostBootedAt = _ms.load();
}

void ReferenceStorage::empty()
{
    enter([](Records& records) { records.clear(); });
}

void ReferenceStorage::backUp()
{
    enter([this](Records& records) { _backup = records; });
}

void ReferenceStorage::restoreBackup()
{
    enter([this](Records& records) { records = _backup; });
}

} // namespace Leasehold
