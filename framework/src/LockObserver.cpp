#include "Leasehold/LockObserver.h"

namespace Leasehold
{

void LockObserver::storeOpened(const std::string&, const std::string&, const std::string&) {}
void LockObserver::acquired(const std::string&, Fence, Elapsed) {}
void LockObserver::held(const std::string&, const LockRecord&) {}
void LockObserver::waited(const std::string&, const LockRecord&, Elapsed) {}
void LockObserver::storeUnavailable(const std::string&, const std::string&, Elapsed) {}
void LockObserver::renewed(const std::string&, Fence, Elapsed) {}
void LockObserver::renewalFailed(const std::string&, Fence, const std::string&, Milliseconds) {}
void LockObserver::lost(const std::string&, Fence, LossReason) {}
void LockObserver::released(const std::string&, Fence, Elapsed) {}
void LockObserver::releaseFailed(const std::string&, Fence, const std::string&) {}
void LockObserver::callbackMisbehaved(const std::string&) {}
void LockObserver::pruneFailed(const std::string&) {}
void LockObserver::feedDeaf(const std::string&) {}

} // namespace Leasehold
