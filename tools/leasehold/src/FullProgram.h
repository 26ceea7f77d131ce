#pragma once

#include <string>
#include <vector>

namespace Leasehold::Tool
{

/// The same program with every store. `leasehold` itself has only the stores that need no network: loading the libraries of the others
/// would double its start-up time.
namespace FullProgram
{

/// Executes that program with these words after the program's name, because this program has no store of that type. Returns if this is
/// that program, or if none was built: the caller then reports an unknown type. Throws LockConfigurationError if it cannot be executed.
void takeOver(const std::string& type, const std::vector<std::string>& words);

} // namespace FullProgram

} // namespace Leasehold::Tool
