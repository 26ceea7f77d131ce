#pragma once

#include <string>
#include <vector>

namespace Leasehold::Tool
{

/// The same program with every store. `leasehold` itself has only those that need no network: loading the libraries of the others
/// would double the time that it takes to start.
namespace FullProgram
{

/// Becomes it, with these words after the program's name. Returns if this is it, or if it is not installed; the caller then
/// goes on, and says that the store is not known.
void takeOver(const std::vector<std::string>& words);

} // namespace FullProgram

} // namespace Leasehold::Tool
