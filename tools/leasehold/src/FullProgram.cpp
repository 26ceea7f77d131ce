#include "FullProgram.h"

#include "Leasehold/Exceptions.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace Leasehold::Tool::FullProgram
{

namespace
{

#ifdef LEASEHOLD_HAS_ALL_STORES
constexpr bool isBuilt = true;
#else
constexpr bool isBuilt = false;
#endif
constexpr const char* fileName = "leasehold-all-stores";

} // namespace

void takeOver(const std::string& type, const std::vector<std::string>& words)
{
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!isBuilt || self.filename() == fileName)
        return;
    if (error)
        throw LockConfigurationError("the store type \"" + type + "\" needs the program " + fileName +
                                     ", which cannot be found, because /proc/self/exe cannot be read (" + error.message() +
                                     "): mount /proc");
    std::vector<char*> arguments{const_cast<char*>("leasehold")};
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    // Beside this program in a build, in the folder for the programs' own programs when installed.
    std::string tried;
    for (const auto& path : {self.parent_path() / fileName, (self.parent_path() / LEASEHOLD_TOOL_LIBEXEC / fileName).lexically_normal()})
    {
        ::execv(path.c_str(), arguments.data());
        tried.append(tried.empty() ? "" : ", ").append(path.string()).append(": ").append(std::strerror(errno));
    }
    throw LockConfigurationError("this program itself has no store of type \"" + type + "\", and the program with all stores, " + fileName +
                                 ", cannot be run (" + tried + "): install the whole package, not bin/leasehold alone, or check the type");
}

} // namespace Leasehold::Tool::FullProgram
