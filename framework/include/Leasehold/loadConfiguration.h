#pragma once

#include <memory>
#include <string>

namespace Poco::Util
{
class AbstractConfiguration;
}

namespace Leasehold
{

/// Reads a properties file as Poco::Util::PropertyFileConfiguration does, but a key under `leasehold.` that stands in it twice is
/// a LockConfigurationError: there the last one would win without a word. So is a file that cannot be read.
std::shared_ptr<Poco::Util::AbstractConfiguration> loadConfiguration(const std::string& path);

} // namespace Leasehold
