#include "Leasehold/loadConfiguration.h"

#include "Leasehold/Exceptions.h"

#include <Poco/AutoPtr.h>
#include <Poco/Util/PropertyFileConfiguration.h>

#include <filesystem>
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
    // The base class's loader stores each line through this function.
    void setRaw(const std::string& key, const std::string& value) override
    {
        if (key.starts_with("leasehold.") && hasProperty(key))
            throw LockConfigurationError("the key " + key + " stands twice in " + _path + ": remove one of the two lines");
        PropertyFileConfiguration::setRaw(key, value);
    }

private:
    std::string _path;
};

/// Some editors put a byte order mark at the start of the file; it would become a part of the first key.
void skipByteOrderMark(std::istream& text, const std::string& path)
{
    std::string start(3, '\0');
    text.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(text.gcount()));
    text.clear();
    if (start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF"))
        throw LockConfigurationError("the configuration file " + path + " is in UTF-16: save it as UTF-8");
    if (start != "\xEF\xBB\xBF")
        text.seekg(0);
}

} // namespace

std::shared_ptr<Poco::Util::AbstractConfiguration> loadConfiguration(const std::string& path)
{
    std::ifstream file(path);
    if (!file)
        throw LockConfigurationError("the configuration file " + path + " cannot be opened: check that it exists and is readable");
    // POCO's loader reads until the end of the stream, which a failed stream never reaches. So it gets the whole text instead.
    std::stringstream text;
    if (file.peek() != std::ifstream::traits_type::eof())
        text << file.rdbuf();
    if (file.bad() || text.fail())
        throw LockConfigurationError("the configuration file " + path + " cannot be read: check that it is a file of properties");
    skipByteOrderMark(text, path);
    Poco::AutoPtr<StrictProperties> properties(new StrictProperties(path));
    properties->load(text);
    // Poco::Util::Application sets the same key.
    properties->setString("application.configDir", std::filesystem::absolute(path).parent_path().string() + "/");
    // The AutoPtr takes a reference of its own and releases it at the end.
    return {properties.duplicate(), [](Poco::Util::AbstractConfiguration* kept) { kept->release(); }};
}

} // namespace Leasehold
