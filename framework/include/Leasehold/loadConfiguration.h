#pragma once

#include "Leasehold/Export.h"

#include <memory>
#include <string>

namespace Poco::Util
{
class AbstractConfiguration;
}

namespace Leasehold
{

/// Reads the properties file at `path`, like Poco::Util::PropertyFileConfiguration. For LockManagerService::fromConfiguration.
///
/// Throws LockConfigurationError if the file cannot be read, or if a key under `leasehold.` occurs twice in it (in POCO the last one
/// wins silently). A UTF-8 byte order mark is skipped. The key `application.configDir` becomes the file's folder: relative paths
/// in the file start there (StoreSettings::resolvePath).
LEASEHOLD_EXPORT std::shared_ptr<Poco::Util::AbstractConfiguration> loadConfiguration(const std::string& path);

} // namespace Leasehold
