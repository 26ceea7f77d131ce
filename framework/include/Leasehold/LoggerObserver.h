#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/LockObserver.h"

#include <string>

namespace Poco
{
class Logger;
}

namespace Leasehold
{

/// Writes the events of a service to a Poco logger: losses as errors; failed renewals, releases and waits as warnings; grants and
/// releases as debug; renewals as trace. The default observer of a service, with the logger "Leasehold".
class LEASEHOLD_EXPORT LoggerObserver : public LockObserver
{
public:
    /// Writes to the Poco logger of that name.
    explicit LoggerObserver(const std::string& loggerName = "Leasehold");

    void storeOpened(const std::string& type, const std::string& location, const std::string& warning) override;
    void acquired(const std::string& name, Fence fence, Elapsed took) override;
    void held(const std::string& name, const LockRecord& holder) override;
    void waited(const std::string& name, const LockRecord& holder, Elapsed soFar) override;
    void storeUnavailable(const std::string& name, const std::string& why, Elapsed soFar) override;
    void renewed(const std::string& name, Fence fence, Elapsed took) override;
    void renewalFailed(const std::string& name, Fence fence, const std::string& why, Milliseconds leftOfTheLease) override;
    void lost(const std::string& name, Fence fence, LossReason reason) override;
    void released(const std::string& name, Fence fence, Elapsed heldFor) override;
    void releaseFailed(const std::string& name, Fence fence, const std::string& why) override;
    void callbackMisbehaved(const std::string& what) override;
    void pruneFailed(const std::string& why) override;
    void feedDeaf(const std::string& why) override;

private:
    Poco::Logger& _logger;
};

} // namespace Leasehold
