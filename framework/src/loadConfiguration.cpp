#include "Leasehold/loadConfiguration.h"

#include "Leasehold/Exceptions.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/PropertyFileConfiguration.h>

#include <fstream>
#include <sstream>

namespace Leasehold
{

namespace
{

class StrictProperties : public Poco::Util::PropertyFileConfiguration
{
public:
    explicit StrictProperties(std::string path) : _path(std::move(path)) {}

protected:
    // The loader of the base class stores each line through this.
    void setRaw(const std::string& key, const std::string& value) override
    {
        if (key.starts_with("leasehold.") && hasProperty(key))
            throw LockConfigurationError("the key " + key + " stands twice in " + _path + ": remove one of the two lines");
        PropertyFileConfiguration::setRaw(key, value);
    }

private:
    std::string _path;
};

} // namespace

std::shared_ptr<Poco::Util::AbstractConfiguration> loadConfiguration(const std::string& path)
{
    std::ifstream file(path);
    if (!file)
        throw LockConfigurationError("the configuration file " + path + " cannot be opened: check that it exists and is readable");
    // POCO's loader reads until the end of the stream, which a stream that fails never reaches: it gets a whole text instead.
    std::stringstream text;
    if (file.peek() != std::ifstream::traits_type::eof())
        text << file.rdbuf();
    if (file.bad() || text.fail())
        throw LockConfigurationError("the configuration file " + path + " cannot be read: check that it is a file of properties");
    Poco::AutoPtr<StrictProperties> properties(new StrictProperties(path));
    properties->load(text);
    // The pointer keeps a reference of its own and gives it back at the end.
    return {properties.duplicate(), [](Poco::Util::AbstractConfiguration* kept) { kept->release(); }};
}

} // namespace Leasehold
