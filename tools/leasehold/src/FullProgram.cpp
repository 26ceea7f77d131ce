#include "FullProgram.h"

#include <filesystem>
#include <string>
#include <unistd.h>

namespace Leasehold::Tool::FullProgram
{

namespace
{

constexpr const char* fileName = "leasehold-all-stores";

} // namespace

void takeOver(const std::vector<std::string>& words)
{
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error || self.filename() == fileName)
        return;
    std::vector<char*> arguments{const_cast<char*>("leasehold")};
    for (const auto& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    // Beside this program in a build, in the folder for the programs' own programs when installed.
    for (const auto& path : {self.parent_path() / fileName, self.parent_path() / LEASEHOLD_TOOL_LIBEXEC / fileName})
        ::execv(path.c_str(), arguments.data());
}

} // namespace Leasehold::Tool::FullProgram
